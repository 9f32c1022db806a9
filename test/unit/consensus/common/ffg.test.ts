import { describe, expect, it } from 'vitest';
import { encodeRlp } from '../../../../src/codec/rlp.ts';
import { RlpReader } from '../../../../src/codec/rlp-reader.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../../src/types/validator.ts';
import { ffgStateToRlp, readFfgState } from '../../../../consensus/common/ffg-codec.ts';
import { encodeJustification, verifyJustification } from '../../../../consensus/common/ffg-justification.ts';
import { advanceFfg, epochAt, initialFfgState, TARGETS_MAX, type FfgState } from '../../../../consensus/common/ffg.ts';
import type { Checkpoint } from '../../../../consensus/common/ffg-vote.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, signedVote } from '../poa/harness.ts';

const hashOf = (name: string): Hash => crypto.keccak256(Buffer.from(name));
const setOf = (...indexes: number[]): ValidatorSet =>
  indexes.map((i) => ({ address: rigAddress(i), power: 1n, jailed: false }));
const four = setOf(0, 1, 2, 3);

/** A branch written down block by block: its name, and who votes in it for which link. */
class Branch {
  state: FfgState;
  number: number;
  readonly names: string[];
  readonly #distance: number;

  constructor(distance = 1, from?: Branch) {
    this.#distance = distance;
    this.number = from?.number ?? 0;
    this.names = [...(from?.names ?? ['genesis'])];
    this.state = from?.state ?? initialFfgState({ hash: hashOf('genesis'), number: 0, validators: four, epoch: 0 });
  }

