import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { decodeBlockWithProof, sealHash } from '../../../src/codec/block.ts';
import { randomPrivateKey, recoverAddress, signDigest } from '../../../src/crypto/secp256k1.ts';
import { decodeBlocksAnswer, encodeRangeRequest } from '../../../src/node/block-server.ts';
import { loadConfig } from '../../../src/node/config.ts';
import { devKeys } from '../../../src/node/dev-keys.ts';
import type { Block, Header } from '../../../src/types/block.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { startDevnet, type RunningDevnet } from './devnet.ts';
import { HostileNode } from './hostile-node.ts';
import { blockAt, heightOf, type Rpc } from './rpc.ts';
import { TestPeer } from './test-peer.ts';
import { until } from './wait.ts';

const BLOCK_TIME_MS = 300;
const MEMORY_GROWTH_BYTES_MAX = 250 * 1024 * 1024;
const UNLIMITED = {
  bytesPerSecond: 1e9,
  burstBytes: 1e9,
  messagesPerSecond: 1e6,
  burstMessages: 1e6,
  inFlightBytesMax: 1e9,
};

export const WRONG_ROOT: Hash = `0x${'5a'.repeat(32)}`;

type PeerLine = { readonly id: string; readonly score: number; readonly head: unknown };

/** A devnet of two nodes, the first of which is attacked by peers of the test. Both are needed for finality. */
export class Siege {
  readonly victim: Rpc;
  readonly victimId: string;
  readonly other: Rpc;
  readonly genesisHash: Hash;
  /** Stopped after each attack. */
  readonly guests: { stop(): Promise<void> }[] = [];
  readonly #devnet: RunningDevnet;
  readonly #memoryBefore: number;

  private constructor(devnet: RunningDevnet, named: { readonly victimId: string; readonly genesisHash: Hash }) {
    const [victim, other] = devnet.rpcs as [Rpc, Rpc];
    this.victim = victim;
    this.other = other;
    this.victimId = named.victimId;
    this.genesisHash = named.genesisHash;
    this.#devnet = devnet;
    this.#memoryBefore = this.#memoryOf(0);
  }

  static async begin(args: readonly string[] = []): Promise<Siege> {
    const devnet = await startDevnet({ nodes: 2, args: ['--block-time', String(BLOCK_TIME_MS), ...args] });
    const [victim] = devnet.rpcs as [Rpc];
    await until('finality', async () => (await heightOf(victim, 'finalized')) > 3);
    const { id } = await victim<{ id: string }>('admin_nodeInfo');
    const genesis = await blockAt(victim, 0);
    return new Siege(devnet, { victimId: id, genesisHash: (genesis?.hash ?? '0x') as Hash });
  }

  /** Both nodes finalize on, the same blocks, connected to each other, and no part of them has failed. */
  async expectUnharmed(): Promise<void> {
    const { victim, other } = this;
    await Promise.all(this.guests.splice(0).map((guest) => guest.stop()));
    const from = await heightOf(victim, 'finalized');
    for (const rpc of [victim, other]) {
      await until('finality goes on', async () => (await heightOf(rpc, 'finalized')) > from + 2, {
        timeoutMs: 15_000,
      });
    }
    expect((await blockAt(victim, from + 2))?.hash).toBe((await blockAt(other, from + 2))?.hash);
    const { id: otherId } = await other<{ id: string }>('admin_nodeInfo');
    expect((await this.peers()).find(({ id }) => id === otherId)?.score).toBe(0);
    for (const { rpc } of this.#devnet.ready.nodes) {
      const health = (await (await fetch(`${rpc}/health`)).json()) as { status: string };
      expect(health.status).toBe('ok');
    }
    for (const index of [0, 1]) expect(this.logLines(index, '"level":"error"')).toEqual([]);
    expect(this.#memoryOf(0) - this.#memoryBefore).toBeLessThan(MEMORY_GROWTH_BYTES_MAX);
  }

  /** Lines of a node's log with all of these in them. */
  logLines(index: number, ...has: readonly string[]): string[] {
    const text = readFileSync(join(this.#devnet.dataDir, `node-${index}`, 'node.log'), 'utf8');
    return text.split('\n').filter((line) => has.every((part) => line.includes(part)));
  }

  /** The victim has written such a line. */
  async logged(...has: readonly string[]): Promise<void> {
    await until(`the log says ${has.join(', ')}`, async () => this.logLines(0, ...has).length > 0, {
      timeoutMs: 15_000,
    });
  }

  /** Of the victim. */
  peers(): Promise<readonly PeerLine[]> {
    return this.victim<readonly PeerLine[]>('admin_peers');
  }

  async scored(id: string, score: number): Promise<void> {
    await until(`${id} has ${score}`, async () =>
      (await this.peers()).some((peer) => peer.id === id && peer.score === score),
    );
  }

  async blamed(id: string): Promise<void> {
    await until(`${id} is blamed`, async () => (await this.peers()).some((peer) => peer.id === id && peer.score < 0));
  }

  async banned(peer: TestPeer, code: string): Promise<void> {
    await this.logged('peer banned', peer.network.self, code);
    await peer.dropped(this.victimId);
    expect((await this.peers()).map(({ id }) => id)).not.toContain(peer.network.self);
  }

  /** A peer of the victim that may say as much as it likes. */
  async intrude(): Promise<TestPeer> {
    const peer = await TestPeer.join([this.victim], { budget: UNLIMITED });
    this.guests.push(peer);
    await until(
      'the victim knows its status',
      async () => (await this.peers()).find(({ id }) => id === peer.network.self)?.head,
    );
    return peer;
  }

  async intrudeRaw(status: Bytes): Promise<HostileNode> {
    const node = await HostileNode.join(this.victim, this.genesisHash.slice(2, 10), status);
    this.guests.push(node);
    await until('the victim knows it', async () => (await this.peers()).some(({ id }) => id === node.id));
    return node;
  }

  /** The head and its parent, as the victim serves them. */
  async newestBlocks(peer: TestPeer): Promise<{ readonly parent: Block; readonly head: Block }> {
    const from = (await heightOf(this.victim)) - 1;
    const answer = await peer.ask(this.victimId, 'blocks-by-range', encodeRangeRequest({ from, count: 2 }));
    const [parent, head] = decodeBlocksAnswer(answer).map((bytes) => decodeBlockWithProof(bytes).block);
    if (parent === undefined || head === undefined) throw new Error('no blocks');
    return { parent, head };
  }

  validatorKeys(): readonly { readonly address: string; readonly privateKey: Bytes }[] {
    return devKeys(loadConfig(join(this.#devnet.dataDir, 'devnet.toml'), {})).validators;
  }

  authorKey({ header }: Block): Bytes {
    const author = recoverAddress(sealHash(header), header.seal);
    return this.validatorKeys().find(({ address }) => address === author)?.privateKey ?? randomPrivateKey();
  }

  /** Sealed as its author would, or with another key. */
  sealed(block: Block, changes: Partial<Header>, key = this.authorKey(block)): Block {
    const { seal: _, ...unsealed } = block.header;
    const header = { ...unsealed, ...changes };
    return { header: { ...header, seal: signDigest(sealHash(header), key) }, body: block.body };
  }

  /** Of the victim, by the beginning of its line. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.#devnet.ready.nodes[0]?.rpc}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(name));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  #memoryOf(index: number): number {
    const pid = this.#devnet.ready.nodes[index]?.pid ?? 0;
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * 4096;
  }
}
