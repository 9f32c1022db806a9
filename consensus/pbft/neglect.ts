import type { Header } from '../../src/types/block.ts';
import type { Address, Millis } from '../../src/types/primitives.ts';

/** So many empty blocks in a row of one primary, while transactions wait, are no accident. */
export const EMPTY_BLOCKS_MAX = 3;
/** Each time that others do not see it so, it takes twice as many, up to 2^5 times. */
const DOUBLINGS_MAX = 5;

/**
 * Notices a primary that leaves waiting transactions out, for validators to change the view though it decides in time.
 *
 * A block is held against its author when it is empty, and transactions waited here both before its parent was decided and
 * after. One such block may have crossed them on their way; of three in a row the last was begun two blocks later, and the
 * transactions must have waited for the time of a view besides. What only this node knows of makes no quorum: then it is
 * one of many that gives the view up, at fewer and fewer heights.
 */
export class Neglect {
  readonly #patienceMs: Millis;
  #author: Address | null = null;
  #emptyBlocks = 0;
  /** Since when transactions wait without a break; null: none do. */
  #waitingSince: Millis | null = null;
  /** Told at the height under way, and at the one before. */
  #isWaiting = false;
  #wasWaiting = false;
  #hasProtested = false;
  #vainProtests = 0;

  constructor(patienceMs: Millis) {
    this.#patienceMs = patienceMs;
  }

  /** Transactions wait, by the host's word at this height. */
  demanded(now: Millis): void {
    this.#isWaiting = true;
    this.#waitingSince ??= now;
  }

  /** `isLive`: decided by votes that came here, not long ago and elsewhere. */
  decided(author: Address | null, { gasUsed }: Pick<Header, 'gasUsed'>, isLive: boolean): void {
    const isPassedOver = isLive && gasUsed === 0 && this.#isWaiting;
    if (author !== this.#author || gasUsed > 0) this.#vainProtests = 0;
    else if (this.#hasProtested) this.#vainProtests++;
    if (author !== this.#author || !isPassedOver || this.#hasProtested) this.#emptyBlocks = 0;
    if (isPassedOver && this.#wasWaiting) this.#emptyBlocks++;
    if (!isPassedOver) this.#waitingSince = null;
    this.#author = author;
    this.#wasWaiting = isPassedOver;
    this.#isWaiting = false;
    this.#hasProtested = false;
  }

  /** Whether to give up the first view of the height under way, led by `primary`. */
  isDue(primary: Address | null, now: Millis): boolean {
    const blocks = EMPTY_BLOCKS_MAX * 2 ** Math.min(this.#vainProtests, DOUBLINGS_MAX);
    if (primary === null || primary !== this.#author || this.#emptyBlocks < blocks || !this.#isWaiting) return false;
    return this.#waitingSince !== null && now >= this.#waitingSince + this.#patienceMs;
  }

  /** The view was given up for it. */
  protested(): void {
    this.#hasProtested = true;
  }
}
