import type { Rpc } from './rpc.ts';

export type ConsensusStatus = {
  readonly head: { readonly hash: string; readonly number: number };
  readonly safe: { readonly hash: string; readonly number: number };
  readonly finalized: { readonly hash: string; readonly number: number };
  readonly counters: { readonly [name: string]: number };
  readonly fault: string | null;
};

type Watched = { readonly index: number; readonly rpc: Rpc };

const INTERVAL_MS = 120;
const TIMEOUT_MS = 3_000;

/**
 * Asks all nodes for their consensus_status again and again, whether they live or not, and writes down what must never
 * happen: two final blocks of one height, finality that goes back, a fault, evidence.
 */
export class FinalityWatch {
  readonly problems: string[] = [];
  /** Every block that any node ever called final. */
  readonly finalized = new Map<number, string>();
  /** Highest finalized height told by each node, over its restarts. */
  readonly told = new Map<number, number>();
  readonly #nodes: readonly Watched[];
  #stopped = false;
  #loops: Promise<void>[] = [];

  constructor(nodes: readonly Watched[]) {
    this.#nodes = nodes;
  }

  start(): void {
    this.#loops = this.#nodes.map((node) => this.#loop(node));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#loops);
  }

  get highest(): number {
    return Math.max(0, ...this.finalized.keys());
  }

  async look(node: Watched): Promise<ConsensusStatus> {
    const status = await node.rpc<ConsensusStatus>('consensus_status');
    this.#take(node.index, status);
    return status;
  }

  async #loop(node: Watched): Promise<void> {
    while (!this.#stopped) {
      // A node that is down or stopped does not answer; the test knows which.
      await Promise.race([this.look(node).catch(() => null), pause(TIMEOUT_MS)]);
      await pause(INTERVAL_MS);
    }
  }

  #take(index: number, { head, safe, finalized, counters, fault }: ConsensusStatus): void {
    const known = this.finalized.get(finalized.number);
    if (known !== undefined && known !== finalized.hash) {
      this.problems.push(`height ${finalized.number} final as ${known} and, on node ${index}, as ${finalized.hash}`);
    }
    this.finalized.set(finalized.number, finalized.hash);
    this.told.set(index, Math.max(finalized.number, this.told.get(index) ?? 0));
    if (fault !== null) this.problems.push(`node ${index}: ${fault}`);
    if ((counters['evidence'] ?? 0) > 0) this.problems.push(`node ${index} holds evidence`);
    if (head.number < safe.number || safe.number < finalized.number) {
      this.problems.push(`node ${index}: head ${head.number}, safe ${safe.number}, finalized ${finalized.number}`);
    }
  }
}

function pause(ms: number): Promise<null> {
  return new Promise((wake) => setTimeout(() => wake(null), ms));
}
