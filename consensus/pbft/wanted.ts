import type { Header } from '../../src/types/block.ts';
import type { Millis } from '../../src/types/primitives.ts';
import { blockDistanceMs, emptyBlockAfterMs, type PbftParams } from './params.ts';

/** Whether the chain needs a next block, and from when. */
export class WantedBlock {
  readonly #params: PbftParams;
  #demandSince: Millis | null = null;

  constructor(params: PbftParams) {
    this.#params = params;
  }

  /** Transactions wait. */
  demanded(now: Millis): void {
    this.#demandSince ??= now;
  }

  /** What was wanted before belongs to the old head; the host tells again of transactions that still wait. */
  headChanged(): void {
    this.#demandSince = null;
  }

  /** The moment may lie ahead; null: nothing is wanted. */
  from(parent: Header): Millis | null {
    const emptyFrom = this.emptyFrom(parent);
    if (this.#demandSince === null) return emptyFrom;
    const demandFrom = Math.max(this.#demandSince, parent.timeMs + blockDistanceMs(this.#params));
    return emptyFrom === null ? demandFrom : Math.min(demandFrom, emptyFrom);
  }

  /** From when a block is wanted even if no transaction waits; null: never. */
  emptyFrom(parent: Header): Millis | null {
    const afterMs = emptyBlockAfterMs(this.#params);
    return afterMs === null ? null : parent.timeMs + afterMs;
  }
}
