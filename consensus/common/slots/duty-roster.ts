import type { Address, Hash } from '../../../src/types/primitives.ts';
import { Lru } from '../../../src/util/lru.ts';
import type { SlotTreeBlock } from './branch.ts';
import { setsFor } from '../ffg.ts';
import { committeesOf } from './committees.ts';
import type { Hasher } from './draw.ts';
import { firstSlotOf, type SlotTimes } from './slot-times.ts';

const ROSTERS_MAX = 64;

/**
 * In which slot each validator attests to a checkpoint: drawn from the state of the checkpoint's own block, and kept. Those who have left, but
 * without whose set nothing gets final yet (the eras of ../ffg.ts), attest in the epoch's first slot.
 */
export class DutyRoster {
  readonly #times: SlotTimes;
  readonly #hasher: Hasher;
  readonly #known = new Lru<Hash, ReadonlyMap<Address, number>>(ROSTERS_MAX);

  constructor(times: SlotTimes, hasher: Hasher) {
    this.#times = times;
    this.#hasher = hasher;
  }

  /** `checkpoint`: the first block of its epoch. */
  of(checkpoint: SlotTreeBlock): ReadonlyMap<Address, number> {
    const known = this.#known.get(checkpoint.hash);
    if (known !== undefined) return known;
    // Those whose votes count for it: the set before the block, which may itself let others in.
    const { slots, active, validatorsBefore } = checkpoint.data;
    const drawn = committeesOf(this.#times, slots.epoch, validatorsBefore ?? active, slots.seed, this.#hasher);
    const all = new Map(drawn);
    const { ffg } = checkpoint.data;
    const target = ffg.targets.find((item) => item.checkpoint.hash === checkpoint.hash);
    for (const { address } of target === undefined ? [] : setsFor(ffg, target).flat()) {
      if (!all.has(address)) all.set(address, firstSlotOf(this.#times, slots.epoch));
    }
    this.#known.set(checkpoint.hash, all);
    return all;
  }
}
