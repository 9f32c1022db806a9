import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { electDelegates } from '../../../../consensus/dpos/election.ts';
import type { Candidate } from '../../../../src/types/staking.ts';
import type { ConsensusState, ValidatorSet } from '../../../../src/types/validator.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { staked } from '../slots/harness.ts';

const candidate = (index: number, own: number, more: Partial<Candidate> = {}): Candidate => ({
  address: rigAddress(index),
  ownWei: BigInt(own),
  delegatedWei: 0n,
  status: 'active',
  jailed: false,
  ...more,
});
const before = (validators: ValidatorSet = []): ConsensusState => ({ validators, votes: [] });
const elected = (candidates: readonly Candidate[], seats: number): string[] =>
  electDelegates(candidates, before(), seats).map(({ address }) => address);
const named = (...indexes: number[]): string[] => indexes.map(rigAddress);

describe('election of delegates', () => {
  it('takes those with the most stake, as many as there are seats, ordered by address', () => {
    const all = [3, 9, 1, 7, 5].map((stake, i) => candidate(i, stake));
    expect(elected(all, 3)).toEqual(named(1, 3, 4));
    expect(elected(all, 99)).toEqual(named(0, 1, 2, 3, 4));
  });

  it('counts what others have delegated like own stake', () => {
    const popular = candidate(0, 1, { delegatedWei: 10n });
    expect(elected([popular, candidate(1, 10), candidate(2, 9)], 2)).toEqual(named(0, 1));
  });

  it('of equals takes the lower address, in whatever order they come', () => {
    const all = [candidate(2, 5), candidate(0, 5), candidate(1, 5)];
    expect(elected(all, 2)).toEqual(named(0, 1));
    expect(elected([...all].reverse(), 2)).toEqual(named(0, 1));
  });

  it('tells amounts apart that a float could not', () => {
    const wei = 10n ** 24n;
    const all = [candidate(0, 0, { ownWei: wei }), candidate(1, 0, { ownWei: wei + 1n })];
    expect(elected(all, 1)).toEqual(named(1));
  });

  it('gives everybody one vote', () => {
    expect(electDelegates([candidate(0, 5), candidate(1, 500)], before(), 2)).toEqual(
      named(0, 1).map((address) => ({ address, power: 1n, jailed: false })),
    );
  });

  it('passes over who is jailed, waits or is gone, and gives the seat to the next', () => {
    const all = [
      candidate(0, 9, { jailed: true }),
      candidate(1, 8, { status: 'pending' }),
      candidate(2, 7, { status: 'exited' }),
      candidate(3, 6, { status: 'exiting' }),
      candidate(4, 5),
      candidate(5, 4),
    ];
    expect(elected(all, 2)).toEqual(named(3, 4));
  });

  it('leaves all as it was rather than no delegate', () => {
    const old = staked(1, 1);
    expect(electDelegates([], before(old), 3)).toBe(old);
    expect(electDelegates([candidate(0, 5, { jailed: true })], before(old), 3)).toBe(old);
  });

  it('never puts one with less stake before one with more', () => {
    const all = fc.array(fc.nat(6), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(all, fc.integer({ min: 1, max: 6 }), (stakes, seats) => {
        const candidates = stakes.map((stake, i) => candidate(i, stake));
        const inside = new Set(elected(candidates, seats));
        expect(inside.size).toBe(Math.min(seats, stakes.length));
        const [ins, outs] = [true, false].map((isIn) => stakes.filter((_, i) => inside.has(rigAddress(i)) === isIn));
        if ((outs ?? []).length > 0) expect(Math.min(...(ins ?? []))).toBeGreaterThanOrEqual(Math.max(...(outs ?? [])));
      }),
    );
  });
});
