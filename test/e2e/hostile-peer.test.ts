import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeVote } from '../../consensus/common/ffg-vote.ts';
import { encodeBlock, encodeBlockWithProof, headerHash } from '../../src/codec/block.ts';
import { encodeMessage, messageDigest } from '../../src/codec/message.ts';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { addressOf as addressOfKey, randomPrivateKey, signDigest } from '../../src/crypto/secp256k1.ts';
import type { GossipTopic } from '../../src/ports/network.ts';
import type { Block, Header } from '../../src/types/block.ts';
import type { Bytes, Hash } from '../../src/types/primitives.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { cleanUp, temporaryDir } from './support/devnet.ts';
import { devAccount, signedTransfer, withField } from './support/raw-transactions.ts';
import { Siege, WRONG_ROOT } from './support/siege.ts';
import { CHAIN_ID, TestPeer } from './support/test-peer.ts';
import { until } from './support/wait.ts';

let siege: Siege;

beforeAll(async () => {
  const config = join(temporaryDir(), 'parley.toml');
  writeFileSync(config, '[rpc]\nnamespaces = ["eth", "admin", "consensus", "debug"]\n');
  siege = await Siege.begin(['--config', config]);
});
afterEach(() => siege.expectUnharmed());
afterAll(cleanUp);

describe('blocks', () => {
  type Case = readonly [name: string, code: string, make: (blocks: { parent: Block; head: Block }) => Block];
  const cases: readonly Case[] = [
    [
      'a root that its seal does not cover',
      'AUTHOR_UNAUTHORIZED',
      ({ head }) => ({ ...head, header: { ...head.header, stateRoot: WRONG_ROOT } }),
    ],
    ['no seal', 'BLOCK_SEAL', ({ head }) => ({ ...head, header: { ...head.header, seal: new Uint8Array(0) } })],
    [
      'a seal of zeros',
      'BLOCK_SEAL',
      ({ head }) => ({ ...head, header: { ...head.header, seal: new Uint8Array(65) } }),
    ],
    [
      'a stranger as author',
      'AUTHOR_UNAUTHORIZED',
      ({ head }) => siege.sealed(head, { extra: head.header.extra }, randomPrivateKey()),
    ],
    [
      'an author who has just sealed',
      'AUTHOR_RECENT',
      ({ parent, head }) => siege.sealed(head, {}, siege.authorKey(parent)),
    ],
    [
      'a time before its turn',
      'TIME_TOO_EARLY',
      ({ parent, head }) => siege.sealed(head, { timeMs: parent.header.timeMs + 1 }),
    ],
    [
      'a time before its parent',
      'BLOCK_TIME',
      ({ parent, head }) => siege.sealed(head, { timeMs: parent.header.timeMs - 1 }),
    ],
    [
      'another height than its parent gives',
      'BLOCK_NUMBER',
      ({ head }) => siege.sealed(head, { number: head.header.number + 1 }),
    ],
    ['another gas limit', 'BLOCK_GAS_LIMIT', ({ head }) => siege.sealed(head, { gasLimit: head.header.gasLimit + 1 })],
    [
      'another base fee',
      'BLOCK_BASE_FEE',
      ({ head }) => siege.sealed(head, { baseFeePerGas: head.header.baseFeePerGas + 1n }),
    ],
    [
      'votes that its root does not name',
      'BLOCK_CONSENSUS_ROOT',
      ({ head }) => siege.sealed(head, { consensusRoot: WRONG_ROOT }),
    ],
    [
      'transactions that its root does not name',
      'BLOCK_TRANSACTIONS_ROOT',
      ({ head }) => siege.sealed(head, { transactionsRoot: WRONG_ROOT }),
    ],
  ];

  it.each(cases)('with %s are refused (%s), not passed on, and blamed for', async (_, code, make) => {
    const peer = await siege.intrude();
    const block = make(await siege.newestBlocks(peer));
    peer.network.publish('block', encodeBlockWithProof({ block }));
    await siege.logged('block refused', peer.network.self, code);
    await siege.scored(peer.network.self, -25);
    expect(await siege.victim('eth_getBlockByHash', [headerHash(block.header), false])).toBeNull();
    expect(siege.logLines(1, 'block refused', code)).toEqual([]);
  });

  it.each<readonly [string, Partial<Header>, string]>([
    ['state', { stateRoot: WRONG_ROOT }, 'BLOCK_STATE_ROOT'],
    ['receipts', { receiptsRoot: WRONG_ROOT }, 'BLOCK_RECEIPTS_ROOT'],
  ])('of a real authority with a wrong root of the %s are executed once and never taken', async (_, changes, code) => {
    const peer = await siege.intrude();
    const block = siege.sealed((await siege.newestBlocks(peer)).head, changes);
    peer.network.publish('block', encodeBlockWithProof({ block }));
    await siege.logged('block refused', code);
    const hash = headerHash(block.header);
    expect(await siege.victim('eth_getBlockByHash', [hash, false])).toBeNull();
    const bad = await siege.victim<{ hash: Hash; rlp: Hash }[]>('debug_getBadBlocks');
    expect(bad.filter((one) => one.hash === hash)).toMatchObject([{ rlp: toHex(encodeBlock(block)) }]);
    await siege.scored(peer.network.self, 0);
  });

  it('that were refused can be seen', async () => {
    const bad = await siege.victim<{ hash: Hash; block: { hash: Hash } }[]>('debug_getBadBlocks');
    expect(bad.length).toBeGreaterThan(cases.length / 2);
    expect(new Set(bad.map(({ hash }) => hash)).size).toBe(bad.length);
    for (const { hash, block } of bad) {
      expect(block.hash).toBe(hash);
      expect(await siege.victim('eth_getBlockByHash', [hash, false])).toBeNull();
    }
  });

  it('from the future, and with an unknown parent, are not believed', async () => {
    const peer = await siege.intrude();
    const { head } = await siege.newestBlocks(peer);
    const late = siege.sealed(head, { timeMs: head.header.timeMs + 3_600_000 });
    const orphan = siege.sealed(head, { parentHash: WRONG_ROOT, number: head.header.number + 1 });
    for (const block of [late, orphan]) peer.network.publish('block', encodeBlockWithProof({ block }));
    // It asks for the parent, and gets nothing.
    await until('the parent is asked for', async () => peer.requests.includes('blocks-by-hash'));
    for (const block of [late, orphan]) {
      expect(await siege.victim('eth_getBlockByHash', [headerHash(block.header), false])).toBeNull();
      expect(await siege.other('eth_getBlockByHash', [headerHash(block.header), false])).toBeNull();
    }
  });
});

