import * as fc from 'fast-check';
import { toRlp } from 'viem';
import { describe, expect, it } from 'vitest';
import { encodeMessage, PAYLOAD_SIZE_BYTES_MAX } from '../../../src/codec/message.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { RlpReader } from '../../../src/codec/rlp-reader.ts';
import { aggregateVotes, readVotes, votesToRlp } from '../../../src/codec/votes.ts';
import { MESSAGE_SIZE_BYTES_MAX, type SignedMessage } from '../../../src/types/message.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';
import { message, mutation } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const signature = new Uint8Array(65).fill(7);
signature[64] = 1;

function vote(voter: number, ...payload: number[]): SignedMessage {
  return { from: `0x${voter.toString(16).padStart(40, '0')}`, payload: Uint8Array.from(payload), signature };
}

function encode(votes: readonly SignedMessage[]): Bytes {
  return encodeRlp(votesToRlp(votes));
}

function decode(bytes: Bytes): SignedMessage[] {
  const reader = new RlpReader(bytes);
  const votes = readVotes(reader, 4, 'TOO_MANY');
  reader.end();
  return votes;
}

const someVotes = fc.array(
  fc.oneof(
    message,
    fc.integer({ min: 1, max: 4 }).map((voter) => vote(voter, 1)),
  ),
  { maxLength: 4 },
);

describe('votes', () => {
  it('that say the same share one payload', () => {
    const signers = [1, 2].map((n) => [`0x${n.toString(16).padStart(40, '0')}`, toHex(signature)] as const);
    const [first, second] = signers;
    expect(toHex(encode([vote(1, 9, 9), vote(2, 9, 9), vote(1, 8)]))).toBe(
      toRlp([
        ['0x0909', [first, second]],
        ['0x08', [first]],
      ] as never),
    );
    const votes = decode(encode([vote(1, 9, 9), vote(2, 9, 9)]));
    expect(votes[0]?.payload).toBe(votes[1]?.payload);
  });

  it('come back aggregated, whatever their order was, and aggregating again changes nothing', () => {
    expect(aggregateVotes([vote(1, 5), vote(2, 6), vote(3, 5)])).toEqual([vote(1, 5), vote(3, 5), vote(2, 6)]);
    fc.assert(
      fc.property(someVotes, (votes) => {
        const decoded = decode(encode(votes));
        expect(decoded).toEqual(aggregateVotes(votes));
        expect(aggregateVotes(decoded)).toEqual(decoded);
        expect(encode(decoded)).toEqual(encode(votes));
      }),
    );
  });

  it('have one encoding: whatever else is read as votes is refused', () => {
    fc.assert(fc.property(someVotes, mutation, (votes, mutate) => expectStrict(mutate(encode(votes)), decode, encode)));
  });

  it('are refused with a payload apart from its like, without signers, above the count, or too large', () => {
    const signers = [[new Uint8Array(20), signature]];
    const apart = [1, 2, 1].map((payload) => [Uint8Array.of(payload), signers]);
    expect(codecCodeOf(() => decode(encodeRlp(apart)))).toBe('MESSAGE_MALFORMED');
    expect(codecCodeOf(() => decode(encodeRlp([[Uint8Array.of(1), []]])))).toBe('MESSAGE_MALFORMED');
    expect(codecCodeOf(() => decode(encode([1, 2, 3, 4, 5].map((voter) => vote(voter, 1)))))).toBe('TOO_MANY');
    expect(codecCodeOf(() => decode(encode([1, 2, 3, 4, 5].map((voter) => vote(voter, voter)))))).toBe('TOO_MANY');
    const large = { ...vote(1), payload: new Uint8Array(PAYLOAD_SIZE_BYTES_MAX + 1) };
    expect(codecCodeOf(() => decode(encode([large])))).toBe('MESSAGE_TOO_LARGE');
  });

  it('may have the largest payload that a message may have, and no larger', () => {
    const largest = { ...vote(1), payload: new Uint8Array(PAYLOAD_SIZE_BYTES_MAX) };
    expect(encodeMessage(largest)).toHaveLength(MESSAGE_SIZE_BYTES_MAX);
    expect(decode(encode([largest]))).toEqual([largest]);
  });
});
