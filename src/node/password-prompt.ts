import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';
import { ConfigError, ParleyError } from '../util/errors.ts';
import { readPasswordFile } from './key-file.ts';

/** The terminal as the prompt needs it: process.stdin and process.stderr. */
export type Terminal = {
  readonly input: NodeJS.ReadableStream & { readonly isTTY?: boolean };
  readonly output: NodeJS.WritableStream;
};

/** Where passwords come from on the command line: a file that is named, else whoever sits at the terminal. Never an argument. */
export class PasswordPrompt {
  readonly #terminal: Terminal;
  readonly #lines: string[] = [];
  #reader: Interface | null = null;
  #isClosed = false;
  #wake: () => void = () => {};

  constructor(terminal: Terminal = { input: process.stdin, output: process.stderr }) {
    this.#terminal = terminal;
  }

  /** `option` names the file on the command line. Throws ConfigError where it cannot be read, or nobody can be asked. */
  async existing(file: string | undefined, option: string, question: string): Promise<string> {
    return file === undefined ? this.#ask(question, option) : readPasswordFile(file, option);
  }

  /** Asked for twice. Throws as `existing`, also where the two differ. */
  async chosen(file: string | undefined, option: string, question: string): Promise<string> {
    if (file !== undefined) return readPasswordFile(file, option);
    const password = await this.#ask(question, option);
    if ((await this.#ask('the same again', option)) === password) return password;
    throw new ConfigError('the two passwords differ; nothing was written', { path: option });
  }

  /** To be called when all is asked: an open terminal keeps the process alive. */
  close(): void {
    this.#reader?.close();
  }

  async #ask(question: string, option: string): Promise<string> {
    const { input, output } = this.#terminal;
    if (input.isTTY !== true) {
      throw new ConfigError(`there is no terminal to ask for the password: name a file with ${option}`, {
        path: option,
      });
    }
    this.#open();
    output.write(`${question}: `);
    while (this.#lines.length === 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    output.write('\n');
    const line = this.#lines.shift();
    if (line === undefined) throw new ParleyError('INTERRUPTED', 'no password was given; nothing was written');
    return line;
  }

  /** One reader for all questions, so that what is typed ahead is not lost. It echoes into nothing and keeps no history. */
  #open(): void {
    if (this.#reader !== null) return;
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const { input } = this.#terminal;
    const reader = createInterface({ input, output: nowhere, terminal: true, historySize: 0 });
    reader.on('line', (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    reader.on('SIGINT', () => reader.close());
    reader.on('close', () => {
      this.#isClosed = true;
      this.#wake();
    });
    this.#reader = reader;
  }
}
