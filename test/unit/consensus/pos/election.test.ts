import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { electByStake } from '../../../../consensus/pos/election.ts';
import type { Candidate } from '../../../../src/types/staking.ts';
import type { ConsensusState, ValidatorSet } from '../../../../src/types/validator.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { COIN, staked } from '../slots/harness.ts';

const coins = (amount: number): bigint => BigInt(Math.round(amount * 1000)) * (COIN / 1000n);
const candidate = (index: number, own: number, more: Partial<Candidate> = {}): Candidate => ({
  address: rigAddress(index),
  ownWei: coins(own),
  delegatedWei: 0n,
  status: 'active',
  jailed: false,
  ...more,
});
const before = (validators: ValidatorSet = []): ConsensusState => ({ validators, votes: [] });
const weightOf = (own: number, more: Partial<Candidate> = {}, weight?: number): bigint | undefined =>
  electByStake([candidate(0, own, more)], before(weight === undefined ? [] : staked(weight)))[0]?.power;

describe('election by stake', () => {
  it('weighs in whole coins, own and delegated stake together', () => {
    expect(weightOf(32)).toBe(32n * COIN);
    expect(weightOf(32.999)).toBe(32n * COIN);
    expect(weightOf(32.6, { delegatedWei: coins(10.6) })).toBe(43n * COIN);
  });

  it.each([
    [32, 32],
    [31.75, 32],
    [31.749, 31],
    [30.1, 30],
    [33.249, 32],
    [33.25, 33],
    [40.9, 40],
    [2.5, 2],
  ])('a weight of 32 with a stake of %d is then %d', (stake, weight) => {
    expect(weightOf(stake, {}, 32)).toBe(BigInt(weight) * COIN);
  });

  it('does not go to and fro with every wage', () => {
    let set: ValidatorSet = staked(32);
    const weights = new Set<bigint>();
    for (let i = 0; i < 100; i++) {
      set = electByStake([candidate(0, i % 2 === 0 ? 31.99 : 32.01)], before(set));
      weights.add(set[0]?.power ?? 0n);
    }
    expect(weights.size).toBe(1);
  });

  it('is never far from the stake', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 1, maxLength: 30 }), (stakes) => {
        let set: ValidatorSet = staked(50);
        for (const thousandths of stakes) {
          const stake = BigInt(thousandths) * (COIN / 1000n);
          const elected = electByStake([candidate(0, 0, { ownWei: stake }), candidate(1, 1)], before(set));
          const power = elected.find(({ address }) => address === rigAddress(0))?.power ?? 0n;
          expect(power - stake).toBeLessThanOrEqual(COIN / 4n);
          expect(stake - power).toBeLessThan(COIN + COIN / 4n);
          set = elected;
        }
      }),
    );
  });

  it('lets nobody in who waits, nobody who is gone, and keeps those who are about to leave', () => {
    const all = (['pending', 'active', 'exiting', 'exited'] as const).map((status, i) => candidate(i, 32, { status }));
    expect(electByStake(all, before()).map(({ address }) => address)).toEqual([rigAddress(1), rigAddress(2)]);
  });

  it('keeps the entry of who is jailed', () => {
    const elected = electByStake([candidate(0, 32, { jailed: true }), candidate(1, 32)], before());
    expect(elected.map(({ jailed, power }) => [jailed, power])).toEqual([
      [true, 32n * COIN],
      [false, 32n * COIN],
    ]);
  });

  it('leaves out who has less than a coin', () => {
    expect(electByStake([candidate(0, 0.9), candidate(1, 1)], before()).map(({ address }) => address)).toEqual([
      rigAddress(1),
    ]);
  });

  it('leaves all as it was rather than nobody with a say', () => {
    const old = staked(32, 32);
    expect(electByStake([], before(old))).toBe(old);
    expect(electByStake([candidate(0, 32, { jailed: true })], before(old))).toBe(old);
    expect(electByStake([candidate(0, 32, { status: 'exited' })], before(old))).toBe(old);
    expect(electByStake([candidate(0, 0.5)], before(old))).toBe(old);
  });

  it('keeps the order of the candidates, which is that of addresses', () => {
    const elected = electByStake([candidate(0, 32), candidate(1, 96), candidate(2, 64)], before());
    expect(elected.map(({ address }) => address)).toEqual([0, 1, 2].map(rigAddress));
  });
});
