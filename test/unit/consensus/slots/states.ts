import type { SettledBlock } from '../../../../consensus/api/staking.ts';
import { drawByPower } from '../../../../consensus/common/slots/draw.ts';
import { encodeExtra } from '../../../../consensus/common/slots/extra.ts';
import type { SlotFamily, Wages } from '../../../../consensus/common/slots/family.ts';
import { makeReveal } from '../../../../consensus/common/slots/reveals.ts';
import { seedFor } from '../../../../consensus/common/slots/seeds.ts';
import { settleSlot } from '../../../../consensus/common/slots/settle.ts';
import {
  decodeSlotState,
  encodeSlotState,
  genesisSlotState,
  type SlotState,
} from '../../../../consensus/common/slots/slot-state.ts';
import { epochOf, firstSlotOf } from '../../../../consensus/common/slots/slot-times.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Settlement } from '../../../../src/types/staking.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../../../src/types/validator.ts';
import { activeValidators } from '../../../../consensus/common/quorum.ts';
import { CHAIN, crypto, secretOf, signedVote, START_MS } from './harness.ts';

/** Values that lie over the critical one come by chance once in a thousand times; seeds are fixed, so it is once for all. */
export function chiSquared(observed: readonly number[], expected: readonly number[]): number {
  return observed.reduce((sum, count, i) => sum + (count - (expected[i] ?? 0)) ** 2 / (expected[i] ?? 1), 0);
}

/** By degrees of freedom, at p = 0.001. */
export const CHI_SQUARED_MAX: { readonly [degrees: number]: number } = {
  1: 10.828,
  2: 13.816,
  3: 16.266,
  4: 18.467,
  5: 20.515,
  7: 24.322,
  9: 27.877,
};

export const hashOf = (name: string): Hash => crypto.keccak256(Buffer.from(name));

export function stateOf(fields: Partial<SlotState> = {}): SlotState {
  return { ...genesisSlotState(START_MS, [], hashOf('mix')), ...fields };
}

export const WAGES: Wages = {
  attestationPpm: 100,
  carrierQuotient: 8,
  absencePpm: 50,
  leakAfterEpochs: 4,
  leakQuotient: 1024,
  missedTurnsMax: 0,
};

/** Proof of stake with wages of one's own; the turn is drawn by power. */
export function familyOf(more: { readonly wages?: Partial<Wages>; readonly slotsPerEpoch?: number } = {}): SlotFamily {
  const params = {
    blockTimeMs: 1000,
    slotsPerEpoch: more.slotsPerEpoch ?? 4,
    clockToleranceMs: 1000,
    unfinalizedBlocksMax: 64,
  };
  return {
    id: 'test',
    params,
    wages: { ...WAGES, ...more.wages },
    baseWei: ({ power }) => power,
    proposer: (state, validators, slot, hasher) =>
      drawByPower(activeValidators(validators), seedFor(state, epochOf(params, slot), hasher), slot, hasher),
  };
}

/** A branch of blocks that nobody executes: settlement after settlement. */
export class Ledger {
  readonly family: SlotFamily;
  state: ConsensusState;
  head: Hash = hashOf('genesis');
  number = 0;

  constructor(family: SlotFamily, validators: ValidatorSet) {
    this.family = family;
    const engine = encodeSlotState(genesisSlotState(START_MS, validators, hashOf('mix')));
    this.state = { validators, votes: [], engine };
  }

  get slots(): SlotState {
    return decodeSlotState(this.state);
  }

  /** The name that the newest epoch's checkpoint has got, or will get. */
  get checkpoint(): Hash {
    return this.slots.current.checkpoint ?? this.head;
  }

  drawn(slot: number): Address {
    const author = this.family.proposer(this.slots, this.state.validators, slot, crypto);
    if (author === null) throw new Error('somebody has a say');
    return author;
  }

  /** For this epoch's checkpoint. */
  attestations(voters: readonly Address[], target = this.checkpoint, epoch = this.slots.epoch): SignedMessage[] {
    const slot = firstSlotOf(this.family.params, epoch);
    const source = { epoch: 0, hash: hashOf('genesis') };
    const vote = { source, target: { epoch, hash: target }, attested: { slot, head: target } };
    return voters.map((voter) => signedVote(voter, vote));
  }

  block(slot: number, votes: readonly SignedMessage[] = [], author = this.drawn(slot)): Settlement {
    const epoch = epochOf(this.family.params, slot);
    const reveal = makeReveal(this.slots, author, epoch, { secret: secretOf(author), hasher: crypto });
    const block: SettledBlock = {
      number: this.number + 1,
      parentHash: this.head,
      timeMs: START_MS + slot * this.family.params.blockTimeMs,
      extra: encodeExtra({ ...CHAIN, slot, ...reveal }),
      author,
      votes,
    };
    const settlement = settleSlot(this.family, this.state, block, crypto);
    this.number++;
    this.head = hashOf(`block ${this.number} in ${slot}`);
    this.state = { ...this.state, engine: settlement.engine };
    return settlement;
  }
}
