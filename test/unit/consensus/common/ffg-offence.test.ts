import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { judgeVotes, voteEvidence, voteOffence } from '../../../../consensus/common/ffg-offence.ts';
import { decodeVote, encodeVote, type FfgVote } from '../../../../consensus/common/ffg-vote.ts';
import { authority, crypto, signedVote } from '../poa/harness.ts';

const hashOf = (n: number) => crypto.keccak256(Uint8Array.of(n));
const vote = (source: number, target: number, fork = 0): FfgVote => ({
  source: { epoch: source, hash: hashOf(source) },
  target: { epoch: target, hash: hashOf(target + fork) },
});

describe('voteOffence', () => {
  it.each([
    ['the same vote again', vote(1, 2), vote(1, 2), null],
    ['the next vote', vote(1, 2), vote(2, 3), null],
    ['another target from the same source', vote(1, 2), vote(1, 3), null],
    ['two targets at one height', vote(1, 2), vote(1, 2, 100), 'DOUBLE_VOTE'],
    ['one target from two sources', vote(1, 3), vote(2, 3), 'DOUBLE_VOTE'],
    ['one around the other', vote(2, 3), vote(1, 4), 'SURROUND_VOTE'],
    ['one after the other', vote(1, 3), vote(3, 5), null],
    ['overlapping', vote(1, 3), vote(2, 5), null],
  ] as const)('%s', (_, a, b, expected) => {
    expect(voteOffence(a, b)).toBe(expected);
    expect(voteOffence(b, a)).toBe(expected);
  });
});

describe('judgeVotes', () => {
  const [a, b] = [authority(0), authority(1)];

  it('finds a proven offence, in either order', () => {
    const [first, second] = [signedVote(a, vote(2, 3)), signedVote(a, vote(1, 4))];
    const offence = { offender: a, code: 'SURROUND_VOTE', height: 6 };
    expect(judgeVotes(voteEvidence(first, second), crypto, 2)).toEqual(offence);
    expect(judgeVotes(voteEvidence(second, first), crypto, 2)).toEqual(offence);
  });

  it('proves nothing by two people, a wrong name, a wrong signature or rubbish', () => {
    const evidence = voteEvidence(signedVote(a, vote(2, 3)), signedVote(a, vote(1, 4)));
    expect(judgeVotes(voteEvidence(signedVote(a, vote(2, 3)), signedVote(b, vote(1, 4))), crypto, 1)).toBeNull();
    expect(judgeVotes({ ...evidence, offender: b }, crypto, 1)).toBeNull();
    const unsigned = { ...signedVote(a, vote(1, 4)), signature: signedVote(a, vote(1, 5)).signature };
    expect(judgeVotes(voteEvidence(signedVote(a, vote(2, 3)), unsigned), crypto, 1)).toBeNull();
    expect(judgeVotes({ ...evidence, second: Buffer.from('rubbish') }, crypto, 1)).toBeNull();
  });
});

describe('votes as bytes', () => {
  it('come back as they were', () => {
    expect(decodeVote(encodeVote(vote(3, 8)))).toEqual(vote(3, 8));
  });

  it('never throw, and only well-formed ones are votes', () => {
    expect(decodeVote(encodeVote(vote(8, 8)))).toBeNull();
    expect(decodeVote(encodeVote(vote(8, 3)))).toBeNull();
    const bytes = encodeVote(vote(3, 8));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(bytes.length - 1), fc.nat(255), (random, at, value) => {
        decodeVote(random);
        const changed = Uint8Array.from(bytes);
        changed[at] = value;
        const decoded = decodeVote(changed);
        if (decoded !== null) expect(encodeVote(decoded)).toEqual(changed);
      }),
    );
  });
});