describe('gossip', () => {
  const foreign = (): Bytes => fromHex(signedTransfer(devAccount(0), { chainId: 5 }));
  const badSignature = (): Bytes => withField(fromHex(signedTransfer(devAccount(0))), 10, new Uint8Array(0));
  it.each<readonly [string, GossipTopic, () => Bytes]>([
    ['a block of random bytes', 'block', () => Buffer.from('not a block at all')],
    ['an empty block', 'block', () => new Uint8Array(0)],
    ['transactions of random bytes', 'transactions', () => Buffer.from([0xff, 0xff, 0xff])],
    ['no transactions', 'transactions', () => encodeRlp([])],
    [
      'more transactions than a batch holds',
      'transactions',
      () =>
        encodeRlp(Array.from({ length: 257 }).fill(fromHex(signedTransfer(devAccount(0), { nonce: 9 }))) as Bytes[]),
    ],
    ['a list in place of a transaction', 'transactions', () => encodeRlp([[new Uint8Array(1)]])],
    ['a transaction with a bad signature', 'transactions', () => encodeRlp([badSignature()])],
    ['a transaction of another chain', 'transactions', () => encodeRlp([foreign()])],
    ['a transaction of type 3', 'transactions', () => encodeRlp([Buffer.from([3, 0xc0])])],
    ['a message of unknown kind', 'consensus', () => Buffer.from([7, 1, 2, 3])],
    [
      'a vote that is none',
      'consensus',
      () => Buffer.concat([Uint8Array.of(0), encodeRlp([new Uint8Array(20), Buffer.from('?'), new Uint8Array(65)])]),
    ],
    ['a vote with a wrong signature', 'consensus', () => vote(randomPrivateKey(), siege.validatorKeys()[0]?.address)],
    ['evidence that proves nothing', 'consensus', () => Buffer.concat([Uint8Array.of(1), Buffer.from('rubbish')])],
  ])('of %s is blamed for, and who goes on is banned', async (_, topic, make) => {
    const peer = await siege.intrude();
    peer.network.publish(topic, make());
    await siege.scored(peer.network.self, -25);
    // The same bytes are one message: each must be new.
    for (let i = 0; i < 4; i++) peer.network.publish(topic, Buffer.concat([make(), Uint8Array.of(i)]));
    await siege.banned(peer, `gossip-${topic}`);
  });

  it('over the size of a message, in a frame that lies, and of foreign topics', async () => {
    const guide = await siege.intrude();
    const node = await siege.intrudeRaw(guide.status());
    await node.publish('block', Buffer.alloc(3 * 1024 * 1024 + 1, 7));
    await siege.scored(node.id, -25);
    const stream = await node.connection.newStream(['/meshsub/1.2.0']);
    stream.send(Buffer.from([255, 255, 255, 127, 1, 2, 3]));
    await until('the broken stream ends the connection', async () => !node.isConnected);
  });

  it('of votes by strangers is heard out, not passed on and not kept', async () => {
    const peer = await siege.intrude();
    const witness = await TestPeer.join([siege.other]);
    siege.guests.push(witness);
    const stranger = randomPrivateKey();
    let passedOn = 0;
    const mark = Buffer.from(addressOfKey(stranger).slice(2), 'hex');
    witness.hear = (_, data) => void (passedOn += Buffer.from(data).includes(mark) ? 1 : 0);
    const before = (await siege.victim<{ counters: { pooledVotes: number } }>('consensus_status')).counters.pooledVotes;
    for (let epoch = 1; epoch <= 3_000; epoch++)
      peer.network.publish('consensus', vote(stranger, undefined, epoch * 1_000));
    await until(
      'they are all heard',
      async () => (await siege.metric('parley_p2p_gossip_received_total{topic="consensus",verdict="ignore"}')) >= 3_000,
    );
    const { counters } = await siege.victim<{ counters: { pooledVotes: number } }>('consensus_status');
    expect(counters.pooledVotes).toBeLessThan(before + 100);
    expect(passedOn).toBe(0);
  });
});

/** A well-formed vote for heights that nobody has reached. */
function vote(key: Bytes, from?: string, epoch = 1_000_000): Bytes {
  const payload = encodeVote({ source: { epoch: epoch - 1, hash: WRONG_ROOT }, target: { epoch, hash: WRONG_ROOT } });
  const signature = signDigest(
    messageDigest({ chainId: CHAIN_ID, shard: 0, engineId: 'poa', genesisHash: siege.genesisHash }, payload),
    key,
  );
  const sender = (from ?? addressOfKey(key)) as Hash;
  return Buffer.concat([Uint8Array.of(0), encodeMessage({ from: sender, payload, signature })]);
}
