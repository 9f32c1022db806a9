import { describe, expect, it } from 'vitest';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { LANES_MAX, PATIENCE_MS } from '../../../src/node/sync-lanes.ts';
import { SILENT_REST_MS } from '../../../src/node/sync-peers.ts';
import { chainOf } from './chain-of.ts';
import { friend, GENESIS, liar, NOWHERE, rig, type FakePeer } from './sync-rig.ts';

/** Asked first, for it promises most; answers when it is told to. */
function holder(answer: FakePeer['answer'] = () => encodeRlp([])): { peer: FakePeer; release: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { peer: { ...liar(answer), held: promise }, release: resolve };
}

describe('a peer whose answer is overdue', () => {
  it('keeps nobody from another who has the blocks', async () => {
    const { peer, release } = holder();
    const { sync, asked, settle, elapse, head } = rig({ peer, friend: friend(chainOf(GENESIS, 20)) });
    for (const id of ['peer', 'friend']) sync.connected(id);
    await settle();
    expect(asked).toEqual(['peer']);
    await elapse(PATIENCE_MS);
    expect(head().number).toBe(20);
    release();
    await settle();
  });

  it('nor from a missing block that somebody else told of', async () => {
    const { peer, release } = holder();
    const blocks = chainOf(GENESIS, 5);
    const teller = { ...friend(blocks), head: { hash: GENESIS, number: 0 } };
    const { sync, settle, elapse, has } = rig({ peer, teller });
    for (const id of ['peer', 'teller']) sync.connected(id);
    await settle();
    const missing = (blocks.at(-1) as (typeof blocks)[number]).hash;
    sync.missing(missing, 'teller');
    await settle();
    expect(has(missing)).toBe(false);
    await elapse(PATIENCE_MS);
    expect(has(missing)).toBe(true);
    release();
    await settle();
  });

  it('is not asked a second question meanwhile, and a block that only it can have waits for it', async () => {
    const blocks = chainOf(GENESIS, 5);
    const { peer, release } = holder(friend(blocks).answer);
    const { sync, asked, settle, elapse, has } = rig({ peer });
    sync.connected('peer');
    await settle();
    const missing = (blocks.at(-1) as (typeof blocks)[number]).hash;
    sync.missing(missing, 'peer');
    await elapse(PATIENCE_MS);
    await elapse(PATIENCE_MS);
    expect(asked).toEqual(['peer']);
    release();
    await settle();
    expect(has(missing)).toBe(true);
  });

  it('does not make the engine forget what another peer brings', async () => {
    const { peer, release } = holder();
    const { sync, settle, elapse, behind } = rig({ peer, friend: friend(chainOf(GENESIS, 100)) });
    for (const id of ['peer', 'friend']) sync.connected(id);
    await settle();
    await elapse(PATIENCE_MS);
    expect(Math.max(...behind())).toBeGreaterThan(10);
    expect(behind().at(-1)).toBe(0);
    release();
    await settle();
  });
});

describe('runs', () => {
  it('are as many as may be, however many answers are overdue', async () => {
    const holders = Array.from({ length: LANES_MAX + 3 }, () => holder());
    const peers = Object.fromEntries(holders.map(({ peer }, i) => [`h${i}`, peer]));
    const { sync, asked, settle, elapse } = rig(peers);
    for (const id of Object.keys(peers)) sync.connected(id);
    await settle();
    for (let turn = 1; turn <= LANES_MAX + 2; turn++) {
      expect(asked).toHaveLength(Math.min(turn, LANES_MAX));
      await elapse(PATIENCE_MS);
    }
    for (const { release } of holders) release();
    await settle();
    // Those that had no turn yet have it now.
    expect(new Set(asked).size).toBe(LANES_MAX + 3);
  });

  it('are one while answers come in time', async () => {
    const one = holder(() => encodeRlp([]));
    const { sync, asked, settle, elapse } = rig({ one: one.peer, friend: friend(chainOf(GENESIS, 20)) });
    for (const id of ['one', 'friend']) sync.connected(id);
    await settle();
    await elapse(PATIENCE_MS - 1);
    expect(asked).toEqual(['one']);
    one.release();
    await settle();
    expect(asked[1]).toBe('friend');
  });
});

describe('a peer that does not answer', () => {
  it('rests, each time twice as long, and shorter than one that answers rubbish', async () => {
    const { sync, asked, settle, after } = rig({ mute: liar(() => null, { hash: NOWHERE, number: 10 }) });
    sync.connected('mute');
    await settle();
    expect(asked).toHaveLength(1);
    await after(SILENT_REST_MS - 1);
    expect(asked).toHaveLength(1);
    await after(SILENT_REST_MS);
    expect(asked).toHaveLength(2);
    await after(SILENT_REST_MS);
    expect(asked).toHaveLength(2);
    await after(SILENT_REST_MS);
    expect(asked).toHaveLength(3);
  });
});
