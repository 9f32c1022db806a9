import { describe, expect, it } from 'vitest';
import { advanceFfg, initialFfgState } from '../../../../consensus/common/ffg.ts';
import { VotePool, VOTES_PER_VOTER_MAX } from '../../../../consensus/common/vote-pool.ts';
import type { FfgVote } from '../../../../consensus/common/ffg-vote.ts';
import { authority, crypto, signedVote } from '../poa/harness.ts';

const hashOf = (n: number) => crypto.keccak256(Buffer.from(`block ${n}`));
const vote = (source: number, target: number, fork = 0): FfgVote => ({
  source: { epoch: source, hash: hashOf(source) },
  target: { epoch: target, hash: hashOf(target + fork) },
});
const validators = [0, 1, 2, 3].map((i) => ({ address: authority(i), power: 1n, jailed: false }));

function put(pool: VotePool, voter: number, cast: FfgVote): ReturnType<VotePool['add']> {
  return pool.add(signedVote(authority(voter), cast), cast);
}

/** Blocks 1 to `length` on genesis, without votes. */
function chain(length: number): ReturnType<typeof initialFfgState> {
  let state = initialFfgState({ hash: hashOf(0), number: 0, validators, epoch: 0 });
  for (let n = 1; n <= length; n++)
    state = advanceFfg(state, { hash: hashOf(n), number: n, votes: [], validators, epoch: n });
  return state;
}

describe('VotePool', () => {
  it('keeps the newest votes of each voter, so that a flood costs others nothing', () => {
    const pool = new VotePool();
    put(pool, 0, vote(0, 1));
    for (let i = 0; i < 5000; i++) put(pool, 1, vote(0, 1 + i));
    expect(pool.size).toBe(1 + VOTES_PER_VOTER_MAX);
    expect(pool.newestEpoch(authority(1))).toBe(5000);
    expect(pool.votersOf(vote(0, 1))).toEqual(new Set([authority(0)]));
  });

  it('two attestations for one link that name different heads are a conflict', () => {
    const pool = new VotePool();
    const attest = (head: number): FfgVote => ({ ...vote(0, 1), attested: { slot: 3, head: hashOf(head) } });
    expect(put(pool, 0, attest(7))).toEqual({ isNew: true, conflict: null });
    expect(put(pool, 0, attest(7))).toEqual({ isNew: false, conflict: null });
    expect(put(pool, 0, attest(8)).conflict).toEqual(signedVote(authority(0), attest(7)));
  });

  it('tells of a conflict with an earlier vote, and keeps the earlier one', () => {
    const pool = new VotePool();
    expect(put(pool, 0, vote(0, 2))).toEqual({ isNew: true, conflict: null });
    expect(put(pool, 0, vote(0, 2))).toEqual({ isNew: false, conflict: null });
    const first = signedVote(authority(0), vote(0, 2));
    expect(put(pool, 0, vote(0, 2, 50))).toEqual({ isNew: false, conflict: first });
    expect(pool.votersOf(vote(0, 2)).size).toBe(1);
    put(pool, 0, vote(2, 3));
    expect(put(pool, 0, vote(1, 4)).conflict).toEqual(signedVote(authority(0), vote(2, 3)));
  });

  it('selects what counts on a branch and is not in it yet', () => {
    const pool = new VotePool();
    for (const voter of [0, 1, 2]) put(pool, voter, vote(0, 1));
    put(pool, 9, vote(0, 1));
    put(pool, 3, vote(0, 1, 70));
    const carried = signedVote(authority(2), vote(0, 1));
    const state = advanceFfg(chain(1), { hash: hashOf(2), number: 2, votes: [carried], validators, epoch: 2 });
    const selected = pool.select(state, 100).map(({ from }) => from);
    expect(selected).toEqual([authority(0), authority(1)]);
  });

  it('selects for the newest targets first, up to the limit, and nothing for justified ones', () => {
    const pool = new VotePool();
    for (const voter of [0, 1, 2]) for (const target of [1, 2]) put(pool, voter, vote(0, target));
    const selected = pool.select(chain(2), 4);
    expect(selected.map(({ payload }) => payload)).toEqual(
      [2, 2, 2, 1].map((target) => signedVote(authority(0), vote(0, target)).payload),
    );
    const justifying = [0, 1, 2].map((voter) => signedVote(authority(voter), vote(0, 1)));
    const justified = advanceFfg(chain(1), { hash: hashOf(2), number: 2, votes: justifying, validators, epoch: 2 });
    put(pool, 3, vote(0, 1));
    expect(pool.select(justified, 100).filter(({ from }) => from === authority(3))).toEqual([]);
  });

  it('forgets whom it is told to', () => {
    const pool = new VotePool();
    put(pool, 0, vote(0, 1));
    put(pool, 1, vote(0, 1));
    pool.retain((voter) => voter === authority(1));
    expect(pool.size).toBe(1);
    expect(pool.newestEpoch(authority(0))).toBeNull();
  });
});
