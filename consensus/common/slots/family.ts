import type { Address, Millis } from '../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import type { Hasher } from './draw.ts';
import type { SlotState } from './slot-state.ts';
import type { SlotTimes } from './slot-times.ts';

/** What work is worth. Parts per million are of a validator's base (its power, or what its family gives a seat) and for one epoch. */
export type Wages = {
  /** For an attestation that a block carried in time. */
  readonly attestationPpm: number;
  /** To the author that carried it first, one part in so many of the attester's. */
  readonly carrierQuotient: number;
  /** For an attestation that is missing. */
  readonly absencePpm: number;
  /** So many epochs without attestations of two thirds are nobody's fault; from then on absence costs, in each epoch, … */
  readonly leakAfterEpochs: number;
  /** … one part in so many for every epoch beyond those. */
  readonly leakQuotient: number;
  /** Who has missed so many slots since its last block is jailed when the epoch ends. 0: nobody. */
  readonly missedTurnsMax: number;
};

/** What every family has as parameters. */
export type SlotParams = SlotTimes & {
  /** A block may claim to be this far ahead of our clock. */
  readonly clockToleranceMs: Millis;
  /** That many blocks above finality, validators propose less and less often. */
  readonly unfinalizedBlocksMax: number;
};

/** What makes a family of the slot engine. Pure. */
export type SlotFamily = {
  readonly id: string;
  readonly params: SlotParams;
  readonly wages: Wages;
  /** What wages are counted from, in wei. */
  baseWei(validator: ValidatorSet[number]): bigint;
  /** Whose block the slot is for, on a block with this state; null: nobody's. */
  proposer(state: SlotState, validators: ValidatorSet, slot: number, hasher: Hasher): Address | null;
};
