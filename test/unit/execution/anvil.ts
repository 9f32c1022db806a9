import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';

const COMMAND = fileURLToPath(new URL('../../../node_modules/.bin/anvil', import.meta.url));
const START_TIMEOUT_MS = 20_000;

/** An Anvil process as an independent judge of what transactions do. Mines when told. */
export class Anvil {
  readonly #process: ChildProcess;
  readonly #url: string;
  #id = 0;

  private constructor(process: ChildProcess, port: number) {
    this.#process = process;
    this.#url = `http://127.0.0.1:${port}`;
  }

  /** null: it cannot be started here. */
  static async start(args: readonly string[]): Promise<Anvil | null> {
    const port = await freePort();
    const all = ['--port', String(port), '--host', '127.0.0.1', '--quiet', '--no-mining', '--order', 'fifo', ...args];
    // In a group of its own: the command is a wrapper around the real process.
    const child = spawn(COMMAND, all, { stdio: 'ignore', detached: true });
    const failed = new Promise<'failed'>((resolve) => {
      child.once('error', () => resolve('failed'));
      child.once('exit', () => resolve('failed'));
    });
    const anvil = new Anvil(child, port);
    const deadline = Date.now() + START_TIMEOUT_MS;
    while (Date.now() < deadline) {
      const answer = await Promise.race([failed, anvil.call('eth_chainId', []).catch(() => null)]);
      if (answer === 'failed') return null;
      if (answer !== null) return anvil;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    anvil.stop();
    return null;
  }

  async call<T>(method: string, params: readonly unknown[]): Promise<T> {
    const body = JSON.stringify({ jsonrpc: '2.0', id: ++this.#id, method, params });
    const response = await fetch(this.#url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    const answer = (await response.json()) as { result?: T; error?: { message: string } };
    if (answer.error !== undefined) throw new Error(`${method}: ${answer.error.message}`);
    return answer.result as T;
  }

  stop(): void {
    const { pid } = this.#process;
    if (pid === undefined || this.#process.exitCode !== null) return;
    process.kill(-pid, 'SIGKILL');
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}
