import { spawn, type ChildProcess } from 'node:child_process';
import { CLI } from './devnet.ts';

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const launched = new Set<Launcher>();
process.once('exit', () => {
  for (const launcher of launched) launcher.signal('SIGKILL');
});

/** The command line as a person has it before them: what it prints, signals, how it ends. */
export class Launcher {
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #stdout = '';
  #stderr = '';

  constructor(args: readonly string[], command: readonly string[] = [process.execPath, CLI], cwd?: string) {
    const [file = '', ...rest] = [...command, ...args];
    this.#process = spawn(file, rest, { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    launched.add(this);
    this.#process.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString();
      this.#wake();
    });
    this.#process.stderr?.on('data', (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.exited = new Promise((done) => {
      this.#process.once('close', (code, signal) => {
        launched.delete(this);
        done({ code, signal });
        this.#wake();
      });
    });
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Whole lines printed so far. */
  get lines(): readonly string[] {
    return this.#stdout.split('\n').slice(0, -1);
  }

  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** Resolves with the first line that fits; throws when the process ends without one. */
  async line(fits: (line: string) => boolean): Promise<string> {
    let ended = false;
    void this.exited.then(() => (ended = true));
    for (;;) {
      const found = this.lines.find(fits);
      if (found !== undefined) return found;
      if (ended) throw new Error(`ended without the awaited line; it printed: ${this.#stdout}${this.#stderr}`);
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      void this.exited.then(() => resolve());
      await promise;
    }
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

/** Stops what tests launched; call it in afterAll. */
export async function stopLaunched(): Promise<void> {
  await Promise.all(
    [...launched].map((launcher) => {
      launcher.signal('SIGTERM');
      return launcher.exited;
    }),
  );
}

/** Whether a process of that number exists and has not ended. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
