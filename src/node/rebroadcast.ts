import type { TimerHandle, Timers } from '../ports/clock.ts';
import type { Transaction } from '../types/transaction.ts';

/** Local transactions no block took for this many blocks are gossiped again, at most so many at a time. */
const AGE_BLOCKS = 3;
const TRANSACTIONS_MAX = 1024;
/** Where no block comes, they are after this long, … */
export const IDLE_TICK_MS = 5_000;
/** … twice, four times and eight times as long, and from then on after every so many ticks. */
const TICKS_MAX = 16;

export type RebroadcastModules = {
  readonly timers: Timers;
  readonly pool: { localRebroadcast(ageBlocks: number, limit: number): Transaction[] };
  readonly queue: (transaction: Transaction) => void;
};

/**
 * Says local transactions again that no block has taken, since gossip may have lost them. A network that makes blocks on
 * demand only would otherwise wait for ever for the one that this node alone knows of.
 */
export class Rebroadcast {
  readonly #modules: RebroadcastModules;
  #timer: TimerHandle | null = null;
  #idleTicks = 0;

  constructor(modules: RebroadcastModules) {
    this.#modules = modules;
  }

  start(): void {
    this.#timer = this.#modules.timers.after(IDLE_TICK_MS, () => {
      this.#tick();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
  }

  headMoved(): void {
    this.#idleTicks = 0;
    this.#say(AGE_BLOCKS);
  }

  #tick(): void {
    const ticks = ++this.#idleTicks;
    const isPowerOfTwo = (ticks & (ticks - 1)) === 0;
    if (isPowerOfTwo || ticks % TICKS_MAX === 0) this.#say(0);
  }

  #say(ageBlocks: number): void {
    const { pool, queue } = this.#modules;
    for (const transaction of pool.localRebroadcast(ageBlocks, TRANSACTIONS_MAX)) queue(transaction);
  }
}
