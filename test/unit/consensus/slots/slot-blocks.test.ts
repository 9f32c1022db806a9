import { describe, expect, it } from 'vitest';
import { VOTES_PER_BLOCK_MAX } from '../../../../src/types/block.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { at, crypto, Harness, only, signedVote, staked, START_MS, type MadeBlock } from './harness.ts';

const four = staked(32, 32, 32, 32);
const nowhere = crypto.keccak256(Buffer.from('nowhere'));

function started() {
  const harness = new Harness({ validators: four }).start();
  const chain = harness.chain(harness.genesis, 9);
  harness.now += 10_000;
  const [one, two, head] = [at(chain, 4), at(chain, 8), at(chain, 9)];
  // The proposer of slot 10 has something to open, or nothing could be wrong about it.
  const slot = [10, 11, 12, 13, 14, 15, 16].find((slot) => {
    const standing = head.slots.commitments.get(harness.proposer(head, slot));
    return standing !== undefined && standing.epoch < Math.floor(slot / 4);
  });
  if (slot === undefined) throw new Error('somebody drawn soon has made a block before');
  return { harness, one, two, head, slot };
}

type World = ReturnType<typeof started>;

function refused(world: World, block: MadeBlock, kind: string, code: string): void {
  expect(world.harness.check(block, world.head)).toMatchObject({ kind, code });
}

describe('a block', () => {
  it('of the one who is drawn, at the start of its slot, with what it owes, is accepted', () => {
    const { harness, head, slot, two } = started();
    const votes = four.map(({ address }) => harness.attestation(address, two, head));
    expect(harness.check(harness.make(head, slot, { votes }), head)).toEqual({ kind: 'accept' });
  });

  const other = (world: World) =>
    at(
      four.filter(({ address }) => address !== world.harness.proposer(world.head, world.slot)),
      0,
    ).address;
  const wrong: readonly [string, (world: World) => MadeBlock, string][] = [
    [
      'by somebody else',
      (world) => world.harness.make(world.head, world.slot, { author: other(world) }),
      'AUTHOR_NOT_DRAWN',
    ],
    [
      'by a stranger',
      ({ harness, head, slot }) => harness.make(head, slot, { author: rigAddress(8) }),
      'AUTHOR_NOT_DRAWN',
    ],
    [
      'a millisecond after the start of its slot',
      ({ harness, head, slot }) => harness.make(head, slot, { timeMs: START_MS + slot * 1000 + 1 }),
      'TIME_NOT_OF_SLOT',
    ],
    [
      'at the time of another slot',
      ({ harness, head, slot }) => harness.make(head, slot, { timeMs: START_MS + (slot + 1) * 1000 }),
      'TIME_NOT_OF_SLOT',
    ],
    [
      'in the slot of its parent',
      ({ harness, head }) => harness.make(head, head.slots.slot, {}),
      'SLOT_NOT_AFTER_PARENT',
    ],
    [
      'in a slot before its parent',
      ({ harness, head }) => harness.make(head, head.slots.slot - 1, {}),
      'SLOT_NOT_AFTER_PARENT',
    ],
    ['of another height', ({ harness, head, slot }) => harness.make(head, slot, { number: 11 }), 'NUMBER_INVALID'],
    [
      'with a short seal',
      ({ harness, head, slot }) => harness.make(head, slot, { seal: new Uint8Array(64) }),
      'SEAL_INVALID',
    ],
    [
      'with rubbish in extra',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: Uint8Array.of(1) }),
      'EXTRA_MALFORMED',
    ],
    [
      'for another chain',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: { chainId: 1 } }),
      'EXTRA_OTHER_CHAIN',
    ],
    [
      'for another shard',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: { shard: 1 } }),
      'EXTRA_OTHER_CHAIN',
    ],
    [
      'that opens nothing although it must',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: { opening: null } }),
      'REVEAL_MISSING',
    ],
    [
      'that opens something else than was promised',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: { opening: nowhere } }),
      'REVEAL_WRONG',
    ],
    [
      'that promises nothing new',
      ({ harness, head, slot }) => harness.make(head, slot, { extra: { commitment: null } }),
      'COMMITMENT_MISSING',
    ],
  ];

  it.each(wrong)('%s is refused', (_, make, code) => {
    const world = started();
    refused(world, make(world), 'reject', code);
  });

  it('that opens or promises before it may is refused', () => {
    // One validator, so whoever is drawn has promised in this epoch and has nothing to open or to add.
    const harness = new Harness({ validators: staked(32) }).start();
    const head = at(harness.chain(harness.genesis, 1), 1);
    const refusal = (extra: object) => harness.check(harness.make(head, 2, { extra }), head);
    expect(refusal({})).toEqual({ kind: 'accept' });
    expect(refusal({ opening: nowhere })).toEqual({ kind: 'reject', code: 'REVEAL_UNDUE' });
    expect(refusal({ commitment: nowhere })).toEqual({ kind: 'reject', code: 'COMMITMENT_UNDUE' });
  });

  it('waits for an unknown parent', () => {
    const { harness, head } = started();
    const missing = harness.make(head, 10);
    expect(harness.check(harness.make(missing, 11), missing)).toEqual({ kind: 'later', code: 'PARENT_UNKNOWN' });
  });

  it('ahead of the clock waits until it is within the tolerance', () => {
    const { harness, head } = started();
    const block = harness.make(head, 60);
    const retryAt = START_MS + 60_000 - 1500;
    harness.now = retryAt - 1;
    expect(harness.check(block, head)).toEqual({ kind: 'later', code: 'TIME_AHEAD', retryAt });
    harness.now = retryAt;
    expect(harness.check(block, head)).toEqual({ kind: 'accept' });
  });

  it('is one of two of its author and slot from gossip; more come only by sync', () => {
    const { harness, head } = started();
    for (const mark of [1, 2]) harness.import(harness.make(head, 10, { mark }));
    const third = harness.make(head, 10, { mark: 3 });
    expect(harness.check(third, head)).toEqual({ kind: 'ignore', code: 'AUTHOR_FLOODS' });
    expect(harness.check(third, head, 'sync')).toEqual({ kind: 'accept' });
  });

  it('counts among them if its execution failed', () => {
    const { harness, head } = started();
    for (const mark of [1, 2]) {
      const { hash, header, author } = harness.make(head, 10, { mark });
      harness.step({ type: 'invalid', hash, header, author, code: 'BLOCK_STATE_ROOT', justification: null });
    }
    expect(harness.check(harness.make(head, 10, { mark: 3 }), head)).toEqual({ kind: 'ignore', code: 'AUTHOR_FLOODS' });
    expect(harness.check(harness.make(head, 11), head)).toEqual({ kind: 'accept' });
  });

  it('is not judged before the start', () => {
    const { harness, head } = started();
    const fresh = new Harness({ validators: four });
    expect(fresh.check(harness.make(head, 10), head)).toEqual({ kind: 'later', code: 'NOT_STARTED' });
  });
});

