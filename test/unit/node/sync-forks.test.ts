import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import type { Hash } from '../../../src/types/primitives.ts';
import { chainOf, type LinkedBlock } from './chain-of.ts';
import { friend, GENESIS, liar, rig } from './sync-rig.ts';

const PROOF = Uint8Array.of(1);
const hashOf = (blocks: readonly LinkedBlock[], number: number): Hash => (blocks[number - 1] as LinkedBlock).hash;

describe('a fork', () => {
  it.each([200, 199, 150])('that left us 100 blocks ago is fetched, whatever its height: %i', async (height) => {
    const ours = chainOf(GENESIS, 200);
    const theirs = [...ours.slice(0, 100), ...chainOf(hashOf(ours, 100), height - 100, 1, 100)];
    const { sync, settle, has } = rig({ friend: friend(theirs) }, { ours, finalized: 50 });
    sync.connected('friend');
    await settle();
    expect(has(hashOf(theirs, height))).toBe(true);
  });

  it.each([20, 200])('that left us below finality, %i blocks long, is asked for ever more rarely', async (length) => {
    const ours = chainOf(GENESIS, 60);
    const theirs = [...ours.slice(0, 45), ...chainOf(hashOf(ours, 45), length, 1, 45)];
    const peer = { ...friend(theirs), finalized: { hash: hashOf(theirs, 46), number: 46 } };
    const { sync, asked, errors, after, settle } = rig({ apart: peer }, { ours, finalized: 50 });
    sync.connected('apart');
    await settle();
    for (let i = 0; i < 100; i++) await after(2_000);
    expect(asked.length).toBeLessThan(16);
    expect(errors).toHaveLength(1);
    expect(sync.peersApart()).toEqual(['apart']);
    expect(sync.progress()).toBe(null);
    // Neither for what it tells of.
    const before = asked.length;
    sync.missing(`0x${'77'.repeat(32)}`, 'apart');
    await settle();
    expect(asked).toHaveLength(before);
  });

  it('below our finality of a peer that calls nothing else final is no reason for alarm', async () => {
    const ours = chainOf(GENESIS, 60);
    const theirs = [...ours.slice(0, 45), ...chainOf(hashOf(ours, 45), 20, 1, 45)];
    const peer = { ...friend(theirs), finalized: { hash: hashOf(ours, 40), number: 40 } };
    const { sync, asked, errors, after, settle } = rig({ peer }, { ours, finalized: 50 });
    sync.connected('peer');
    await settle();
    for (let i = 0; i < 100; i++) await after(2_000);
    expect(asked.length).toBeLessThan(8);
    expect(errors).toEqual([]);
    expect(sync.peersApart()).toEqual([]);
  });

  it('that is dead is asked for once', async () => {
    const ours = chainOf(GENESIS, 60);
    const theirs = [...ours.slice(0, 45), ...chainOf(hashOf(ours, 45), 10, 1, 45)];
    const server = friend(theirs);
    const { sync, asked, settle, errors } = rig(
      { teller: { ...server, head: { hash: hashOf(ours, 60), number: 60 } } },
      { ours, finalized: 50 },
    );
    sync.connected('teller');
    await settle();
    for (let again = 0; again < 5; again++) {
      sync.missing(hashOf(theirs, 55), 'teller');
      await settle();
    }
    expect(asked).toHaveLength(1);
    // Whoever passes on what others made is on our chain all the same.
    expect(errors).toEqual([]);
    expect(sync.peersApart()).toEqual([]);
  });
});

describe('an answer', () => {
  it.each([
    ['in another place', 2, 5],
    ['in no order', 0, 2],
  ])('%s is to blame', async (_, from, to) => {
    const blocks = chainOf(GENESIS, 60);
    const row = blocks.slice(from, to).map(({ block }) => encodeBlockWithProof({ block }));
    const other = encodeRlp(from === 0 ? row.toReversed() : row);
    const { sync, settle, blamed, head } = rig({ liar: liar(() => other) });
    sync.connected('liar');
    await settle();
    expect(blamed).toEqual(['liar BLOCK_OTHER']);
    expect(head().number).toBe(0);
  });

  it('of known blocks is none to a question for another', async () => {
    const ours = chainOf(GENESIS, 60);
    const known = encodeRlp(ours.slice(30).map(({ block }) => encodeBlockWithProof({ block })));
    const promised = { hash: `0x${'77'.repeat(32)}` as const, number: 61 };
    const { sync, asked, settle, after } = rig({ liar: liar(() => known, promised) }, { ours });
    sync.connected('liar');
    await settle();
    expect(asked).toHaveLength(1);
    await after(10_001);
    expect(asked).toHaveLength(2);
    await after(10_001);
    expect(asked).toHaveLength(2);
  });

  it('of blocks without the proof that they need is nothing, and tells the engine nothing', async () => {
    const blocks = chainOf(GENESIS, 200);
    const { sync, asked, behind, settle, after } = rig({ peer: friend(blocks) }, { needsJustification: true });
    sync.connected('peer');
    await settle();
    expect(behind()).toEqual([]);
    expect(asked).toHaveLength(1);
    for (let again = 0; again < 2; again++) await after(10_001);
    expect(asked).toHaveLength(2);
    expect(behind()).toEqual([]);
  });

  it('of blocks with it brings them, and tells the engine how many are left', async () => {
    const blocks = chainOf(GENESIS, 400);
    const { sync, behind, settle, head } = rig(
      { peer: friend(blocks, { proof: PROOF }) },
      { needsJustification: true },
    );
    sync.connected('peer');
    await settle();
    expect(head().number).toBe(400);
    expect(Math.max(...behind())).toBeGreaterThan(100);
    expect(behind().at(-1)).toBe(0);
  });
});
