import { encodeRlp, encodeUint, type RlpItem } from '../../../src/codec/rlp.ts';
import { RlpReader } from '../../../src/codec/rlp-reader.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash, type Millis } from '../../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../../src/types/validator.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { fromHex } from '../../../src/util/hex.ts';
import { readList, readValidators, validatorsToRlp } from '../ffg-codec.ts';
import { activeValidators } from '../quorum.ts';

/** Who had to attest in an epoch, and whose attestation a block of the branch carries. */
export type Duties = {
  readonly epoch: number;
  /** null while the epoch's first block is the newest: no block can name its own hash. */
  readonly checkpoint: Hash | null;
  readonly attesters: ReadonlyMap<Address, boolean>;
};

/** A validator's slots since the epoch began, and before it since its last block. */
export type Turns = {
  readonly made: number;
  readonly missed: number;
  /** Bases of those whose attestations its blocks were the first to carry, in wei. */
  readonly carried: bigint;
};

/** An author's promise to open, in a later epoch, what hashes to this. */
export type Commitment = { readonly epoch: number; readonly hash: Hash };

/** The engine's part of the ConsensusState: a pure function of the branch, committed to by the state root. */
export type SlotState = {
  readonly genesisMs: Millis;
  /** Of the block. */
  readonly slot: number;
  readonly epoch: number;
  /** All that was opened so far. */
  readonly mix: Hash;
  /** Draws the proposers and committees of `epoch`, and of the next one. */
  readonly seed: Hash;
  readonly nextSeed: Hash;
  /** From whom proposers may be drawn in `epoch`, and in the next one: fixed before the seeds were known. */
  readonly proposerSet: ValidatorSet;
  readonly nextProposerSet: ValidatorSet;
  /** Epochs in a row without attestations of two thirds. */
  readonly stalledEpochs: number;
  readonly commitments: ReadonlyMap<Address, Commitment>;
  readonly current: Duties;
  readonly previous: Duties | null;
  readonly turns: ReadonlyMap<Address, Turns>;
};

export const NO_TURNS: Turns = { made: 0, missed: 0, carried: 0n };

/** Epoch 0 asks nothing of anybody: its checkpoint is final from the start. */
export function genesisSlotState(genesisMs: Millis, validators: ValidatorSet, mix: Hash): SlotState {
  return {
    genesisMs,
    slot: 0,
    epoch: 0,
    mix,
    seed: mix,
    nextSeed: mix,
    proposerSet: activeValidators(validators),
    nextProposerSet: activeValidators(validators),
    stalledEpochs: 0,
    commitments: new Map(),
    current: { epoch: 0, checkpoint: null, attesters: new Map() },
    previous: null,
    turns: new Map(),
  };
}

export function dutiesOf(epoch: number, validators: ValidatorSet): Duties {
  const attesters = new Map(activeValidators(validators).map(({ address }) => [address, false]));
  return { epoch, checkpoint: null, attesters };
}

/** RLP, in the order of the fields; maps as lists of [key, fields …] in their order. */
export function encodeSlotState(state: SlotState): Bytes {
  return encodeRlp([
    encodeUint(state.genesisMs),
    encodeUint(state.slot),
    encodeUint(state.epoch),
    fromHex(state.mix),
    fromHex(state.seed),
    fromHex(state.nextSeed),
    validatorsToRlp(state.proposerSet),
    validatorsToRlp(state.nextProposerSet),
    encodeUint(state.stalledEpochs),
    [...state.commitments].map(([who, { epoch, hash }]) => [fromHex(who), encodeUint(epoch), fromHex(hash)]),
    dutiesToRlp(state.current),
    state.previous === null ? [] : [dutiesToRlp(state.previous)],
    [...state.turns].map(([who, { made, missed, carried }]) => [
      fromHex(who),
      encodeUint(made),
      encodeUint(missed),
      encodeUint(carried),
    ]),
  ]);
}

/** Throws CodecError SLOT_STATE_MALFORMED: this chain's states are not of this engine. */
export function decodeSlotState(state: ConsensusState): SlotState {
  try {
    if (state.engine === undefined) throw new CodecError('SLOT_STATE_MISSING', 'there is none');
    const reader = new RlpReader(state.engine);
    const outer = reader.openList();
    const decoded = {
      genesisMs: reader.uint(),
      slot: reader.uint(),
      epoch: reader.uint(),
      mix: reader.hash(),
      seed: reader.hash(),
      nextSeed: reader.hash(),
      proposerSet: readValidators(reader),
      nextProposerSet: readValidators(reader),
      stalledEpochs: reader.uint(),
      commitments: new Map(readList(reader, readCommitment)),
      current: readDuties(reader),
      previous: readList(reader, readDuties)[0] ?? null,
      turns: new Map(readList(reader, readTurns)),
    };
    reader.closeList(outer);
    reader.end();
    return decoded;
  } catch (error) {
    const reason = error instanceof CodecError ? error.code : 'INTERNAL';
    throw new CodecError('SLOT_STATE_MALFORMED', 'the state carries no readable part of a slot engine', { reason });
  }
}

function dutiesToRlp({ epoch, checkpoint, attesters }: Duties): RlpItem {
  return [
    encodeUint(epoch),
    fromHex(checkpoint ?? ZERO_HASH),
    [...attesters].map(([who, hasAttested]) => [fromHex(who), encodeUint(hasAttested ? 1 : 0)]),
  ];
}

function readDuties(reader: RlpReader): Duties {
  const outer = reader.openList();
  const epoch = reader.uint();
  const checkpoint = reader.hash();
  const attesters = new Map(
    readList(reader, (item): [Address, boolean] => {
      const list = item.openList();
      const entry: [Address, boolean] = [item.address(), item.bit() === 1];
      item.closeList(list);
      return entry;
    }),
  );
  reader.closeList(outer);
  return { epoch, checkpoint: checkpoint === ZERO_HASH ? null : checkpoint, attesters };
}

function readCommitment(reader: RlpReader): [Address, Commitment] {
  const list = reader.openList();
  const entry: [Address, Commitment] = [reader.address(), { epoch: reader.uint(), hash: reader.hash() }];
  reader.closeList(list);
  return entry;
}

function readTurns(reader: RlpReader): [Address, Turns] {
  const list = reader.openList();
  const entry: [Address, Turns] = [
    reader.address(),
    { made: reader.uint(), missed: reader.uint(), carried: reader.bigint() },
  ];
  reader.closeList(list);
  return entry;
}
