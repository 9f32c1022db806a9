import type { Address, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { VotePool } from './vote-pool.ts';

/** More than this far behind, by the host's word, a validator keeps silent … */
const BEHIND_BLOCKS_MAX = 4;
/** … unless nothing was fetched for so long: then that word was wrong, and heeding it for ever would stop the chain. */
const PATIENCE_MS = 10_000;
/** Votes for heights this far above our head mean that we lack blocks. */
const AHEAD_BLOCKS = 2;

const SYNC_TIMER = 'sync';

/** Knows whether this node lags behind the chain, so that it neither seals nor votes on what is long decided. */
export class CatchUp {
  #progressAt: Millis | null = null;
  #reportedHeight = 0;

  isLagging(now: Millis): boolean {
    return this.#progressAt !== null && now < this.#progressAt + PATIENCE_MS;
  }

  syncing(behindBlocks: number, now: Millis): EngineEffect[] {
    if (behindBlocks <= BEHIND_BLOCKS_MAX) {
      this.#progressAt = null;
      return [];
    }
    this.#progressAt ??= now;
    return this.isLagging(now) ? [{ type: 'timer', id: SYNC_TIMER, at: this.#progressAt + PATIENCE_MS }] : [];
  }

  /** A block came by sync. */
  fetched(now: Millis): EngineEffect[] {
    if (this.#progressAt === null) return [];
    this.#progressAt = now;
    return [{ type: 'timer', id: SYNC_TIMER, at: now + PATIENCE_MS }];
  }

  /** Tells the host when more than a third of the voters speak of heights we lack; one of them alone may be lying. */
  lookAhead(
    voters: readonly Address[],
    view: { readonly pool: VotePool; readonly distance: number; readonly headNumber: number },
  ): EngineEffect[] {
    if (voters.length === 0) return [];
    const heights = voters.map((voter) => (view.pool.newestEpoch(voter) ?? 0) * view.distance).sort((a, b) => b - a);
    const height = heights[Math.floor((heights.length - 1) / 3)] ?? 0;
    if (height <= view.headNumber + AHEAD_BLOCKS || height <= this.#reportedHeight) return [];
    this.#reportedHeight = height;
    return [{ type: 'behind', height }];
  }
}
