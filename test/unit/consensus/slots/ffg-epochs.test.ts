import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { advanceFfg, initialFfgState, type FfgState } from '../../../../consensus/common/ffg.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../../src/types/validator.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, signedVote } from './harness.ts';

type Vector = {
  readonly name: string;
  readonly validators?: number;
  readonly blocks: readonly {
    readonly epoch?: number;
    readonly votes?: readonly (readonly [source: number, target: number, voters: readonly number[]])[];
    readonly justified: number;
    readonly finalized: number;
  }[];
};

const vectors = JSON.parse(readFileSync(new URL('../../../vectors/fork-choice.json', import.meta.url), 'utf8')) as {
  readonly finality: readonly Vector[];
};

const setOf = (...powers: readonly number[]): ValidatorSet =>
  powers.map((power, i) => ({ address: rigAddress(i), power: BigInt(power), jailed: false }));
const hashOf = (epoch: number): Hash => crypto.keccak256(Buffer.from(`checkpoint ${epoch}`));
const checkpoint = (epoch: number) => ({ epoch, hash: hashOf(epoch) });

/** A branch whose checkpoints have the hash of their epoch. */
class Branch {
  state: FfgState;
  number = 0;
  readonly #validators: ValidatorSet;

  constructor(validators: ValidatorSet) {
    this.#validators = validators;
    this.state = initialFfgState({ hash: hashOf(0), number: 0, validators, epoch: 0 });
  }

  block(
    epoch: number | null,
    votes: readonly SignedMessage[] = [],
    caps?: ReadonlyMap<Address, bigint>,
    validators: ValidatorSet = this.#validators,
  ): this {
    this.number++;
    const hash = epoch === null ? crypto.keccak256(Buffer.from(`block ${this.number}`)) : hashOf(epoch);
    const block = { hash, number: this.number, votes, validators, epoch };
    this.state = advanceFfg(this.state, caps === undefined ? block : { ...block, caps });
    return this;
  }

  votes(source: number, target: number, voters: readonly number[]): SignedMessage[] {
    const link = { source: checkpoint(source), target: checkpoint(target) };
    return voters.map((i) => signedVote(rigAddress(i), { ...link, attested: { slot: 8 * target, head: hashOf(0) } }));
  }
}

describe('known scenarios of finality', () => {
  it.each(vectors.finality)('$name', ({ validators = 4, blocks }) => {
    const branch = new Branch(setOf(...Array.from({ length: validators }, () => 1)));
    for (const { epoch, votes, justified, finalized } of blocks) {
      const messages = (votes ?? []).flatMap(([source, target, voters]) => branch.votes(source, target, voters));
      branch.block(epoch ?? null, messages);
      const { state } = branch;
      expect([state.justified, state.finalized]).toEqual([checkpoint(justified), checkpoint(finalized)]);
    }
  });

  it('a checkpoint is one only where the engine gives its block an epoch', () => {
    const branch = new Branch(setOf(1, 1, 1, 1)).block(null).block(null).block(3).block(null);
    expect(branch.state.targets.map((target) => [target.checkpoint, target.number])).toEqual([[checkpoint(3), 3]]);
  });
});

describe('a leak', () => {
  const six = setOf(10, 10, 10, 10, 10, 10);
  const there = [0, 1, 2];
  const capsOf = (...powers: readonly number[]) => new Map(powers.map((power, i) => [rigAddress(i), BigInt(power)]));

  /** Half vote, for the checkpoints of epochs 1 and 2, and are not enough. */
  function stalled(): Branch {
    const branch = new Branch(six).block(1);
    branch.block(2, branch.votes(0, 1, there));
    return branch.block(null, branch.votes(0, 2, there));
  }

  it('brings a quorum back for votes that were there already, and finality with it', () => {
    const branch = stalled();
    expect(branch.state.justified.epoch).toBe(0);
    branch.block(3, [], capsOf(10, 10, 10, 4, 4, 4));
    expect(branch.state.justified.epoch).toBe(2);
    branch.block(null, branch.votes(2, 3, there));
    expect(branch.state.finalized.epoch).toBe(2);
  });

  it('does not while those who are there have two thirds and no more', () => {
    const branch = stalled().block(3, [], capsOf(10, 10, 10, 5, 5, 5));
    expect(branch.state.justified.epoch).toBe(0);
  });

  it('lowers weights in every set since the last final block, the newest as the oldest', () => {
    const branch = new Branch(six);
    branch.block(1, [], undefined, setOf(10, 10, 10, 10, 10, 20)).block(2, [], undefined, setOf(10, 10, 10, 10, 10));
    branch.block(3, [], capsOf(10, 9, 8, 7, 6), setOf(10, 9, 8, 7, 6));
    const powers = branch.state.eras.map(({ validators }) => validators.map(({ power }) => Number(power)));
    expect(powers).toEqual([
      [10, 9, 8, 7, 6],
      [10, 9, 8, 7, 6],
      [10, 9, 8, 7, 6],
    ]);
  });

  it('never gives anybody more', () => {
    const branch = new Branch(six).block(1, [], capsOf(99, 99, 99, 99, 99, 99));
    expect(branch.state.eras[0]?.validators).toEqual(six);
  });

  it('without caps would wait for the old sets for ever, even where the new one has fallen', () => {
    const fallen = setOf(10, 10, 10, 4, 4, 4);
    const run = (caps?: ReadonlyMap<Address, bigint>): FfgState => {
      const branch = stalled().block(3, [], caps, fallen);
      let source = branch.state.justified.epoch;
      for (let epoch = 4; epoch < 20; epoch++) {
        branch.block(epoch, branch.votes(source, epoch - 1, there), undefined, fallen);
        source = branch.state.targets.at(-1)?.source.epoch ?? 0;
        branch.block(null, branch.votes(source, epoch, there), undefined, fallen);
      }
      return branch.state;
    };
    expect(run().finalized.epoch).toBe(0);
    expect(run(capsOf(10, 10, 10, 4, 4, 4)).finalized.epoch).toBeGreaterThan(15);
  });

  it('two halves that leak apart finalize apart, and nobody has said two things', () => {
    const halves = [
      [0, 1, 2],
      [3, 4, 5],
    ].map((half) => {
      const branch = new Branch(six).block(1);
      const powers = new Map(six.map(({ address }, i) => [address, half.includes(i) ? 10n : 4n]));
      branch.block(2, branch.votes(0, 1, half), powers);
      return branch.block(null, branch.votes(branch.state.targets.at(-1)?.source.epoch ?? 0, 2, half));
    });
    expect(halves.map(({ state }) => state.finalized.epoch)).toEqual([1, 1]);
  });
});
