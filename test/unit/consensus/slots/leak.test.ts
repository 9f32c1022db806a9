import { describe, expect, it } from 'vitest';
import { powerOf, quorumPower, totalPower } from '../../../../consensus/common/quorum.ts';
import { isLeaking } from '../../../../consensus/common/slots/settle.ts';
import { electByStake } from '../../../../consensus/pos/election.ts';
import type { Candidate, StakeMovement } from '../../../../src/types/staking.ts';
import type { Address } from '../../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../../src/types/validator.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { COIN, staked } from './harness.ts';
import { familyOf, Ledger, WAGES } from './states.ts';

const SLOTS_PER_EPOCH = 4;

/** Settlement and books: what the staking contract does with a settlement, and no more. */
class Stakes {
  readonly ledger: Ledger;
  readonly online: readonly Address[];
  readonly stakes: Map<Address, bigint>;
  #epoch = 0;

  constructor(validators: ValidatorSet, online: readonly Address[], wages: Partial<typeof WAGES> = {}) {
    this.ledger = new Ledger(familyOf({ slotsPerEpoch: SLOTS_PER_EPOCH, wages }), validators);
    this.online = online;
    this.stakes = new Map(validators.map(({ address, power }) => [address, power]));
  }

  /** The first block of the next epoch (or of a later one), with the attestations of all who are there. */
  epoch(skip = 0): readonly StakeMovement[] {
    const votes = this.#epoch === 0 ? [] : this.ledger.attestations(this.online);
    this.#epoch += 1 + skip;
    const { movements } = this.ledger.block(this.#epoch * SLOTS_PER_EPOCH, votes, this.online[0]);
    for (const { validator, rewardWei, penaltyWei } of movements) {
      this.stakes.set(validator, (this.stakes.get(validator) ?? 0n) + rewardWei - penaltyWei);
    }
    const candidates = [...this.stakes].map(([address, ownWei]): Candidate => {
      return { address, ownWei, delegatedWei: 0n, status: 'active', jailed: false };
    });
    this.ledger.state = { ...this.ledger.state, validators: electByStake(candidates, this.ledger.state) };
    return movements;
  }

  get hasQuorum(): boolean {
    const { validators } = this.ledger.state;
    return powerOf(validators, (who) => this.online.includes(who)) >= quorumPower(totalPower(validators));
  }

  get isLeaking(): boolean {
    return isLeaking(this.ledger.family, this.ledger.slots);
  }
}

/** What is left of an absent validator after so many epochs of the leak, the i-th of which costs i parts in `leakQuotient`. */
function leftAfter(epochs: number): number {
  let left = 1;
  for (let i = 1; i <= epochs; i++) left *= 1 - i / WAGES.leakQuotient - WAGES.absencePpm / 1_000_000;
  return left;
}

/** Epochs of the leak until those online hold more than two thirds: online > 2 x absent x left. */
function epochsNeeded(online: number, absent: number): number {
  for (let epochs = 1; ; epochs++) if (online > 2 * absent * leftAfter(epochs)) return epochs;
}

describe('the leak', () => {
  it.each([
    ['a third', [4000, 4000], [4000], 1],
    ['two fifths', [3000, 3000], [4000], 24],
    ['a half', [4000, 4000], [4000, 4000], 37],
    ['three quarters', [4000], [4000, 4000, 4000], 61],
  ])('with %s away brings those who are there above two thirds in so many epochs', (_, online, absent, stated) => {
    const sum = (coins: readonly number[]) => coins.reduce((total, stake) => total + stake, 0);
    const needed = epochsNeeded(sum(online), sum(absent));
    expect(Math.abs(needed - stated)).toBeLessThanOrEqual(1);
    const validators = staked(...online, ...absent);
    const stakes = new Stakes(
      validators,
      validators.slice(0, online.length).map(({ address }) => address),
    );
    expect(stakes.hasQuorum).toBe(false);
    let leaking = 0;
    while (!stakes.hasQuorum && leaking <= needed + 1) {
      stakes.epoch();
      if (stakes.isLeaking) leaking++;
    }
    expect(stakes.hasQuorum).toBe(true);
    expect(Math.abs(leaking - needed)).toBeLessThanOrEqual(1);
  });

  it('takes from who is absent what the formula says, and nothing from who is there', () => {
    const validators = staked(4000, 4000, 8000);
    const [author, there, absent] = [rigAddress(0), rigAddress(1), rigAddress(2)];
    const stakes = new Stakes(validators, [author, there]);
    while (!stakes.isLeaking) stakes.epoch();
    const before = Number(stakes.stakes.get(absent));
    const own = stakes.stakes.get(there);
    // The epoch that began it was the first to cost.
    for (let i = 2; i <= 30; i++) {
      const losers = stakes.epoch().filter(({ penaltyWei }) => penaltyWei > 0n);
      expect(losers.map(({ validator }) => validator)).toEqual([absent]);
    }
    const left = Number(stakes.stakes.get(absent)) / before;
    expect(Math.abs(left - leftAfter(30) / leftAfter(1))).toBeLessThan(0.001);
    // Nor does it pay: not to lose is pay enough.
    expect(stakes.stakes.get(there)).toBe(own);
  });

  it('costs nothing extra before it bites, and i parts in its i-th epoch', () => {
    const validators = staked(1024, 1024);
    const stakes = new Stakes(
      validators,
      validators.slice(0, 1).map(({ address }) => address),
    );
    const absence = (1024n * COIN * BigInt(WAGES.absencePpm)) / 1_000_000n;
    const penalties: bigint[] = [];
    while (penalties.length < 6) {
      const absent = validators[1]?.address;
      const movement = stakes.epoch().find(({ validator, penaltyWei }) => validator === absent && penaltyWei > 0n);
      if (movement !== undefined) penalties.push(movement.penaltyWei - absence);
    }
    expect(penalties.slice(0, 5)).toEqual([0n, 0n, 0n, 0n, COIN]);
    // Weights are whole coins, so the base has just begun to fall.
    expect(penalties[5]).toBeGreaterThan((199n * COIN) / 100n);
    expect(penalties[5]).toBeLessThanOrEqual(2n * COIN);
  });

  it('ends, and wages begin again, when more than two thirds attest', () => {
    const validators = staked(4000, 4000);
    const all = validators.map(({ address }) => address);
    const stakes = new Stakes(validators, all.slice(0, 1));
    while (!stakes.hasQuorum) stakes.epoch();
    for (let i = 0; i < 3; i++) stakes.epoch();
    expect(stakes.isLeaking).toBe(false);
    const absence = ((stakes.ledger.state.validators[1]?.power ?? 0n) * BigInt(WAGES.absencePpm)) / 1_000_000n;
    const [there, absent] = stakes.epoch();
    expect([there?.validator, absent?.validator]).toEqual(all);
    expect(there?.rewardWei).toBeGreaterThan((4000n * COIN * BigInt(WAGES.attestationPpm)) / 1_000_000n);
    expect(absent?.penaltyWei).toBe(absence);
  });

  it('never begins where two thirds attest, however long', () => {
    const validators = staked(300, 300, 300, 300);
    const stakes = new Stakes(
      validators,
      validators.slice(0, 3).map(({ address }) => address),
    );
    for (let i = 0; i < 100; i++) stakes.epoch();
    expect(stakes.ledger.slots.stalledEpochs).toBe(0);
    expect(stakes.isLeaking).toBe(false);
  });

  it('takes nothing for a long gap without blocks', () => {
    const validators = staked(300, 300, 300);
    const stakes = new Stakes(
      validators,
      validators.map(({ address }) => address),
    );
    for (let i = 0; i < 3; i++) stakes.epoch();
    const movements = [stakes.epoch(100_000), stakes.epoch(), stakes.epoch(100_000), stakes.epoch(), stakes.epoch()];
    expect(movements.flat().filter(({ penaltyWei, jail }) => penaltyWei > 0n || jail)).toEqual([]);
    expect(stakes.ledger.slots.stalledEpochs).toBe(0);
  });
});