  fork(): Branch {
    return new Branch(this.#distance, this);
  }

  block(name: string, votes: readonly SignedMessage[] = [], validators: ValidatorSet = four): this {
    this.number++;
    this.names.push(name);
    const epoch = epochAt(this.number, this.#distance);
    this.state = advanceFfg(this.state, { hash: hashOf(name), number: this.number, votes, validators, epoch });
    return this;
  }

  checkpoint(epoch: number): Checkpoint {
    return { epoch, hash: hashOf(this.names[epoch * this.#distance] ?? '?') };
  }

  votes(source: number, target: number, voters: readonly number[]): SignedMessage[] {
    const link = { source: this.checkpoint(source), target: this.checkpoint(target) };
    return voters.map((i) => signedVote(rigAddress(i), link));
  }
}

describe('the finality gadget', () => {
  it('justifies with more than two thirds, not with less', () => {
    const branch = new Branch().block('a');
    expect(branch.fork().block('b', branch.votes(0, 1, [0, 1])).state.justified.epoch).toBe(0);
    const three = branch.fork().block('b', branch.votes(0, 1, [0, 1, 2]));
    expect(three.state.justified).toEqual(branch.checkpoint(1));
    expect(three.state.finalized.epoch).toBe(0);
  });

  it('two of three are not more than two thirds', () => {
    const three = setOf(0, 1, 2);
    const state = initialFfgState({ hash: hashOf('genesis'), number: 0, validators: three, epoch: 0 });
    const a = advanceFfg(state, { hash: hashOf('a'), number: 1, votes: [], validators: three, epoch: 1 });
    const branch = new Branch().block('a');
    const b = { hash: hashOf('b'), number: 2, validators: three, epoch: 2 };
    expect(advanceFfg(a, { ...b, votes: branch.votes(0, 1, [0, 1]) }).justified.epoch).toBe(0);
    expect(advanceFfg(a, { ...b, votes: branch.votes(0, 1, [0, 1, 2]) }).justified.epoch).toBe(1);
  });

  it('adds up votes over blocks, and no voter twice', () => {
    const branch = new Branch().block('a');
    branch.block('b', [...branch.votes(0, 1, [0]), ...branch.votes(0, 1, [0])]);
    branch.block('c', [...branch.votes(0, 1, [0]), ...branch.votes(0, 1, [1])]);
    expect(branch.state.justified.epoch).toBe(0);
    expect(branch.block('d', branch.votes(0, 1, [2])).state.justified.epoch).toBe(1);
  });

  it('finalizes the source of a link to the next checkpoint', () => {
    const branch = new Branch().block('a');
    branch.block('b', branch.votes(0, 1, [0, 1, 2]));
    branch.block('c', branch.votes(1, 2, [1, 2, 3]));
    expect(branch.state.finalized).toEqual(branch.checkpoint(1));
    expect(branch.state.targets.map(({ checkpoint }) => checkpoint.epoch)).toEqual([2, 3]);
  });

  it('does not finalize over a checkpoint that was never justified', () => {
    const branch = new Branch().block('a');
    branch.block('b', branch.votes(0, 1, [0, 1, 2])).block('c');
    // The link 1 -> 3 leaves out 2.
    branch.block('d', branch.votes(1, 3, [0, 1, 2]));
    expect(branch.state.justified).toEqual(branch.checkpoint(3));
    expect(branch.state.finalized.epoch).toBe(0);
  });

  it('finalizes although votes always come three blocks late', () => {
    const branch = new Branch();
    for (let number = 1; number <= 12; number++) {
      const target = branch.state.targets.find(({ checkpoint }) => checkpoint.epoch === number - 3);
      const votes = target === undefined ? [] : branch.votes(target.source.epoch, target.checkpoint.epoch, [0, 1, 2]);
      branch.block(`late-${number}`, votes);
    }
    expect(branch.state.justified.epoch).toBe(9);
    expect(branch.state.finalized.epoch).toBe(6);
  });

  it('closes a gap when its votes come after all', () => {
    const branch = new Branch().block('a');
    branch.block('b', branch.votes(0, 1, [0, 1, 2])).block('c');
    branch.block('d', branch.votes(1, 3, [0, 1, 2]));
    branch.block('e', branch.votes(1, 2, [0, 1, 3]));
    expect(branch.state.finalized.epoch).toBe(1);
  });

  it('ignores votes of strangers, for other blocks, from other sources, and garbage', () => {
    const branch = new Branch().block('a');
    const other = new Branch().block('x');
    const wrongSource = signedVote(rigAddress(2), {
      source: { epoch: 0, hash: hashOf('x') },
      target: branch.checkpoint(1),
    });
    const garbage = { from: rigAddress(3), payload: Buffer.from('vote'), signature: new Uint8Array(65) };
    const votes = [
      ...branch.votes(0, 1, [0, 1]),
      ...branch.votes(0, 1, [7, 8]),
      ...other.votes(0, 1, [2]),
      wrongSource,
      garbage,
    ];
    branch.block('b', votes);
    expect(branch.state.justified.epoch).toBe(0);
    expect(branch.state.targets[0]?.votes.size).toBe(2);
  });

  it('has checkpoints only so often', () => {
    const branch = new Branch(3).block('a').block('b');
    expect(branch.state.targets).toEqual([]);
    branch.block('c');
    branch.block('d', branch.votes(0, 1, [0, 1, 2]));
    expect(branch.state.justified).toEqual({ epoch: 1, hash: hashOf('c') });
  });

  it('keeps a bounded number of checkpoints while nothing gets final', () => {
    const branch = new Branch();
    for (let i = 0; i < TARGETS_MAX * 2; i++) branch.block(`idle-${i}`);
    expect(branch.state.targets).toHaveLength(TARGETS_MAX);
    branch.block('next', branch.votes(0, TARGETS_MAX * 2, [0, 1, 2]));
    const justified = branch.state.justified.epoch;
    branch.block('after', branch.votes(justified, justified + 1, [0, 1, 2]));
    expect(branch.state.finalized.epoch).toBe(TARGETS_MAX * 2);
  });

  it('ignores jailed validators', () => {
    const jailed = four.map((validator, i) => (i < 2 ? { ...validator, jailed: true } : validator));
    const branch = new Branch();
    branch.state = initialFfgState({ hash: hashOf('genesis'), number: 0, validators: jailed, epoch: 0 });
    branch.block('a', [], jailed);
    expect(branch.fork().block('b', branch.votes(0, 1, [0, 1, 2]), jailed).state.justified.epoch).toBe(0);
    expect(branch.fork().block('b', branch.votes(0, 1, [2, 3]), jailed).state.justified.epoch).toBe(1);
  });
});

describe('when validators change', () => {
  const grown = setOf(0, 1, 2, 3, 4, 5, 6);

  it('a target above the change needs a quorum of the old set and of the new one', () => {
    const branch = new Branch().block('a', [], grown).block('b', [], grown);
    // Five of the new seven, but only two of the old four.
    expect(branch.fork().block('c', branch.votes(0, 2, [2, 3, 4, 5, 6]), grown).state.justified.epoch).toBe(0);
    // All of the old, but only four of the new.
    expect(branch.fork().block('c', branch.votes(0, 2, [0, 1, 2, 3]), grown).state.justified.epoch).toBe(0);
    expect(branch.fork().block('c', branch.votes(0, 2, [1, 2, 3, 4, 5]), grown).state.justified.epoch).toBe(2);
  });

  it('the block that changes the set is voted on by the old set alone', () => {
    const branch = new Branch().block('a', [], grown);
    branch.block('b', branch.votes(0, 1, [0, 1, 2]), grown);
    expect(branch.state.justified.epoch).toBe(1);
  });

  it('once the change is final, the new set alone decides', () => {
    const branch = new Branch().block('a', [], grown);
    branch.block('b', branch.votes(0, 1, [0, 1, 2]), grown);
    branch.block('c', branch.votes(1, 2, [1, 2, 3, 4, 5]), grown);
    expect(branch.state.finalized.epoch).toBe(1);
    expect(branch.state.eras).toHaveLength(1);
    branch.block('d', branch.votes(2, 3, [2, 3, 4, 5, 6]), grown);
    expect(branch.state.justified.epoch).toBe(3);
    expect(branch.state.finalized.epoch).toBe(2);
  });

  it('two branches that finalize a common block on their way or not still count by a common set', () => {
    // x changes the set; one branch finalizes x first and then goes on, the other jumps over it.
    const common = new Branch().block('x', [], grown);
    const jumping = common.fork().block('j2', [], grown);
    jumping.block('j3', jumping.votes(0, 2, [0, 1, 2, 3]), grown);
    jumping.block('j4', jumping.votes(2, 3, [0, 1, 2, 3]), grown);
    // The old four alone can not finalize above x, or the new ones could finalize something else there.
    expect(jumping.state.finalized.epoch).toBe(0);
  });
});

describe('state and proof as bytes', () => {
  function finalizedBranch(): Branch {
    const branch = new Branch().block('a');
    branch.block('b', branch.votes(0, 1, [0, 1, 2]));
    return branch.block('c', branch.votes(1, 2, [1, 2, 3]), setOf(0, 1, 2));
  }

  it('come back as they were', () => {
    const { state } = finalizedBranch();
    expect(readFfgState(new RlpReader(encodeRlp(ffgStateToRlp(state))))).toEqual(state);
  });

  it('a proof convinces who knows the set', () => {
    const { state } = finalizedBranch();
    const bytes = encodeJustification(state) ?? new Uint8Array(0);
    expect(verifyJustification([four], bytes, crypto)).toEqual(state.finalized);
  });

  it('a proof over several links convinces as well', () => {
    const branch = new Branch().block('a').block('b', []);
    branch.block('c', branch.votes(0, 1, [0, 1, 2]));
    branch.block('d', branch.votes(0, 2, [0, 1, 2]));
    branch.block('e', [...branch.votes(1, 3, [0, 1, 2])]);
    expect(branch.state.finalized.epoch).toBe(1);
    const bytes = encodeJustification(branch.state) ?? new Uint8Array(0);
    expect(verifyJustification([four], bytes, crypto)).toEqual(branch.checkpoint(1));
  });

  it('genesis needs no proof', () => {
    expect(encodeJustification(new Branch().state)).toBeNull();
  });

  it('nothing less is a proof', () => {
    const { state } = finalizedBranch();
    const bytes = encodeJustification(state) ?? new Uint8Array(0);
    const forged = (messages: readonly SignedMessage[]): Uint8Array =>
      encodeJustification({ ...state, proof: [messages] }) ?? new Uint8Array(0);
    const branch = new Branch().block('a').block('b');
    const good = branch.votes(1, 2, [0, 1, 2]);
    const [first, second, third] = good as [SignedMessage, SignedMessage, SignedMessage];
    expect(verifyJustification([four], forged(good), crypto)).toEqual(branch.checkpoint(1));
    expect(verifyJustification([four], forged([first, second]), crypto)).toBeNull();
    expect(verifyJustification([four], forged([first, second, second]), crypto)).toBeNull();
    const stolen: SignedMessage = { ...third, from: rigAddress(3) };
    expect(verifyJustification([four], forged([first, second, stolen]), crypto)).toBeNull();
    expect(verifyJustification([four], forged([first, second, ...branch.votes(0, 2, [2])]), crypto)).toBeNull();
    expect(verifyJustification([four], forged(branch.votes(0, 2, [0, 1, 2])), crypto)).toBeNull();
    expect(verifyJustification([four, setOf(4, 5, 6)], bytes, crypto)).toBeNull();
    expect(verifyJustification([], bytes, crypto)).toBeNull();
    for (const size of [0, 1, bytes.length - 1]) {
      expect(verifyJustification([four], bytes.subarray(0, size), crypto)).toBeNull();
    }
  });
});

describe('voters', () => {
  it('are known by address, whatever their power', () => {
    const [whale, minnow]: Address[] = [rigAddress(0), rigAddress(1)];
    const weighted: ValidatorSet = [
      { address: whale ?? '0x', power: 10n ** 21n, jailed: false },
      { address: minnow ?? '0x', power: 1n, jailed: false },
    ];
    const branch = new Branch();
    branch.state = initialFfgState({ hash: hashOf('genesis'), number: 0, validators: weighted, epoch: 0 });
    branch.block('a', [], weighted);
    expect(branch.fork().block('b', branch.votes(0, 1, [1]), weighted).state.justified.epoch).toBe(0);
    expect(branch.fork().block('b', branch.votes(0, 1, [0]), weighted).state.justified.epoch).toBe(1);
  });
});
