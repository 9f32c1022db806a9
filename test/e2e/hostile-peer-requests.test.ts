import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../p2p/frame.ts';
import { decodeBlockWithProof, encodeBlockWithProof, headerHash } from '../../src/codec/block.ts';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { randomPrivateKey } from '../../src/crypto/secp256k1.ts';
import { decodeBlocksAnswer, encodeHashRequest, encodeRangeRequest } from '../../src/node/block-server.ts';
import type { Block } from '../../src/types/block.ts';
import type { Bytes } from '../../src/types/primitives.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { cleanUp } from './support/devnet.ts';
import { heightOf } from './support/rpc.ts';
import { Siege, WRONG_ROOT } from './support/siege.ts';
import { addressOf, TestPeer } from './support/test-peer.ts';
import { until } from './support/wait.ts';

let siege: Siege;

beforeAll(async () => {
  siege = await Siege.begin();
});
afterEach(() => siege.expectUnharmed());
afterAll(cleanUp);

describe('handshakes', () => {
  it.each(['asked', 'asking'])('of another genesis are refused when %s', async (when) => {
    const peer = await siege.intrude();
    const strange = peer.status({ genesisHash: WRONG_ROOT });
    if (when === 'asked') peer.answer = () => strange;
    else peer.ask(siege.victimId, 'status', strange).catch(() => {});
    await siege.logged('peer of another network refused', peer.network.self, WRONG_ROOT);
    await siege.banned(peer, 'WRONG_GENESIS');
    const again = await TestPeer.join([siege.victim], {}).catch(() => null);
    if (again !== null) siege.guests.push(again);
    expect(again, 'others are welcome').not.toBeNull();
  });

  it.each<readonly [string, Uint8Array]>([
    ['rubbish', Buffer.from('rubbish')],
    ['nothing', new Uint8Array(0)],
    ['another version', encodeRlp(Array.from({ length: 8 }, () => Uint8Array.of(9)))],
    ['more than a status', Buffer.alloc(1_000, 1)],
  ])('of %s are blamed for until the peer is banned', async (_, status) => {
    const peer = await siege.intrude();
    peer.answer = () => status;
    await siege.banned(peer, '');
  });
});

