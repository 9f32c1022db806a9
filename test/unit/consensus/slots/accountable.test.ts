import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { voteOffence } from '../../../../consensus/common/ffg-offence.ts';
import { decodeVote, type FfgVote } from '../../../../consensus/common/ffg-vote.ts';
import { advanceFfg, initialFfgState, type FfgState, type Target } from '../../../../consensus/common/ffg.ts';
import { powerOf, totalPower } from '../../../../consensus/common/quorum.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../../src/types/validator.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, signedVote } from './harness.ts';

/** Who has said two things of which honest software says at most one. */
function slashable(messages: readonly SignedMessage[]): Set<Address> {
  const said = new Map<Address, FfgVote[]>();
  for (const { from, payload } of messages) {
    const vote = decodeVote(payload);
    if (vote !== null) said.set(from, [...(said.get(from) ?? []), vote]);
  }
  const hasOffended = (votes: readonly FfgVote[]): boolean =>
    votes.some((a, i) => votes.slice(i + 1).some((b) => voteOffence(a, b) !== null));
  return new Set([...said].filter(([, votes]) => hasOffended(votes)).map(([who]) => who));
}

const hashOf = (name: string): Hash => crypto.keccak256(Buffer.from(name));
const setOf = (powers: readonly number[]): ValidatorSet =>
  powers.map((power, i) => ({ address: rigAddress(i), power: BigInt(power), jailed: false }));

/** A branch that makes one checkpoint an epoch, or none; votes come in the same epoch or in the next one. */
class Branch {
  state: FfgState;
  readonly #name: string;
  #number = 0;
  #late: readonly SignedMessage[] = [];

  constructor(name: string, validators: ValidatorSet) {
    this.#name = name;
    this.state = initialFfgState({ hash: hashOf('genesis'), number: 0, validators, epoch: 0 });
  }

  /** The checkpoint that its voters find. */
  begin(epoch: number, validators: ValidatorSet): Target | undefined {
    this.#block(epoch, this.#late, validators);
    this.#late = [];
    return this.state.targets.at(-1);
  }

  carry(messages: readonly SignedMessage[], isLate: boolean, validators: ValidatorSet): void {
    if (isLate) this.#late = messages;
    else this.#block(null, messages, validators);
  }

  #block(epoch: number | null, votes: readonly SignedMessage[], validators: ValidatorSet): void {
    const number = ++this.#number;
    this.state = advanceFfg(this.state, { hash: hashOf(`${this.#name} ${number}`), number, votes, validators, epoch });
  }
}

type Plan = {
  readonly powers: readonly number[];
  /** By epoch and validator: on which branches it votes. */
  readonly epochs: readonly {
    readonly skips: readonly boolean[];
    readonly isLate: boolean;
    readonly votes: readonly ('a' | 'b' | 'both' | 'none')[];
    /** Who is left out of the branch's set from here on. */
    readonly absent: readonly (number | null)[];
  }[];
  /** These obey the rules: one vote an epoch, and no source below an earlier one. */
  readonly honest: readonly boolean[];
};

const VALIDATORS = 6;
const choice = fc.constantFrom<'a' | 'b' | 'both' | 'none'>('a', 'b', 'both', 'both', 'both', 'none');
const plans = (changesMax: number): fc.Arbitrary<Plan> =>
  fc.record({
    powers: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: VALIDATORS, maxLength: VALIDATORS }),
    epochs: fc.array(
      fc.record({
        skips: fc.tuple(
          fc.nat(5).map((n) => n === 0),
          fc.nat(5).map((n) => n === 0),
        ),
        isLate: fc.boolean(),
        votes: fc.array(choice, { minLength: VALIDATORS, maxLength: VALIDATORS }),
        absent: fc.array(fc.option(fc.nat(VALIDATORS - 1), { freq: 2 }), { maxLength: changesMax }),
      }),
      { minLength: 4, maxLength: 9 },
    ),
    honest: fc.array(
      fc.nat(3).map((n) => n === 0),
      { minLength: VALIDATORS, maxLength: VALIDATORS },
    ),
  });

