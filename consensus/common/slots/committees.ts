import type { Address, Hash } from '../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import { activeValidators } from '../quorum.ts';
import { shuffled, type Hasher } from './draw.ts';
import { firstSlotOf, type SlotTimes } from './slot-times.ts';

/**
 * In which slot of the epoch each validator attests: once, in an order drawn anew for each epoch, spread evenly over its slots. With
 * many validators each slot has a committee; with few, some slots have none.
 */
export function committeesOf(
  times: SlotTimes,
  epoch: number,
  validators: ValidatorSet,
  seed: Hash,
  hasher: Hasher,
): ReadonlyMap<Address, number> {
  const order = shuffled(activeValidators(validators), seed, hasher);
  const first = firstSlotOf(times, epoch);
  return new Map(
    order.map(({ address }, i) => [address, first + Math.floor((i * times.slotsPerEpoch) / order.length)] as const),
  );
}
