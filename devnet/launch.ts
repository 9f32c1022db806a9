import { request } from 'node:http';
import { availableParallelism } from 'node:os';
import { checkConfig, checkNetwork, loadGiven, type CheckedEngine, type ConfigFlags } from '../src/node/config.ts';
import { devKeys, type DevKeys } from '../src/node/dev-keys.ts';
import type { NodeMessage } from '../src/node/ipc.ts';
import { ConfigError, ParleyError } from '../src/util/errors.ts';
import { openDataDir, planDataDir, type DataDir } from './data-dir.ts';
import { NodeChild } from './node-child.ts';
import { jsonOutput, textOutput, type Output, type ReadyNode } from './output.ts';

/** Longest a stopping node may take before it is killed; nodes stop within 3 s. */
const STOP_GRACE_MS = 5_000;
const READY_TIMEOUT_MS = 60_000;
const HASH_RATE_MEASURED_MS = 150;
/** What is left of the cores for miners, which run at low priority. */
const MINERS_SHARE = 0.5;

export type DevnetOptions = {
  readonly configFile: string | undefined;
  readonly flags: ConfigFlags;
  readonly fresh: boolean;
  readonly json: boolean;
};

/** Runs a devnet until it is told to stop. Resolves with the exit code; throws what kept it from starting. */
export async function runDevnet(options: DevnetOptions): Promise<number> {
  const startedAt = performance.now();
  const output = options.json ? jsonOutput : textOutput;
  const given = loadGiven(options.configFile, options.flags);
  const asked = checkConfig(given, options.configFile);
  const opening = { fresh: options.fresh, now: Date.now() };
  const plan = planDataDir(asked['data-dir'], given, opening);
  const engine = await checkNetwork(plan.config);
  const dataDir = openDataDir(asked['data-dir'], await withHashRate(given, plan, engine), opening);
  const devnet = new Devnet(dataDir, engine, output);
  const stopAsked = new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  try {
    const started = await Promise.race([devnet.ready(startedAt).then(() => true), stopAsked.then(() => false)]);
    const ended = started ? await Promise.race([stopAsked.then(() => null), devnet.allExited()]) : null;
    if (ended !== null)
      throw new ParleyError('DEVNET_ENDED', 'every node has ended; see their logs in the data directory');
  } finally {
    await devnet.stop();
    dataDir.release();
  }
  output.stopped();
  return 0;
}

/** A new chain of work begins at the pace of this machine: so many hashes all its nodes come to in a second. */
async function withHashRate(
  given: Record<string, unknown>,
  { config, created }: ReturnType<typeof planDataDir>,
  { factory }: CheckedEngine,
): Promise<Record<string, unknown>> {
  if (!created || !factory.traits.usesWork || config.engine['hash-rate'] !== undefined) return given;
  const { measureHashRate } = await import('../src/node/hash-rate.ts');
  const miners = Math.min(config.nodes, availableParallelism());
  const hashRate = Math.max(1, Math.round(measureHashRate(HASH_RATE_MEASURED_MS) * miners * MINERS_SHARE));
  return { ...given, engine: { ...config.engine, 'hash-rate': hashRate } };
}

class Devnet {
  readonly #dataDir: DataDir;
  readonly #engine: CheckedEngine;
  readonly #output: Output;
  readonly #children: NodeChild[] = [];
  #stopping = false;

  constructor(dataDir: DataDir, engine: CheckedEngine, output: Output) {
    this.#dataDir = dataDir;
    this.#engine = engine;
    this.#output = output;
  }

  /** Starts every node; resolves when each has answered and the first block is everywhere. */
  async ready(startedAt: number): Promise<void> {
    const { config, created, path } = this.#dataDir;
    const keys = devKeys(config);
    const { accounts } = keys;
    const started = Array.from({ length: config.nodes }, (_, index) => this.#startNode(index, keys));
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () =>
          reject(
            new ParleyError(
              'DEVNET_NOT_READY',
              `no block within ${READY_TIMEOUT_MS / 1000} s; see the logs in ${path}`,
            ),
          ),
        READY_TIMEOUT_MS,
      );
    });
    const nodes = await Promise.race([Promise.all(started), tooLate]).finally(() => clearTimeout(timer));
    this.#output.ready({
      config,
      consensus: this.#engine.factory.id,
      nodes,
      accounts,
      created,
      elapsedMs: performance.now() - startedAt,
    });
  }

  allExited(): Promise<'exited'> {
    return Promise.all(this.#children.map((child) => child.exited)).then(() => 'exited' as const);
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#children.map((child) => child.stop(STOP_GRACE_MS)));
  }

  async #startNode(index: number, keys: DevKeys): Promise<ReadyNode> {
    const { config, path: dataDir } = this.#dataDir;
    const progress = new NodeProgress();
    const child = new NodeChild({ index, config, keys, dataDir, onMessage: (message) => progress.take(message) });
    this.#children.push(child);
    void child.exited.then(({ code, signal }) => {
      const how = signal ?? `exit code ${code ?? 'unknown'}`;
      progress.fail(
        new ParleyError(
          'NODE_ENDED',
          `node ${index} ended while starting (${how}); see ${dataDir}/node-${index}/node.log`,
        ),
      );
      if (!this.#stopping && progress.isReady) this.#output.exited(index, how);
    });
    const listening = await progress.listening;
    await answered(listening.rpc);
    const { factory, params } = this.#engine;
    // Where the chain may stand still, the first block waits for the first transaction.
    if (!factory.idles(params)) await progress.firstBlock;
    progress.isReady = true;
    const { rpc, ws, p2p, validator } = listening;
    return { index, rpc, ws, p2p, pid: child.pid, validator };
  }
}

type Listening = Extract<NodeMessage, { type: 'listening' }>;

/** What one node has told so far. */
class NodeProgress {
  isReady = false;
  readonly listening: Promise<Listening>;
  readonly firstBlock: Promise<void>;
  readonly #heard = Promise.withResolvers<Listening>();
  readonly #block = Promise.withResolvers<void>();

  constructor() {
    this.listening = this.#heard.promise;
    this.firstBlock = this.#block.promise;
    // A failure is reported by whoever waits; where nobody does yet, it must not end the process.
    this.listening.catch(() => {});
    this.firstBlock.catch(() => {});
  }

  take(message: NodeMessage): void {
    if (message.type === 'listening') this.#heard.resolve(message);
    else if (message.type === 'head' && message.head.number > 0) this.#block.resolve();
    else if (message.type === 'failed') {
      this.fail(message.config ? new ConfigError(message.message) : new ParleyError('NODE_FAILED', message.message));
    }
  }

  fail(error: Error): void {
    this.#heard.reject(error);
    this.#block.reject(error);
  }
}

/** Resolves when the node answers a call over HTTP. */
function answered(url: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const call = request(
      url,
      { method: 'POST', headers: { 'content-type': 'application/json' }, agent: false },
      (response) => {
        response.resume();
        response.once('end', resolve);
      },
    );
    call.once('error', reject);
    call.end('{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":[]}');
  });
}
