import { describe, expect, it } from 'vitest';
import { encodeBlockWithProof, headerHash } from '../../../src/codec/block.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import type { EngineEventBody } from '../../../src/node/driver.ts';
import { encodeStatus, type StatusMessage } from '../../../src/node/status-message.ts';
import { PEER_REST_MS, Sync } from '../../../src/node/sync.ts';
import type { Network, RequestProtocol } from '../../../src/ports/network.ts';
import type { Block, BlockRef } from '../../../src/types/block.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { silentLog } from '../../../src/util/log.ts';
import { chainOf } from './chain-of.ts';

const GENESIS: Hash = `0x${'ab'.repeat(32)}`;
const NOWHERE: Hash = `0x${'5a'.repeat(32)}`;
const REQUEST_MS = 10_000;

type FakePeer = { readonly head: BlockRef; answer(protocol: RequestProtocol): Bytes | null };

/** A node at genesis among peers of the test. A peer that answers null takes the whole time of a request. */
function rig(peers: Readonly<Record<string, FakePeer>>) {
  const known = new Map<Hash, number>([[GENESIS, 0]]);
  const posted: EngineEventBody[] = [];
  const asked: string[] = [];
  let head: BlockRef = { hash: GENESIS, number: 0 };
  let now = 0;
  let isEarly = false;
  const statusOf = (at: BlockRef): StatusMessage => ({
    chainId: 1,
    shard: 0,
    genesisHash: GENESIS,
    head: at,
    finalized: { hash: GENESIS, number: 0 },
  });
  const network: Partial<Network> = {
    blame: () => {},
    request: async (id, protocol) => {
      const peer = peers[id] as FakePeer;
      if (protocol === 'status') return encodeStatus(statusOf(peer.head));
      asked.push(id);
      if (asked.length > 200) throw new Error('asked without end');
      const answer = peer.answer(protocol);
      if (answer !== null) return answer;
      now += REQUEST_MS;
      throw new ParleyError('NETWORK_TIMEOUT', 'no answer');
    },
  };
  const sync = new Sync({
    network: network as Network,
    intake: {
      accept: async (block) => {
        const hash = headerHash(block.header);
        if (isEarly) return { kind: 'later', hash, code: 'AHEAD' };
        if (known.has(hash)) return { kind: 'known', hash };
        if (!known.has(block.header.parentHash)) return { kind: 'orphan', hash, missing: block.header.parentHash };
        known.set(hash, block.header.number);
        head = { hash, number: block.header.number };
        return { kind: 'imported', hash, node: null as never };
      },
    },
    chain: { head: () => head, finalized: () => ({ hash: GENESIS, number: 0 }), has: (hash) => known.has(hash) },
    status: () => statusOf(head),
    idle: async () => {},
    clock: { now: () => now },
    timers: { after: () => ({ cancel: () => {} }) },
    log: silentLog,
    post: (event) => posted.push(event),
    onPeer: () => {},
  });
  const behind = (): number[] => posted.flatMap((event) => (event.type === 'syncing' ? [event.behindBlocks] : []));
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 300; turn++) await new Promise((wake) => setImmediate(wake));
  };
  return {
    sync,
    asked,
    behind,
    settle,
    head: () => head,
    advance: (ms: number) => (now += ms),
    setEarly: (is: boolean) => (isEarly = is),
  };
}

const liar = (answer: FakePeer['answer'] = () => null): FakePeer => ({
  head: { hash: NOWHERE, number: 1_000_000 },
  answer,
});

function honest(length: number): FakePeer {
  const blocks = chainOf(GENESIS, length);
  const { hash } = blocks.at(-1) as { hash: Hash };
  return {
    head: { hash, number: length },
    answer: () => encodeRlp(blocks.slice(0, 128).map(({ block }) => encodeBlockWithProof({ block }))),
  };
}

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
    const friend = {
      get head(): BlockRef {
        return has ? full.head : { hash: GENESIS, number: 0 };
      },
      answer: (protocol: RequestProtocol) => (has ? full.answer(protocol) : encodeRlp([])),
    };
    const { sync, asked, settle, head, advance } = rig({ liar: liar(), friend });
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
    const { sync, asked, settle, advance } = rig({ liar: liar() });
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
    expect(behind()[0]).toBe(length - 1);
    expect(behind().at(-1)).toBe(0);
  });
});
