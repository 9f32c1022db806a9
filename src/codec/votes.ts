/**
 * The votes of a body or of a proof, aggregated: those who say the same share one payload. RLP, one item for each
 * payload: [payload, [[from, signature], …]]. A payload stands once and has at least one signer, so a list of votes has one
 * encoding. Signatures over secp256k1 can not be added up as BLS signatures can: each stays, 88 bytes for a vote.
 */
import type { SignedMessage } from '../types/message.ts';
import type { Bytes } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import { PAYLOAD_SIZE_BYTES_MAX, readSignature } from './message.ts';
import type { RlpItem } from './rlp.ts';
import type { RlpReader } from './rlp-reader.ts';

/** The same votes, equal payloads beside each other: in the order in which each payload, and each signer of it, came first. */
export function aggregateVotes(votes: readonly SignedMessage[]): SignedMessage[] {
  return groupsOf(votes).flat();
}

export function votesToRlp(votes: readonly SignedMessage[]): RlpItem {
  return groupsOf(votes).map((group) => [
    group[0]?.payload ?? new Uint8Array(0),
    group.map(({ from, signature }) => [fromHex(from), signature]),
  ]);
}

/** Throws CodecError `tooManyCode` above `countMax`, RLP_* or MESSAGE_*. Votes of one payload share its bytes. */
export function readVotes(reader: RlpReader, countMax: number, tooManyCode: string): SignedMessage[] {
  const votes: SignedMessage[] = [];
  const payloads = new Set<string>();
  const outer = reader.openList();
  while (reader.hasMore()) {
    const group = reader.openList();
    const payload = new Uint8Array(reader.bytes());
    if (payload.length > PAYLOAD_SIZE_BYTES_MAX) {
      throw new CodecError('MESSAGE_TOO_LARGE', `a payload has at most ${PAYLOAD_SIZE_BYTES_MAX} bytes`);
    }
    const key = toHex(payload);
    if (payloads.has(key)) {
      throw new CodecError('MESSAGE_MALFORMED', 'a payload stands twice; its votes belong together');
    }
    payloads.add(key);
    const before = votes.length;
    readSigners(reader, payload, (vote) => {
      if (votes.length === countMax) throw new CodecError(tooManyCode, `more than ${countMax} votes`);
      votes.push(vote);
    });
    if (votes.length === before) throw new CodecError('MESSAGE_MALFORMED', 'a payload that nobody signed');
    reader.closeList(group);
  }
  reader.closeList(outer);
  return votes;
}

function readSigners(reader: RlpReader, payload: Bytes, take: (vote: SignedMessage) => void): void {
  const outer = reader.openList();
  while (reader.hasMore()) {
    const signer = reader.openList();
    take({ from: reader.address(), payload, signature: readSignature(reader) });
    reader.closeList(signer);
  }
  reader.closeList(outer);
}

function groupsOf(votes: readonly SignedMessage[]): SignedMessage[][] {
  const groups = new Map<string, SignedMessage[]>();
  for (const vote of votes) {
    const key = toHex(vote.payload);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [vote]);
    else group.push(vote);
  }
  return [...groups.values()];
}
