import type { Millis } from '../../../src/types/primitives.ts';

/** How time is cut: slots of `blockTimeMs` from the genesis block's time on, epochs of `slotsPerEpoch` slots. Genesis stands in slot 0. */
export type SlotTimes = { readonly blockTimeMs: Millis; readonly slotsPerEpoch: number };

export function slotOf(times: SlotTimes, genesisMs: Millis, timeMs: Millis): number {
  return Math.floor((timeMs - genesisMs) / times.blockTimeMs);
}

export function slotStartMs(times: SlotTimes, genesisMs: Millis, slot: number): Millis {
  return genesisMs + slot * times.blockTimeMs;
}

export function epochOf(times: SlotTimes, slot: number): number {
  return Math.floor(slot / times.slotsPerEpoch);
}

export function firstSlotOf(times: SlotTimes, epoch: number): number {
  return epoch * times.slotsPerEpoch;
}