describe('attestations in a block', () => {
  const voter = rigAddress(2);
  const wrong: readonly [string, (world: World) => readonly SignedMessage[], string][] = [
    [
      'of which one is none',
      () => [{ from: voter, payload: Buffer.from('rubbish'), signature: new Uint8Array(65) }],
      'ATTESTATION_MALFORMED',
    ],
    [
      'of which one is a mere link',
      ({ one, two }) => [
        signedVote(voter, { source: { epoch: 1, hash: one.hash }, target: { epoch: 2, hash: two.hash } }),
      ],
      'ATTESTATION_MALFORMED',
    ],
    [
      'that name one twice',
      ({ harness, two, head }) => [1, 2].map(() => harness.attestation(voter, two, head)),
      'ATTESTATION_TWICE',
    ],
    [
      'of one twice in an epoch, for two checkpoints',
      ({ harness, two, head }) => [
        harness.attestation(voter, two, head),
        harness.attestation(voter, two, head, { target: { epoch: 2, hash: nowhere } }),
      ],
      'ATTESTATION_TWICE',
    ],
    ['of a stranger', ({ harness, two, head }) => [harness.attestation(rigAddress(8), two, head)], 'ATTESTER_UNKNOWN'],
    [
      'of a slot of another epoch',
      ({ harness, two, head }) => [harness.attestation(voter, two, head, { slot: 7 })],
      'ATTESTATION_SLOT',
    ],
    [
      'from a source that its target can not have',
      ({ harness, two, head }) => [
        harness.attestation(voter, two, head, { source: { epoch: 0, hash: harness.genesis.hash } }),
      ],
      'SOURCE_INVALID',
    ],
    [
      'that put a checkpoint into another epoch',
      ({ harness, two, head }) => [
        harness.attestation(voter, two, head, {
          source: { epoch: 0, hash: harness.genesis.hash },
          target: { epoch: 1, hash: two.hash },
          slot: 4,
        }),
      ],
      'TARGET_INVALID',
    ],
    [
      'for an epoch to come',
      ({ harness, two, head }) => [
        harness.attestation(voter, two, head, { target: { epoch: 3, hash: two.hash }, slot: 12 }),
      ],
      'ATTESTATION_EARLY',
    ],
    [
      'that are too many',
      ({ harness, two, head }) =>
        Array.from({ length: VOTES_PER_BLOCK_MAX + 1 }, () => harness.attestation(voter, two, head)),
      'VOTES_TOO_MANY',
    ],
  ];

  it.each(wrong)('%s spoil it', (_, make, code) => {
    const world = started();
    const { harness, head, slot } = world;
    refused(world, harness.make(head, slot, { votes: make(world) }), 'reject', code);
  });

  it('for checkpoints of other branches are merely not counted', () => {
    const { harness, two, head, slot } = started();
    const votes = [harness.attestation(voter, two, head, { target: { epoch: 2, hash: nowhere } })];
    const block = harness.make(head, slot, { votes });
    expect(harness.check(block, head)).toEqual({ kind: 'accept' });
    expect(block.ffg.targets.map((target) => target.votes.size)).toEqual(
      harness.make(head, slot).ffg.targets.map((target) => target.votes.size),
    );
  });
});

