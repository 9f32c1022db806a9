import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { slashingRefusal } from '../../../../src/execution/staking/slashing.ts';
import { owedWei } from '../../../../src/execution/staking/withdrawal.ts';
import type { StakingRules } from '../../../../src/types/staking.ts';
import { BENEFICIARY, ETHER, key, KEYS, type Key } from '../support.ts';
import { Desk, proofOf, RULES } from './desk.ts';
import { Model, type Turn } from './model.ts';

/** Random histories: the books balance to the wei after every step, and say what a calculation on paper says. */

const VALIDATORS = KEYS.slice(0, 4);
const USERS = KEYS.slice(5, 8);
const EVERYTHING = 2n ** 256n - 1n;
const COIN = 1e18;

const KINDS = {
  deposit: 2,
  topUp: 2,
  delegate: 6,
  undelegate: 6,
  requestExit: 1,
  unjail: 3,
  withdraw: 5,
  move: 5,
  slash: 2,
  epoch: 6,
} as const;
type Kind = keyof typeof KINDS;

const step = fc.record({
  kind: fc.oneof(...Object.entries(KINDS).map(([kind, weight]) => ({ arbitrary: fc.constant(kind as Kind), weight }))),
  validator: fc.constantFrom(...VALIDATORS),
  user: fc.constantFrom(...USERS),
  wei: fc.oneof(
    { arbitrary: fc.bigInt(ETHER, 80n * ETHER), weight: 4 },
    { arbitrary: fc.integer({ min: 1, max: 60 }).map((n) => BigInt(n) * ETHER), weight: 2 },
    { arbitrary: fc.bigInt(0n, 100n), weight: 1 },
  ),
  other: fc.bigInt(0n, 30n * ETHER),
  number: fc.nat({ max: 5 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

class History {
  readonly #desk: Desk;
  readonly #model: Model;
  #supply: bigint;

  constructor(rules: Partial<StakingRules>) {
    this.#desk = new Desk(
      [
        [key(0), 640n * ETHER],
        [key(1), 400n * ETHER],
      ],
      rules,
    );
    this.#model = new Model(this.#desk.rules);
    this.#model.deposit(key(0).address, key(0).address, 640, 0);
    this.#model.deposit(key(1).address, key(1).address, 400, 0);
    this.#supply = this.#desk.supply();
  }

  run(at: Step): void {
    const isKnown = this.#model.validators.has(at.validator.address);
    if (isKnown || at.kind === 'deposit' || at.kind === 'epoch') this[at.kind](at);
    this.#model.sweep();
    this.#check();
  }

  deposit({ validator, user, wei, number }: Step): void {
    const value = wei + 20n * ETHER;
    const args = [validator.address, proofOf(validator, user.address), number * 2_000];
    if (this.#tell(user, 'deposit', args, value)) {
      this.#model.deposit(validator.address, user.address, Number(value) / COIN, number / 5);
    }
  }

  topUp({ validator, user, wei }: Step): void {
    if (this.#tell(user, 'topUp', [validator.address], wei)) this.#model.topUp(validator.address, Number(wei) / COIN);
  }

  delegate({ validator, user, wei }: Step): void {
    if (!this.#tell(user, 'delegate', [validator.address], wei)) return;
    this.#model.delegate(validator.address, user.address, Number(wei) / COIN);
  }

  undelegate({ validator, user: first, wei, number }: Step): void {
    const user = this.#somebody(first, (who) => this.#desk.amount('delegation', validator, who) > 0n);
    const all = this.#desk.amount('delegation', validator, user);
    const asked = number < 1 ? EVERYTHING : wei % (all + 2n);
    const turn = this.#turn(validator);
    if (!this.#tell(user, 'undelegate', [validator.address, asked])) return;
    const coins = Number(asked === EVERYTHING ? all : asked) / COIN;
    this.#model.undelegate(validator.address, user.address, coins, turn);
  }

  requestExit({ validator }: Step): void {
    this.#tell(this.#ownerOf(validator), 'requestExit', [validator.address]);
  }

  unjail({ validator }: Step): void {
    this.#tell(this.#ownerOf(validator), 'unjail', [validator.address]);
  }

  withdraw({ validator, user }: Step): void {
    const who = this.#somebody(user, (one) => this.#desk.amount('withdrawable', validator, one) > 0n);
    const turn = this.#turn(validator);
    const due = this.#desk.amount('withdrawable', validator, who);
    const before = this.#desk.balance(who.address);
    const isPaid = this.#tell(who, 'withdraw', [validator.address]);
    expect(this.#desk.balance(who.address) - before).toBe(isPaid ? due : 0n);
    if (isPaid) this.#near(Number(due) / COIN, this.#model.withdraw(validator.address, who.address, turn));
  }

  move({ validator, wei, other, number }: Step): void {
    // In proportion, as an engine pays: a fortune on a few wei would make something big of the model's roundings.
    const { own, delegated } = this.#desk.info(validator);
    const reward = ((own + delegated) * (wei % 100n)) / 1_000n;
    const penalty = number > 1 ? other : 0n;
    const isGone = this.#desk.info(validator).status === 4;
    const movement = { validator: validator.address, rewardWei: reward, penaltyWei: penalty, jail: number === 5 };
    const { issued, destroyed } = this.#desk.move(movement);
    this.#supply += issued - destroyed;
    this.#model.move(validator.address, Number(reward) / COIN, Number(penalty) / COIN, isGone);
  }

  slash({ validator, number }: Step): void {
    const ledger = this.#desk.ledger;
    const offence = {
      offender: validator.address,
      code: number < 3 ? 'SURROUND_VOTE' : 'DOUBLE_VOTE',
      height: 1,
      epoch: Math.max(0, this.#model.epoch - number),
    };
    if (slashingRefusal(ledger, offence) !== null) return;
    const turn = { ...this.#turn(validator), seatedStake: Number(ledger.seatedStakeWei()) / COIN };
    this.#supply -= this.#desk.slash(validator, offence, BENEFICIARY);
    this.#model.slash(validator.address, number < 3, offence.epoch, turn);
  }

  epoch({ number }: Step): void {
    this.#model.epoch += number < 4 ? 1 : number;
    this.#desk.beginEpoch(this.#model.epoch);
  }

  /** Somebody of whom this is true, so that most steps do something; else the one that was chosen. */
  #somebody(chosen: Key, isTrue: (who: Key) => boolean): Key {
    const at = USERS.indexOf(chosen);
    return [...USERS.slice(at), ...USERS, ...VALIDATORS].find(isTrue) ?? chosen;
  }

  /** Whether the call succeeded. One that reverts changes nothing. */
  #tell(who: Key, name: string, args: readonly unknown[], value = 0n): boolean {
    const before = this.#desk.balance();
    const { reason } = this.#desk.call(who, name, args, value);
    if (reason === null) return true;
    expect(reason).toMatch(/^[A-Z_]+: ./);
    expect(this.#desk.balance()).toBe(before);
    return false;
  }

  #turn(validator: Key): Turn {
    const record = this.#desk.ledger.validator(validator.address);
    const isSeated = record?.status === 'active' || record?.status === 'exiting';
    return { isSeated, withdrawableEpoch: record?.withdrawableEpoch ?? null };
  }

  #ownerOf(validator: Key): Key {
    const { owner } = this.#model.validators.get(validator.address) ?? {};
    return KEYS.find(({ address }) => address === owner) ?? validator;
  }

  #near(found: number, expected: number): void {
    expect(Math.abs(found - expected), `${found} where ${expected} belong`).toBeLessThan(1e-6 + expected * 1e-9);
  }

  #check(): void {
    const desk = this.#desk;
    expect(desk.supply()).toBe(this.#supply);
    let booked = 0n;
    let owed = 0n;
    let holders = 0;
    for (const validator of VALIDATORS) {
      const record = desk.ledger.validator(validator.address);
      if (record === undefined) continue;
      booked += record.ownWei + record.delegated.wei;
      for (let epoch = 0; epoch <= record.unbondingEpochLast; epoch++) {
        booked += desk.ledger.unbondingPool(validator.address, epoch).wei;
      }
      for (const who of [...VALIDATORS, ...USERS]) {
        const wei = owedWei(desk.ledger, record, who.address);
        this.#near(Number(wei) / COIN, this.#model.owed(validator.address, who.address));
        owed += wei;
        const { first, end } = desk.ledger.delegation(validator.address, who.address);
        holders += 1 + end - first;
      }
    }
    // To the wei: every coin here is in the books.
    expect(desk.balance()).toBe(booked);
    // And it is owed to somebody, but for less than a wei for each share; the last of a pool gets what is there.
    expect(owed).toBeLessThanOrEqual(booked);
    expect(booked - owed).toBeLessThanOrEqual(BigInt(holders));
  }
}

describe('the books of the staking contract', () => {
  it.for([
    ['as usual', {}],
    [
      'where an offence costs much',
      { doubleSignPenaltyWei: 60n * ETHER, surroundPenaltyWei: 45n * ETHER + 1n, churnMin: 3 },
    ],
    ['where everything is small', { ejectionStakeWei: 0n, delegationMinWei: 1n, unbondingEpochs: 1, jailEpochs: 0 }],
  ] as const)('balance %s', ([, rules]) => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 120, size: 'max' }), (steps) => {
        const history = new History({ ...RULES, ...rules });
        for (const one of steps) history.run(one);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });
});
