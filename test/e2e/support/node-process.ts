import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { openDataDir } from '../../../devnet/data-dir.ts';
import { CLI, temporaryDir } from './devnet.ts';
import { freePorts } from './ports.ts';
import { rpcAt, type Rpc } from './rpc.ts';
import { until } from './wait.ts';

/** Nodes end with the test process, whatever ends it. */
const started = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of started) child.kill('SIGKILL');
});

/** One node under the test's own hand: started, killed and started again on the same data, as an operator would with `parley node`. */
export class TestNode {
  readonly index: number;
  readonly rpcUrl: string;
  readonly rpc: Rpc;
  readonly #configFile: string;
  readonly #dataDir: string;
  #process: ChildProcess | null = null;

  constructor(options: {
    readonly index: number;
    readonly configFile: string;
    readonly dataDir: string;
    readonly rpcPort: number;
  }) {
    this.index = options.index;
    this.#configFile = options.configFile;
    this.#dataDir = options.dataDir;
    this.rpcUrl = `http://127.0.0.1:${options.rpcPort + options.index}`;
    this.rpc = rpcAt(this.rpcUrl);
  }

  get isRunning(): boolean {
    return this.#process !== null && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Returns at once; see `answering`. */
  start(): void {
    if (this.isRunning) return;
    const directory = join(this.#dataDir, `node-${this.index}`);
    mkdirSync(directory, { recursive: true });
    const log = openSync(join(directory, 'node.log'), 'a');
    this.#process = spawn(
      process.execPath,
      [CLI, 'node', '--config', this.#configFile, '--index', String(this.index)],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const child = this.#process;
    started.add(child);
    child.once('exit', () => started.delete(child));
  }

  /** Resolves when the node answers. */
  async answering(timeoutMs = 30_000): Promise<void> {
    await until(`node ${this.index} answers`, () => this.rpc<string>('eth_chainId'), { timeoutMs, everyMs: 20 });
  }

  /** Resolves with the exit code when the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | null> {
    const child = this.#process;
    if (child === null || !this.isRunning) return child?.exitCode ?? null;
    const exited = new Promise<number | null>((done) => child.once('exit', (code) => done(code)));
    child.kill(signal);
    return exited;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }
}

export type TestNetwork = {
  readonly nodes: readonly TestNode[];
  readonly dataDir: string;
  readonly configFile: string;
  stop(): Promise<void>;
};

/** A devnet's data directory with its nodes not yet started. `keys` are configuration keys, such as `block-time`. */
export async function createNetwork(keys: Readonly<Record<string, unknown>> = {}): Promise<TestNetwork> {
  const count = Number(keys['nodes'] ?? 4);
  const rpcPort = await freePorts(count);
  const p2pPort = await freePorts(count);
  const dataDir = join(temporaryDir(), 'data');
  const given = { ...keys, 'rpc-port': rpcPort, 'p2p-port': p2pPort };
  const opened = openDataDir(dataDir, given, { fresh: false, now: Date.now() });
  opened.release();
  const { configFile } = opened;
  const nodes = Array.from({ length: count }, (_, index) => new TestNode({ index, configFile, dataDir, rpcPort }));
  return {
    nodes,
    dataDir,
    configFile,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.kill('SIGKILL')));
    },
  };
}