describe('making blocks', () => {
  function proposing() {
    const chain = new Harness({ validators: four });
    const self = chain.proposer(chain.genesis, 1);
    return { self, harness: new Harness({ validators: four, self }).start() };
  }

  it('asks in its slot for a block with its commitment, and seals what comes under the slot as guard', () => {
    const { harness, self } = proposing();
    harness.now = START_MS + 500;
    const [build] = only(harness.step({ type: 'timer', id: 'slot' }), 'build');
    expect(build).toMatchObject({ parent: harness.genesis.hash, timeMs: START_MS + 1000 });
    const made = harness.make(harness.genesis, 1, { author: self });
    expect(build?.extra).toEqual(made.header.extra);
    const effects = harness.step({ type: 'built', job: build?.job ?? 0, header: made.header });
    expect(effects.map(({ type }) => type).slice(0, 2)).toEqual(['persist', 'publish']);
    const guard = { kind: 'once', domain: 'slot', height: 1, round: 0, step: 0 };
    expect(at(only(effects, 'publish'), 0).seal).toEqual({ by: 'signature', guard });
  });

  it('a lie told before its checkpoint was known gets into no block of ours', () => {
    const chain = new Harness({ validators: four }).start();
    const blocks = chain.chain(chain.genesis, 7);
    const two = chain.make(at(blocks, 7), 8);
    const next = [9, 10, 11].find((slot) => chain.proposer(two, slot) !== rigAddress(2)) ?? 9;
    const self = chain.proposer(two, next);
    const harness = new Harness({ validators: four, self }).start();
    for (const block of blocks.slice(1)) harness.import(block);
    const duty = chain.duties(two).get(rigAddress(2)) ?? 0;
    const lie = chain.attestation(rigAddress(2), two, two, { slot: duty === 8 ? 9 : 8 });
    expect(harness.engine.checkMessage(lie)).toMatchObject({ kind: 'later' });
    harness.hear(lie);
    const honest = chain.attestation(rigAddress(3), two, two);
    harness.import(two);
    harness.hear(honest);
    harness.now = START_MS + next * 1000 - 1;
    const build = at(only(harness.step({ type: 'timer', id: 'slot' }), 'build'), -1);
    expect(build.votes).toContain(honest);
    const block = harness.make(two, next, { votes: build.votes });
    expect(harness.check(block, two)).toEqual({ kind: 'accept' });
  });
});
