import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof } from '../../../src/codec/block.ts';
import { decodeRlp, decodeUint, encodeRlp } from '../../../src/codec/rlp.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { CatchUp } from '../../../consensus/common/catch-up.ts';
import { chainOf } from './chain-of.ts';
import { friend, GENESIS, liar, NOWHERE, rig, serving, type FakePeer } from './sync-rig.ts';

const inventedHash = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;
const SLOW_MS = 9_500;

/** Promises 1000 blocks, and brings one in each answer, at the last moment. */
function feeder(length: number): FakePeer {
  const blocks = chainOf(GENESIS, length, 7);
  const answer = (protocol: string, payload: Bytes): Bytes => {
    const [from] = decodeRlp(payload) as [Uint8Array];
    const block = protocol === 'blocks-by-range' ? blocks[decodeUint(from) - 1]?.block : undefined;
    return encodeRlp(block === undefined ? [] : [encodeBlockWithProof({ block })]);
  };
  return { head: { hash: NOWHERE, number: 1000 }, tookMs: SLOW_MS, answer };
}

describe('a peer that promises much and brings little', () => {
  it('does not make the engine believe more than it served', async () => {
    const { sync, behind, settle } = rig({ feeder: feeder(4) });
    sync.connected('feeder');
    await settle();
    expect(Math.max(...behind())).toBeLessThanOrEqual(4);
  });

  it('does not silence an engine for long', async () => {
    const { sync, settle, told } = rig({ feeder: feeder(60) });
    sync.connected('feeder');
    await settle();
    const catchUp = new CatchUp();
    let silentMs = 0;
    let at = 0;
    for (const { at: next, behindBlocks } of told()) {
      for (; at < next; at += 100) if (catchUp.isLagging(at)) silentMs += 100;
      catchUp.syncing(behindBlocks, next);
    }
    expect(at).toBeGreaterThan(60 * SLOW_MS - 1_000);
    expect(silentMs).toBeLessThanOrEqual(30_000);
  });

  it('gives way to one that keeps its word', async () => {
    const blocks = chainOf(GENESIS, 200);
    const { sync, asked, settle, head } = rig({ feeder: feeder(60), friend: friend(blocks) });
    sync.connected('feeder');
    await settle();
    const before = asked.length;
    sync.connected('friend');
    await settle();
    expect(before).toBeGreaterThan(10);
    expect(head().number).toBe(200);
  });

  it('is not the only one asked while it goes on', async () => {
    const blocks = chainOf(GENESIS, 200);
    const late = { ...friend(blocks), answer: serving(blocks) };
    const peers: Record<string, FakePeer> = { feeder: feeder(100) };
    const { sync, asked, settle, has } = rig({ ...peers, late });
    sync.connected('feeder');
    sync.connected('late');
    await settle();
    expect(has((blocks.at(-1) as (typeof blocks)[number]).hash)).toBe(true);
    expect(asked.slice(0, 6)).toContain('late');
  });
});

describe('missing blocks that nobody has', () => {
  it('do not keep a peer from being followed', async () => {
    const blocks = chainOf(GENESIS, 20);
    // Slow to say that it has nothing, as often as it is asked.
    const slow = liar(() => encodeRlp([]), { hash: GENESIS, number: 0 });
    const { sync, settle, head, now } = rig({ slow: { ...slow, tookMs: SLOW_MS }, friend: friend(blocks) });
    for (const peer of ['slow', 'friend']) sync.connected(peer);
    for (let n = 1; n <= 64; n++) sync.missing(inventedHash(n), n % 2 === 0 ? 'gone' : null);
    for (let turn = 0; head().number < 20 && turn < 40; turn++) await new Promise((wake) => setImmediate(wake));
    expect(head().number).toBe(20);
    expect(now()).toBeLessThanOrEqual(2 * SLOW_MS);
    await settle();
  });

  it('are asked of all, and of a slow one not soon again', async () => {
    const nobody = (tookMs: number): FakePeer => ({
      head: { hash: GENESIS, number: 0 },
      tookMs,
      answer: () => encodeRlp([]),
    });
    const { sync, asked, settle } = rig({ slow: nobody(2_000), a: nobody(10), b: nobody(10) });
    for (const peer of ['slow', 'a', 'b']) sync.connected(peer);
    await settle();
    for (let n = 1; n <= 40; n++) sync.missing(inventedHash(n), null);
    await settle();
    const times = (peer: string): number => asked.filter((id) => id === peer).length;
    expect(asked).toHaveLength(40);
    expect(times('slow')).toBeLessThanOrEqual(2);
    expect(times('a')).toBeGreaterThan(8);
    expect(times('b')).toBeGreaterThan(8);
  });

  it('do not all come from one', async () => {
    const { sync, asked, settle } = rig({ a: liar(() => encodeRlp([]), { hash: GENESIS, number: 0 }) });
    sync.connected('a');
    await settle();
    for (let n = 1; n <= 60; n++) sync.missing(inventedHash(n), 'gone');
    for (let n = 101; n <= 108; n++) sync.missing(inventedHash(n), 'other');
    await settle();
    expect(asked.length).toBeLessThanOrEqual(16 + 8 + 1);
  });
});

describe('a peer that connects again', () => {
  it('is what it was', async () => {
    const { sync, asked, settle, after } = rig({ liar: liar(() => encodeRlp([])) });
    sync.connected('liar');
    await settle();
    expect(asked).toHaveLength(1);
    for (let again = 0; again < 5; again++) {
      sync.disconnected('liar');
      sync.connected('liar');
      await settle();
    }
    expect(asked).toHaveLength(1);
    await after(10_001);
    expect(asked).toHaveLength(2);
    sync.disconnected('liar');
    sync.connected('liar');
    await after(10_001);
    expect(asked).toHaveLength(2);
  });
});
