import { ZERO_HASH } from '../../src/types/primitives.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { EngineStatus } from '../api/status.ts';
import { nextBits, workOfBits, type PowTreeBlock } from './branch.ts';
import { POW_LIMIT, targetOf } from './compact.ts';
import { initialBits, type PowParams } from './params.ts';

/** Everything `describe` reports on. */
export type PowView = {
  readonly params: PowParams;
  /** null before `start`, as head and safe. */
  readonly root: PowTreeBlock | null;
  readonly head: PowTreeBlock | null;
  readonly safe: PowTreeBlock | null;
  readonly isMining: boolean;
  readonly isSearching: boolean;
  readonly isLagging: boolean;
  readonly timers: EngineStatus['timers'];
  readonly counters: EngineStatus['counters'];
  readonly reorgDepthMax: number;
};

const NOWHERE: BlockRef = { hash: ZERO_HASH, number: 0 };

export function describePow(view: PowView): EngineStatus {
  const { params, root, head, safe } = view;
  const height = head?.number ?? 0;
  const bits = head === null ? initialBits(params) : nextBits(head.data, params);
  return {
    engine: 'pow',
    finality: 'confirmations',
    head: refOf(head),
    safe: refOf(safe),
    finalized: refOf(root),
    clock: { unit: 'height', value: height },
    role: view.isMining ? 'proposer' : 'follower',
    proposer: { now: null, next: null },
    validators: [],
    quorum: null,
    timers: view.timers,
    counters: view.counters,
    details: {
      // Of the next block: how many hashes it takes on average, and what its hash must not be above.
      difficulty: workOfBits(bits).toString(),
      target: `0x${(targetOf(bits) ?? POW_LIMIT).toString(16).padStart(64, '0')}`,
      bits: `0x${bits.toString(16).padStart(8, '0')}`,
      totalWork: (head?.data.totalWork ?? 0n).toString(),
      nextRetarget: (Math.floor(height / params.retargetBlocks) + 1) * params.retargetBlocks,
      confirmations: height - (root?.number ?? 0),
      reorgDepthMax: view.reorgDepthMax,
      isSearching: view.isSearching,
      isLagging: view.isLagging,
    },
  };
}

function refOf(block: PowTreeBlock | null): BlockRef {
  return block === null ? NOWHERE : { hash: block.hash, number: block.number };
}
