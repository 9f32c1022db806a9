import { messageToRlp, readMessage } from '../../src/codec/message.ts';
import { encodeUint, type RlpItem } from '../../src/codec/rlp.ts';
import type { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { fromHex } from '../../src/util/hex.ts';
import type { Checkpoint } from './ffg-vote.ts';
import type { Era, FfgState, Target } from './ffg.ts';

/**
 * The gadget's state as part of an engine's anchor: RLP [finalized, justified, eras, targets, proof], checkpoints as
 * [epoch, hash]. Written by this node for itself, so a misfit is damage, not an attack; the reader throws CodecError.
 */
export function ffgStateToRlp(state: FfgState): RlpItem {
  return [
    checkpointToRlp(state.finalized),
    checkpointToRlp(state.justified),
    state.eras.map((era) => [encodeUint(era.from), validatorsToRlp(era.validators)]),
    state.targets.map((target) => [
      checkpointToRlp(target.checkpoint),
      encodeUint(target.number),
      checkpointToRlp(target.source),
      [...target.votes.values()].map(messageToRlp),
      encodeUint(target.justified ? 1 : 0),
    ]),
    state.proof.map((link) => link.map(messageToRlp)),
  ];
}

export function readFfgState(reader: RlpReader): FfgState {
  const outer = reader.openList();
  const state = {
    finalized: readCheckpoint(reader),
    justified: readCheckpoint(reader),
    eras: readList(reader, readEra),
    targets: readList(reader, readTarget),
    proof: readList(reader, (item) => readList(item, readMessage)),
  };
  reader.closeList(outer);
  return state;
}

export function validatorsToRlp(set: ValidatorSet): RlpItem {
  return set.map((validator) => [
    fromHex(validator.address),
    encodeUint(validator.power),
    encodeUint(validator.jailed ? 1 : 0),
  ]);
}

export function readValidators(reader: RlpReader): ValidatorSet {
  return readList(reader, (item) => {
    const outer = item.openList();
    const validator = { address: item.address(), power: item.bigint(), jailed: item.bit() === 1 };
    item.closeList(outer);
    return validator;
  });
}

export function readList<T>(reader: RlpReader, read: (reader: RlpReader) => T): T[] {
  const items: T[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) items.push(read(reader));
  reader.closeList(outer);
  return items;
}

function checkpointToRlp(checkpoint: Checkpoint): RlpItem {
  return [encodeUint(checkpoint.epoch), fromHex(checkpoint.hash)];
}

function readCheckpoint(reader: RlpReader): Checkpoint {
  const outer = reader.openList();
  const checkpoint = { epoch: reader.uint(), hash: reader.hash() };
  reader.closeList(outer);
  return checkpoint;
}

function readEra(reader: RlpReader): Era {
  const outer = reader.openList();
  const era = { from: reader.uint(), validators: readValidators(reader) };
  reader.closeList(outer);
  return era;
}

function readTarget(reader: RlpReader): Target {
  const outer = reader.openList();
  const checkpoint = readCheckpoint(reader);
  const number = reader.uint();
  const source = readCheckpoint(reader);
  const votes = new Map<Address, SignedMessage>();
  for (const message of readList(reader, readMessage)) votes.set(message.from, message);
  const justified = reader.bit() === 1;
  reader.closeList(outer);
  return { checkpoint, number, source, votes, justified };
}
