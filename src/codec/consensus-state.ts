import type { Bytes } from '../types/primitives.ts';
import type { AuthorityVote, ConsensusState, Validator } from '../types/validator.ts';
import { fromHex } from '../util/hex.ts';
import { asMalformed } from './malformed.ts';
import { encodeRlp, encodeUint } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';

/**
 * RLP [[[address, power, jailed] …], [[voter, subject, authorize] …], engine], booleans as 0 and 1. Keeps the order it is given.
 * Without a part of the engine's own the third item is left out: such states are encoded as they were before there was one.
 */
export function encodeConsensusState(state: ConsensusState): Bytes {
  return encodeRlp([
    state.validators.map((validator) => [
      fromHex(validator.address),
      encodeUint(validator.power),
      encodeUint(validator.jailed ? 1 : 0),
    ]),
    state.votes.map((vote) => [fromHex(vote.voter), fromHex(vote.subject), encodeUint(vote.authorize ? 1 : 0)]),
    ...(state.engine === undefined ? [] : [state.engine]),
  ]);
}

/** Throws CodecError CONSENSUS_STATE_MALFORMED. */
export function decodeConsensusState(bytes: Bytes): ConsensusState {
  return asMalformed('CONSENSUS_STATE_MALFORMED', () => {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const validators = readValidators(reader);
    const votes = readVotes(reader);
    const engine = reader.hasMore() ? new Uint8Array(reader.bytes()) : undefined;
    reader.closeList(outer);
    reader.end();
    return { validators, votes, ...(engine === undefined ? {} : { engine }) };
  });
}

function readValidators(reader: RlpReader): Validator[] {
  const validators: Validator[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) {
    const list = reader.openList();
    validators.push({ address: reader.address(), power: reader.bigint(), jailed: reader.bit() === 1 });
    reader.closeList(list);
  }
  reader.closeList(outer);
  return validators;
}

function readVotes(reader: RlpReader): AuthorityVote[] {
  const votes: AuthorityVote[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) {
    const list = reader.openList();
    votes.push({ voter: reader.address(), subject: reader.address(), authorize: reader.bit() === 1 });
    reader.closeList(list);
  }
  reader.closeList(outer);
  return votes;
}
