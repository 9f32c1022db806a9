import type { Address, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { VotePool } from './vote-pool.ts';

/** More than this far behind, by the host's word, a validator keeps silent … */
const BEHIND_BLOCKS_MAX = 4;
/** … as long as it has patience: at most so much, … */
const PATIENCE_MS_MAX = 10_000;
/** … so much more with each block that was fetched, … */
const PATIENCE_MS_PER_BLOCK = 1_000;
/** … and, while it speaks, a bit more in every so many times as long. */
const REGAIN_TIMES = 20;
/** Votes for heights this far above our head mean that we lack blocks. */
const AHEAD_BLOCKS = 2;

const SYNC_TIMER = 'sync';

/**
 * Knows whether this node lags behind the chain, so that it neither seals nor votes on what is long decided.
 *
 * How far behind it is, it only knows from peers, and who keeps silent on a peer's word can be silenced by it. So silence
 * costs patience, millisecond for millisecond, whoever caused it, and however often it was told anew. Blocks that come earn
 * it back, and a node that really catches up gets many a second. A peer that promises much and brings a block now and then
 * silences it for those few seconds, and then for as many seconds as it brings blocks.
 */
export class CatchUp {
  #isBehind = false;
  /** What was left at `#countedAt`. */
  #patienceMs: Millis = PATIENCE_MS_MAX;
  #countedAt: Millis | null = null;
  #reportedHeight = 0;

  isLagging(now: Millis): boolean {
    return this.#isBehind && this.#leftMs(now) > 0;
  }

  /** The host's word: so many blocks behind. */
  syncing(behindBlocks: number, now: Millis): EngineEffect[] {
    this.#count(now);
    this.#isBehind = behindBlocks > BEHIND_BLOCKS_MAX;
    return this.#wake(now);
  }

  /** A block came by sync. */
  fetched(now: Millis): EngineEffect[] {
    if (!this.#isBehind) return [];
    this.#count(now);
    this.#patienceMs = Math.min(this.#patienceMs + PATIENCE_MS_PER_BLOCK, PATIENCE_MS_MAX);
    return this.#wake(now);
  }

  #count(now: Millis): void {
    this.#patienceMs = this.#leftMs(now);
    this.#countedAt = now;
  }

  #leftMs(now: Millis): Millis {
    // A clock may be set back.
    const passedMs = Math.max(0, now - (this.#countedAt ?? now));
    if (this.#isBehind) return Math.max(0, this.#patienceMs - passedMs);
    return Math.min(this.#patienceMs + Math.floor(passedMs / REGAIN_TIMES), PATIENCE_MS_MAX);
  }

  #wake(now: Millis): EngineEffect[] {
    return this.isLagging(now) ? [{ type: 'timer', id: SYNC_TIMER, at: now + this.#leftMs(now) }] : [];
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
