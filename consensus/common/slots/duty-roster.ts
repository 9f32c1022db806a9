import type { Address, Hash } from '../../../src/types/primitives.ts';
import { Lru } from '../../../src/util/lru.ts';
import type { SlotTreeBlock } from './branch.ts';
import { committeesOf } from './committees.ts';
import type { Hasher } from './draw.ts';
import type { SlotTimes } from './slot-times.ts';

const ROSTERS_MAX = 64;

/** In which slot each validator attests to a checkpoint: drawn from the state of the checkpoint's own block, and kept. */
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
    this.#known.set(checkpoint.hash, drawn);
    return drawn;
  }
}
