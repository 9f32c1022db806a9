import type { Hash } from '../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import { seedOf, type Hasher } from './draw.ts';
import type { SlotState } from './slot-state.ts';

/**
 * The seed of an epoch, seen from a block of this state: that of its own epoch and of the next one are fixed; after a gap without blocks it is what
 * was opened before the gap.
 */
export function seedFor(state: SlotState, epoch: number, hasher: Hasher): Hash {
  if (epoch <= state.epoch) return state.seed;
  return epoch === state.epoch + 1 ? state.nextSeed : seedOf(state.mix, epoch, hasher);
}

/** From whom the proposers of an epoch are drawn, seen from a block of this state. */
export function proposerSetFor(state: SlotState, epoch: number): ValidatorSet {
  return epoch <= state.epoch ? state.proposerSet : state.nextProposerSet;
}
