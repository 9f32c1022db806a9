import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { expect, vi } from 'vitest';
import { startDevnet, temporaryDir, type ReadyNode, type RunningDevnet } from './devnet.ts';
import { HEAP_NODE_OPTIONS, heapBytes } from './heap.ts';
import { metricOf, textAt } from './metrics.ts';
import { PoliteClient } from './polite-client.ts';
import { postBody } from './raw-client.ts';
import { heightOf, RpcError, type Rpc } from './rpc.ts';
import { until } from './wait.ts';

/** What still counts as usable, on a machine that has much else to do. */
const SLOWEST_MS_MAX = 5_000;
/** The attackers have the others. */
const POLITE_ADDRESS = '127.0.0.2';

const CONNECTIONS = 'parley_rpc_connections{kind="http"}';
const WEB_SOCKETS = 'parley_rpc_connections{kind="websocket"}';
const SUBSCRIPTIONS = 'parley_rpc_subscriptions';

/** A devnet of one node, which clients of the test attack while a polite one goes on with its business. */
export class AttackedNode {
  readonly url: string;
  readonly rpc: Rpc;
  /** It signs for them. */
  readonly accounts: readonly string[];
  readonly #node: ReadyNode;
  readonly #log: string;
  readonly #polite: PoliteClient;
  /** Of the polite client's calls. */
  readonly #timesMs: number[] = [];
  #height = 0;
  #connections = 1;

  private constructor({ ready, dataDir }: RunningDevnet, node: ReadyNode, polite: PoliteClient) {
    this.url = node.rpc;
    this.rpc = fleetingRpc(node.rpc);
    this.accounts = ready.accounts;
    this.#node = node;
    this.#log = join(dataDir, 'node-0', 'node.log');
    this.#polite = polite;
  }

  /** `limits`: keys of `[rpc.limits]`. */
  static async begin(limits: Readonly<Record<string, number>>): Promise<AttackedNode> {
    const config = join(temporaryDir(), 'devnet.toml');
    writeFileSync(config, stringify({ rpc: { limits } }));
    vi.stubEnv('NODE_OPTIONS', HEAP_NODE_OPTIONS);
    const devnet = await startDevnet({ nodes: 1, args: ['--config', config, '--block-time', '500'] });
    vi.unstubAllEnvs();
    const [node] = devnet.ready.nodes as [ReadyNode];
    const account = devnet.ready.accounts.at(-1) ?? '';
    const balance = await fleetingRpc(node.rpc)<string>('eth_getBalance', [account, 'latest']);
    const polite = new PoliteClient({ url: node.rpc, localAddress: POLITE_ADDRESS, account, balance });
    const attacked = new AttackedNode(devnet, node, polite);
    await attacked.expectUnharmed();
    return attacked;
  }

  async end(): Promise<void> {
    await this.#polite.stop();
  }

  /** Each call of the polite client since the last time was answered, rightly and soon; blocks go on, and no part of the node has failed. */
  async expectUnharmed(): Promise<void> {
    const { timesMs, failures, connections, height } = await this.#polite.report();
    const before = { connections: this.#connections, height: this.#height };
    this.#connections = connections;
    this.#height = height;
    expect(failures).toEqual([]);
    expect(timesMs.length).toBeGreaterThan(0);
    expect(Math.max(...timesMs)).toBeLessThan(SLOWEST_MS_MAX);
    this.#timesMs.push(...timesMs);
    expect(connections).toBe(before.connections);
    expect(height).toBeGreaterThanOrEqual(before.height);
    await until('the next block', async () => (await heightOf(this.rpc)) > height, { timeoutMs: 10_000 });
    const health = JSON.parse(await textAt(`${this.url}/health`)) as { readonly status: string };
    expect(health.status).toBe('ok');
    expect(this.logLines('"level":"error"')).toEqual([]);
  }

  /** What the polite client has had of it so far. */
  service(): { readonly calls: number; readonly p50Ms: number; readonly p99Ms: number; readonly slowestMs: number } {
    const sorted = this.#timesMs.toSorted((a, b) => a - b);
    const at = (share: number): number => Math.round(sorted[Math.floor(share * (sorted.length - 1))] ?? NaN);
    return { calls: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), slowestMs: at(1) };
  }

  /** Nobody is there but the polite client. */
  async deserted(): Promise<void> {
    await until('all others are gone', async () => {
      const counts = await Promise.all([CONNECTIONS, WEB_SOCKETS, SUBSCRIPTIONS].map((name) => this.metric(name)));
      if (counts.join() !== '1,0,0') throw new Error(`connections, WebSockets and subscriptions: ${counts.join()}`);
      return true;
    });
  }

  /** After a collection. */
  heapBytes(): Promise<number> {
    return heapBytes({ pid: this.#node.pid, log: this.#log });
  }

  /** Most that was in memory at any time; null where the system does not tell. */
  peakBytes(): number | null {
    const status = `/proc/${this.#node.pid}/status`;
    const kib = existsSync(status) ? /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(status, 'utf8'))?.[1] : undefined;
    return kib === undefined ? null : Number(kib) * 1024;
  }

  metric(name: string): Promise<number> {
    return metricOf(this.url, name);
  }

  /** As in `parley_rpc_refused_total`. */
  async refused(reason: string): Promise<number> {
    const count = await this.metric(`parley_rpc_refused_total{reason="${reason}"}`);
    return Number.isNaN(count) ? 0 : count;
  }

  logLines(...has: readonly string[]): readonly string[] {
    const lines = readFileSync(this.#log, 'utf8').split('\n');
    return lines.filter((line) => has.every((part) => line.includes(part)));
  }
}

/** Each call over a connection that ends with it: those that are left belong to others. */
function fleetingRpc(url: string): Rpc {
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const { answer } = await postBody(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
    const { result, error } = answer as { result?: T; error?: ConstructorParameters<typeof RpcError>[1] };
    if (error !== undefined) throw new RpcError(method, error);
    return result as T;
  };
}
