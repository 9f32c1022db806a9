import { encodeRlp, encodeUint, type RlpItem } from '../../../src/codec/rlp.ts';
import { RlpReader } from '../../../src/codec/rlp-reader.ts';
import type { Header } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../../src/types/validator.ts';
import { CodecError } from '../../../src/util/errors.ts';
import type { WeightedBlock } from '../block-weights.ts';
import { ffgStateToRlp, readFfgState, readValidators, validatorsToRlp } from '../ffg-codec.ts';
import { advanceFfg, initialFfgState, type FfgState } from '../ffg.ts';
import { activeValidators } from '../quorum.ts';
import type { SlotFamily } from './family.ts';
import { isLeaking } from './settle.ts';
import { decodeSlotState, type SlotState } from './slot-state.ts';

/** What the engine keeps of each block above finality, and of the finalized one: a pure function of its branch. */
export type SlotBlock = {
  readonly header: Header;
  /** null for the block the tree began with. */
  readonly author: Address | null;
  /** After the block. */
  readonly state: ConsensusState;
  readonly slots: SlotState;
  /** Before the block; undefined where a restart has lost it. */
  readonly validatorsBefore: ValidatorSet | undefined;
  /** Those with a say, by address. */
  readonly active: ValidatorSet;
  readonly ffg: FfgState;
};

/** Checkpoints above finality when all is well, at the first block of an epoch. */
const TARGETS_UNDER_WAY = 2;

export type SlotTreeBlock = WeightedBlock<SlotBlock>;

export function childBlock(
  family: SlotFamily,
  parent: SlotBlock,
  block: {
    readonly hash: Hash;
    readonly header: Header;
    readonly author: Address;
    readonly votes: readonly SignedMessage[];
    readonly state: ConsensusState;
  },
): SlotBlock {
  const { hash, header, author, votes, state } = block;
  const slots = decodeSlotState(state);
  const isFirst = slots.epoch > parent.slots.epoch;
  const active = activeValidators(state.validators);
  const isStuck = isLeaking(family, slots) || isWaiting(family, parent.ffg);
  const caps = isFirst && isStuck ? { caps: new Map(active.map((v) => [v.address, v.power])) } : {};
  return {
    header,
    author,
    state,
    slots,
    validatorsBefore: parent.state.validators,
    active,
    ffg: advanceFfg(parent.ffg, {
      hash,
      number: header.number,
      votes,
      validators: state.validators,
      epoch: isFirst ? slots.epoch : null,
      ...caps,
    }),
  };
}

/**
 * For as long as a leak waits before it bites, nothing got final: those who have a say now may well be there, but too many who had one before are
 * gone (jailed, replaced), and without their weight in the older sets finality would wait for them for ever.
 */
function isWaiting({ wages }: SlotFamily, { targets }: FfgState): boolean {
  return targets.length > wages.leakAfterEpochs + TARGETS_UNDER_WAY;
}

/** The block the tree begins with. Throws CodecError ANCHOR_MALFORMED or SLOT_STATE_MALFORMED. */
export function rootBlock(start: {
  readonly finalized: Header;
  readonly finalizedHash: Hash;
  readonly state: ConsensusState;
  readonly anchor: Bytes | null;
}): SlotBlock {
  const { finalized: header, finalizedHash: hash, state } = start;
  const slots = decodeSlotState(state);
  const kept = start.anchor === null ? null : decodeAnchor(start.anchor);
  const fresh = { hash, number: header.number, validators: state.validators, epoch: slots.epoch };
  return {
    header,
    author: null,
    state,
    slots,
    validatorsBefore: kept?.validatorsBefore,
    active: activeValidators(state.validators),
    ffg: kept?.ffg ?? initialFfgState(fresh),
  };
}

/** RLP [version, gadget's state, validators before the block or empty bytes]. */
export function encodeAnchor(block: SlotBlock): Bytes {
  const before: RlpItem = block.validatorsBefore === undefined ? EMPTY : validatorsToRlp(block.validatorsBefore);
  return encodeRlp([encodeUint(ANCHOR_VERSION), ffgStateToRlp(block.ffg), before]);
}

const ANCHOR_VERSION = 1;
const EMPTY = new Uint8Array(0);

function decodeAnchor(bytes: Bytes): Pick<SlotBlock, 'ffg' | 'validatorsBefore'> {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    if (reader.uint() !== ANCHOR_VERSION) throw new CodecError('ANCHOR_MALFORMED', 'of an unknown version');
    const ffg = readFfgState(reader);
    const validatorsBefore = reader.nextIsList() ? readValidators(reader) : undefined;
    if (validatorsBefore === undefined) reader.bytes();
    reader.closeList(outer);
    reader.end();
    return { ffg, validatorsBefore };
  } catch (error) {
    const reason = error instanceof CodecError ? error.code : 'INTERNAL';
    throw new CodecError('ANCHOR_MALFORMED', 'the anchor kept with the finalized block is unreadable', { reason });
  }
}