/** Carries a plan out. Returns what both branches finalized and every vote that was cast. */
function play({ powers, epochs, honest }: Plan) {
  const all = setOf(powers);
  const branches = [new Branch('a', all), new Branch('b', all)];
  const sets: ValidatorSet[] = [all, all];
  const cast: SignedMessage[] = [];
  const last = new Map<number, FfgVote>();
  for (const [i, { skips, isLate, votes, absent }] of epochs.entries()) {
    const voted = new Set<number>();
    for (const [at, branch] of branches.entries()) {
      if (skips[at] === true) continue;
      const gone = absent[at];
      if (gone != null) sets[at] = all.filter((_, index) => index !== gone);
      const validators = sets[at] ?? all;
      const target = branch.begin(i + 1, validators);
      const name = at === 0 ? 'a' : 'b';
      const messages = votes.flatMap((where, voter): SignedMessage[] => {
        if (target === undefined || (where !== name && where !== 'both')) return [];
        const vote = { source: target.source, target: target.checkpoint };
        const before = last.get(voter);
        const mayNot = voted.has(voter) || (before !== undefined && vote.source.epoch < before.source.epoch);
        if (honest[voter] === true && mayNot) return [];
        voted.add(voter);
        last.set(voter, vote);
        return [signedVote(rigAddress(voter), vote)];
      });
      cast.push(...messages);
      branch.carry(messages, isLate, validators);
    }
  }
  const finalized = branches.map(({ state }) => state.finalized.epoch);
  return { all, cast, haveConflict: finalized.every((epoch) => epoch > 0) };
}

describe('accountable safety', () => {
  it.each([
    ['with one set of validators', 0],
    ['while the sets of both branches change', 2],
  ])('where two branches finalize apart, more than a third can be slashed: %s', (_, changesMax) => {
    let conflicts = 0;
    fc.assert(
      fc.property(plans(changesMax), (plan) => {
        const { all, cast, haveConflict } = play(plan);
        const guilty = slashable(cast);
        for (const [i, isHonest] of plan.honest.entries()) if (isHonest) expect(guilty).not.toContain(rigAddress(i));
        if (!haveConflict) return;
        conflicts++;
        const power = powerOf(all, (address) => guilty.has(address));
        expect(3n * power).toBeGreaterThan(totalPower(all));
      }),
      { numRuns: 600, seed: 20_170_911 },
    );
    expect(conflicts).toBeGreaterThan(50);
  });

  it('nothing conflicts where everybody obeys', () => {
    const honest = Array.from({ length: VALIDATORS }, () => true);
    fc.assert(
      fc.property(plans(0), (plan) => {
        const { cast, haveConflict } = play({ ...plan, honest });
        expect(haveConflict).toBe(false);
        expect(slashable(cast)).toEqual(new Set());
      }),
      { numRuns: 300, seed: 20_170_911 },
    );
  });

  it('exactly those are named who break one of the two commandments', () => {
    const epochs = fc.record({ from: fc.nat(5), length: fc.integer({ min: 1, max: 4 }), fork: fc.nat(1) });
    const voter = fc.nat(4);
    fc.assert(
      fc.property(fc.array(fc.tuple(voter, epochs), { maxLength: 12 }), (said) => {
        const votes = said.map(([who, { from, length, fork }]) => ({
          who,
          vote: {
            source: { epoch: from, hash: hashOf(`${from}`) },
            target: { epoch: from + length, hash: hashOf(`${from + length} ${fork}`) },
          },
        }));
        const breaks = (a: FfgVote, b: FfgVote): boolean => {
          const isSame = a.source.epoch === b.source.epoch && a.target.hash === b.target.hash;
          const isDouble = a.target.epoch === b.target.epoch && !isSame;
          return isDouble || (a.source.epoch < b.source.epoch && b.target.epoch < a.target.epoch);
        };
        const expected = votes.filter(({ who, vote }) =>
          votes.some((other) => other.who === who && (breaks(vote, other.vote) || breaks(other.vote, vote))),
        );
        const named = slashable(votes.map(({ who, vote }) => signedVote(rigAddress(who), vote)));
        expect(named).toEqual(new Set(expected.map(({ who }) => rigAddress(who))));
      }),
      { numRuns: 500 },
    );
  });
});
