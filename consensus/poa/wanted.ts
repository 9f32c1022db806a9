import { VOTES_PER_BLOCK_MAX } from '../../src/types/block.ts';
import type { Hash, Millis } from '../../src/types/primitives.ts';
import { withVotes } from '../common/ffg.ts';
import type { VotePool } from '../common/vote-pool.ts';
import type { PoaTreeBlock } from './branch.ts';
import type { PoaParams } from './params.ts';

/** When votes for the last block do not come together, an empty block to vote on anew: after this long, … */
const RETRY_MS = 1000;
/** … doubled each time this many more checkpoints wait for finality. */
const CHECKPOINTS_PER_DOUBLING = 4;
const DOUBLINGS_MAX = 6;

/** Whether the chain needs a next block, and since when: always with a block time, else only for a reason. */
export class WantedBlock {
  readonly #params: PoaParams;
  readonly #pool: VotePool;
  #head: Hash | null = null;
  #demandSince: Millis | null = null;
  #progressSince: Millis | null = null;

  constructor(params: PoaParams, pool: VotePool) {
    this.#params = params;
    this.#pool = pool;
  }

  /** Transactions wait. */
  demanded(now: Millis): void {
    this.#demandSince ??= now;
  }

  /** What was wanted before belongs to the old head; the host tells again of transactions that still wait. */
  headChanged(head: Hash): void {
    if (head === this.#head) return;
    this.#head = head;
    this.#demandSince = null;
    this.#progressSince = null;
  }

  /** The moment may lie ahead; null: no block is wanted for now. */
  since(
    head: PoaTreeBlock,
    view: {
      readonly now: Millis;
      readonly headSeenAt: Millis;
      readonly finalizedNumber: number;
      readonly hasFreshProposal: boolean;
    },
  ): Millis | null {
    const unfinalized = head.number - view.finalizedNumber;
    // Past the limit blocks go on, but ever more slowly: each of them weighs on every node's memory.
    const past = unfinalized - this.#params.unfinalizedBlocksMax;
    if (past < 0) {
      if (this.#params.blockTimeMs > 0) return view.headSeenAt;
      if (this.#demandSince !== null) return this.#demandSince;
      if (view.hasFreshProposal) return view.headSeenAt;
      if (head.data.contentNumber <= view.finalizedNumber) return null;
      // Something waits to be final: on to the next checkpoint, then as votes come together, else by and by.
      if (head.number % this.#params.checkpointBlocks !== 0) return view.headSeenAt;
    }
    const waiting = (past < 0 ? unfinalized : past) / this.#params.checkpointBlocks;
    const doublings = Math.floor(waiting / CHECKPOINTS_PER_DOUBLING);
    return this.#progress(head, view.now) ?? view.headSeenAt + RETRY_MS * 2 ** Math.min(doublings, DOUBLINGS_MAX);
  }

  /** Since when the votes at hand would justify or finalize something in the next block. */
  #progress(head: PoaTreeBlock, now: Millis): Millis | null {
    if (this.#progressSince !== null) return this.#progressSince;
    const before = head.data.ffg;
    const after = withVotes(before, this.#pool.select(before, VOTES_PER_BLOCK_MAX));
    if (after.justified.epoch > before.justified.epoch || after.finalized.epoch > before.finalized.epoch) {
      this.#progressSince = now;
    }
    return this.#progressSince;
  }
}