describe('requests', () => {
  it('of rubbish fail and harm nobody', async () => {
    const peer = await siege.intrude();
    for (const protocol of ['status', 'blocks-by-range', 'blocks-by-hash', 'pooled-transactions'] as const) {
      for (const payload of [
        new Uint8Array(0),
        Buffer.from('rubbish'),
        encodeRlp([[], []]),
        Buffer.alloc(60_000, 0xff),
      ]) {
        if (protocol === 'pooled-transactions' && payload.length === 0) continue;
        await expect(peer.ask(siege.victimId, protocol, payload)).rejects.toMatchObject({ code: 'NETWORK_CLOSED' });
      }
    }
  });

  it('for more than there is are answered within bounds', async () => {
    const peer = await siege.intrude();
    const ask = async (from: number, count: number): Promise<number> =>
      decodeBlocksAnswer(await peer.ask(siege.victimId, 'blocks-by-range', encodeRangeRequest({ from, count }))).length;
    expect(await ask(0, 2 ** 40)).toBeLessThanOrEqual(128);
    expect(await ask(2 ** 50, 10)).toBe(0);
    const unknown = await peer.ask(
      siege.victimId,
      'blocks-by-hash',
      encodeHashRequest({ hash: WRONG_ROOT, count: 2 ** 40 }),
    );
    expect(decodeBlocksAnswer(unknown)).toEqual([]);
  });

  it('that are oversized or cut off lower the score', async () => {
    const node = await siege.intrudeRaw((await siege.intrude()).status());
    const oversized = await node.open('status');
    oversized.send(Buffer.from([255, 255, 255, 255, 1, 2, 3]));
    await siege.scored(node.id, -5);
    const cut = await node.open('blocks-by-range');
    cut.send(Buffer.from([0, 0, 0, 100, 1, 2, 3]));
    await cut.close();
    await siege.scored(node.id, -10);
    await expect(node.connection.newStream(['/parley/00000000/everything/1'])).rejects.toThrow(/could not negotiate/);
    const tiny = await node.open('status');
    tiny.send(encodeFrame(Uint8Array.of(1)));
    await siege.scored(node.id, -15);
  });

  it('by the thousand are answered or told to wait', { timeout: 120_000 }, async () => {
    const peer = await siege.intrude();
    const all = Array.from({ length: 2_000 }, () =>
      peer.ask(siege.victimId, 'blocks-by-range', encodeRangeRequest({ from: 0, count: 128 })).then(
        () => 'ok',
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = await Promise.all(all);
    expect(outcomes).toContain('ok');
    expect(
      new Set(
        outcomes.filter((outcome) => outcome !== 'ok' && outcome !== 'NETWORK_CLOSED' && outcome !== 'NETWORK_TIMEOUT'),
      ),
    ).toEqual(new Set());
  });
});

describe('answers', () => {
  const farAhead = (peer: TestPeer): Bytes => peer.status({ head: { hash: WRONG_ROOT, number: 1_000_000 } });

  it('of rubbish are blamed for', async () => {
    const peer = await siege.intrude();
    peer.answer = (protocol) => (protocol === 'status' ? farAhead(peer) : Buffer.from('rubbish'));
    await until('it is asked for blocks', async () => peer.requests.includes('blocks-by-range'));
    await siege.blamed(peer.network.self);
  });

  it('with broken blocks are blamed for', async () => {
    const peer = await siege.intrude();
    let { head } = await siege.newestBlocks(peer);
    peer.hear = (topic, data) => {
      if (topic === 'block') head = decodeBlockWithProof(data).block;
    };
    // On the newest block, so that it is not simply too old.
    const forged = (): Block =>
      siege.sealed(head, { number: head.header.number + 1, parentHash: headerHash(head.header) }, randomPrivateKey());
    peer.answer = (protocol) => {
      const number = head.header.number + 5;
      if (protocol === 'status') return peer.status({ head: { hash: WRONG_ROOT, number } });
      return encodeRlp(protocol === 'pooled-transactions' ? [] : [encodeBlockWithProof({ block: forged() })]);
    };
    await siege.logged('block refused', peer.network.self);
    await siege.scored(peer.network.self, -25);
  });

  it('of transactions that are none are blamed for', async () => {
    const peer = await TestPeer.join([siege.other]);
    siege.guests.push(peer);
    peer.answer = (protocol, payload) => {
      if (protocol === 'status') return peer.status();
      return payload.length <= 1 ? encodeRlp([fromHex(WRONG_ROOT)]) : encodeRlp([Buffer.from('no transaction')]);
    };
    await peer.network.dial(await addressOf(siege.victim));
    await siege.scored(peer.network.self, -25);
  });

  it('that never come do not silence the validators', { timeout: 120_000 }, async () => {
    const liars = await Promise.all(Array.from({ length: 6 }, () => TestPeer.join([siege.victim, siege.other])));
    siege.guests.push(...liars);
    for (const liar of liars) {
      liar.answer = (protocol) => (protocol === 'status' ? farAhead(liar) : encodeRlp([]));
      liar.request = async (protocol, payload, from) => {
        liar.requests.push(protocol);
        if (protocol.startsWith('blocks')) await new Promise((wake) => setTimeout(wake, 30_000).unref());
        return liar.answer(protocol, payload, from);
      };
    }
    await until('they are asked', async () => liars.some(({ requests }) => requests.includes('blocks-by-range')), {
      timeoutMs: 15_000,
    });
    const from = await heightOf(siege.victim, 'finalized');
    const startedAt = Date.now();
    await until('finality goes on meanwhile', async () => (await heightOf(siege.victim, 'finalized')) > from + 20, {
      timeoutMs: 40_000,
    });
    // Undisturbed, 20 blocks take 6 s.
    expect(Date.now() - startedAt).toBeLessThan(25_000);
  });
});

describe('floods', () => {
  it('of orphans fill no memory and stop no chain', { timeout: 120_000 }, async () => {
    const peer = await siege.intrude();
    const { head } = await siege.newestBlocks(peer);
    for (let i = 0; i < 1_500; i++) {
      const parentHash = toHex(Buffer.alloc(32, i).fill(i >> 8, 0, 1));
      const block = {
        ...head,
        header: { ...head.header, parentHash, number: head.header.number + 1, extra: Buffer.alloc(4_000, i) },
      };
      peer.network.publish('block', encodeBlockWithProof({ block }));
      if (i % 50 === 0) await new Promise((wake) => setTimeout(wake, 20));
    }
    await until('they are in', async () => (await siege.metric('parley_orphan_blocks')) > 100);
    expect(await siege.metric('parley_orphan_blocks')).toBeLessThanOrEqual(128);
  });

  it('of connections from one peer after its ban stay outside', async () => {
    const peer = await siege.intrude();
    for (let i = 0; i < 5; i++) peer.network.publish('consensus', Buffer.from([9, i]));
    await siege.banned(peer, 'gossip-consensus');
    const address = await addressOf(siege.victim);
    await expect(peer.network.dial(address)).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    expect((await siege.peers()).map(({ id }) => id)).not.toContain(peer.network.self);
  });
});
