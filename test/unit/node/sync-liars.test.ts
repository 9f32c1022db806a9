import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { PEER_REST_MS } from '../../../src/node/sync-peers.ts';
import type { RequestProtocol } from '../../../src/ports/network.ts';
import type { Block, BlockRef } from '../../../src/types/block.ts';
import { chainOf } from './chain-of.ts';
import { friend, GENESIS, liar, NOWHERE, rig, type FakePeer } from './sync-rig.ts';

const honest = (length: number): FakePeer => friend(chainOf(GENESIS, length));

describe('peers that promise blocks they do not have', () => {
  it('do not make the engine think that it is behind', async () => {
    const { sync, asked, behind, settle } = rig({ liar: liar() });
    sync.connected('liar');
    await settle();
    expect(asked.length).toBeGreaterThan(0);
    expect(behind().filter((blocks) => blocks > 0)).toEqual([]);
  });

  it('do not keep it by telling over and over what is known', async () => {
    const [first] = chainOf(GENESIS, 1);
    const again = encodeRlp([encodeBlockWithProof({ block: (first as { block: Block }).block })]);
    const { sync, asked, settle } = rig({ liar: liar(() => again) });
    sync.connected('liar');
    await settle();
    expect(asked.length).toBeLessThan(10);
  });

  it('are asked after those that have not failed', async () => {
    const { sync, asked, settle, head } = rig({ one: liar(), two: liar(), friend: honest(40) });
    for (const peer of ['one', 'two', 'friend']) sync.connected(peer);
    await settle();
    expect(asked.slice(0, 3)).toContain('friend');
    expect(head().number).toBe(40);
  });

  it('do not bring those into bad repute that are asked in their stead', async () => {
    const full = honest(40);
    let has = false;
    const late = {
      get head(): BlockRef {
        return has ? full.head : { hash: GENESIS, number: 0 };
      },
      answer: (protocol: RequestProtocol, payload: Uint8Array) =>
        has ? full.answer(protocol, payload) : encodeRlp([]),
    };
    const { sync, asked, settle, head, advance } = rig({ liar: liar(), friend: late });
    for (const peer of ['liar', 'friend']) sync.connected(peer);
    await settle();
    sync.missing(NOWHERE, 'liar');
    await settle();
    expect(asked.at(-1)).toBe('friend');
    has = true;
    advance(1000);
    sync.behind();
    await settle();
    expect(head().number).toBe(40);
  });

  it('are not those whose blocks lie in our future', async () => {
    const { sync, asked, settle, head, advance, setEarly } = rig({ friend: honest(20) });
    setEarly(true);
    sync.connected('friend');
    await settle();
    expect(head().number).toBe(0);
    for (let again = 0; again < 5; again++) {
      advance(1_001);
      sync.behind();
      await settle();
    }
    expect(asked.length).toBeGreaterThan(4);
    setEarly(false);
    advance(1_001);
    sync.behind();
    await settle();
    expect(head().number).toBe(20);
  });

  it('rest longer each time', async () => {
    const { sync, asked, settle, advance } = rig({ liar: liar(() => encodeRlp([])) });
    const asksAfter = async (ms: number): Promise<number> => {
      advance(ms);
      sync.behind();
      await settle();
      return asked.length;
    };
    sync.connected('liar');
    await settle();
    expect(asked.length).toBe(1);
    expect(await asksAfter(PEER_REST_MS + 1)).toBe(2);
    expect(await asksAfter(PEER_REST_MS + 1)).toBe(2);
    expect(await asksAfter(PEER_REST_MS)).toBe(3);
  });
});

describe('a node behind', () => {
  it.each([20, 100])('by %i blocks tells the engine while they come, and when they are there', async (length) => {
    const { sync, behind, settle, head } = rig({ friend: honest(length) });
    sync.connected('friend');
    await settle();
    expect(head().number).toBe(length);
    // It is believed as far as it served.
    expect(Math.max(...behind())).toBeGreaterThan(length / 4);
    expect(Math.max(...behind())).toBeLessThanOrEqual(length / 2);
    expect(behind().at(-1)).toBe(0);
  });
});
