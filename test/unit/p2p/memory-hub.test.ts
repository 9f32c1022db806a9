import { describe, expect, it } from 'vitest';
import { MemoryHub } from '../../../p2p/memory-hub.ts';
import type { HubOptions } from '../../../p2p/memory-hub.ts';
import { MemoryNetwork } from '../../../p2p/memory.ts';
import type { NetworkHandlers } from '../../../src/ports/network.ts';
import { Rng } from '../../../src/util/rng.ts';
import { ManualTime } from './manual-time.ts';

const NAMES = ['a', 'b', 'c', 'd'] as const;

class Cluster {
  readonly time = new ManualTime();
  readonly trace: string[] = [];
  readonly nodes = new Map<string, MemoryNetwork>();
  readonly hub: MemoryHub;

  constructor(options: Partial<HubOptions> = {}, seed = 7) {
    this.hub = new MemoryHub(options, { rng: new Rng(seed), clock: this.time, timers: this.time });
  }

  async start(...names: readonly string[]): Promise<void> {
    for (const name of names) {
      const network = new MemoryNetwork({ name }, { hub: this.hub });
      this.nodes.set(name, network);
      await network.start(this.#handlers(name));
    }
    await this.time.advance(1_000);
  }

  node(name: string): MemoryNetwork {
    const node = this.nodes.get(name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** What nodes heard, told as `receiver:text`. */
  heard(): string[] {
    return this.trace.flatMap((line) => / (\w+) gossip (\S+)/.exec(line)?.slice(1, 3).join(':') ?? []);
  }

  #handlers(name: string): NetworkHandlers {
    const note = (text: string): void => void this.trace.push(`${this.time.now()} ${name} ${text}`);
    return {
      gossip: (_, data, from) => {
        note(`gossip ${Buffer.from(data).toString()} from ${from}`);
        return 'accept';
      },
      request: async (protocol, payload, from) => {
        note(`request ${protocol} from ${from}`);
        return payload;
      },
      connected: (peer) => note(`connected ${peer}`),
      disconnected: (peer) => note(`disconnected ${peer}`),
    };
  }
}

async function chaos(seed: number): Promise<string[]> {
  const cluster = new Cluster({ loss: 0.1, duplicate: 0.2, delayMs: [1, 200] }, seed);
  await cluster.start(...NAMES);
  for (let i = 0; i < 20; i++) {
    for (const name of NAMES) cluster.nodes.get(name)?.publish('consensus', Buffer.from(`${name}${i}`));
    if (i === 5)
      cluster.hub.partition([
        ['a', 'b'],
        ['c', 'd'],
      ]);
    if (i === 9) cluster.hub.heal();
    if (i === 12) cluster.hub.crash('d');
    if (i === 14) await cluster.start('d');
    await cluster.time.advance(100);
  }
  await cluster.time.advance(5_000);
  return cluster.trace;
}

it('gives the same run for the same seed, and another for another', async () => {
  const first = await chaos(3);
  expect(await chaos(3)).toEqual(first);
  expect(await chaos(4)).not.toEqual(first);
  expect(first.length).toBeGreaterThan(200);
});

it('connects everybody, and delivers to everybody once', async () => {
  const cluster = new Cluster({ duplicate: 1 });
  await cluster.start(...NAMES);
  expect(
    cluster
      .node('a')
      .peers()
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['b', 'c', 'd']);
  cluster.node('a').publish('block', Buffer.from('x'));
  await cluster.time.advance(1_000);
  expect(cluster.heard().sort()).toEqual(['b:x', 'c:x', 'd:x']);
  expect(cluster.hub.stats.duplicated).toBeGreaterThan(0);
});

it('loses what the link loses: gossip finds another way, a request times out', async () => {
  const cluster = new Cluster();
  await cluster.start('a', 'b', 'c');
  cluster.hub.setLink('a', 'b', { loss: 1 });
  cluster.node('a').publish('block', Buffer.from('x'));
  const asked = cluster.node('a').request('b', 'status', Buffer.from(''), { timeoutMs: 500, responseSizeBytesMax: 10 });
  const outcome = asked.catch((error: unknown) => error);
  await cluster.time.advance(1_000);
  expect(cluster.heard().sort()).toEqual(['b:x', 'c:x']);
  expect(cluster.trace.some((line) => line.includes('b gossip x from c'))).toBe(true);
  expect(await outcome).toMatchObject({ code: 'NETWORK_TIMEOUT' });
});

describe('cuts', () => {
  it('are noticed by both sides, and mended when healed', async () => {
    const cluster = new Cluster({ detectMs: [100, 100] });
    await cluster.start(...NAMES);
    cluster.hub.partition([
      ['a', 'b'],
      ['c', 'd'],
    ]);
    cluster.node('a').publish('block', Buffer.from('early'));
    await cluster.time.advance(99);
    expect(cluster.trace.filter((line) => line.includes('disconnected'))).toEqual([]);
    await cluster.time.advance(1);
    expect(cluster.trace.filter((line) => line.includes('disconnected')).length).toBe(8);
    cluster.node('a').publish('block', Buffer.from('late'));
    await cluster.time.advance(1_000);
    expect(cluster.heard().sort()).toEqual(['b:early', 'b:late']);
    cluster.hub.heal();
    await cluster.time.advance(1_000);
    expect(cluster.node('d').peers().length).toBe(3);
    // Cast again, it reaches those who missed it and nobody else.
    cluster.node('a').publish('block', Buffer.from('late'));
    await cluster.time.advance(1_000);
    expect(cluster.heard().sort()).toEqual(['b:early', 'b:late', 'c:late', 'd:late']);
  });

  it('leave a node in no group alone', async () => {
    const cluster = new Cluster();
    await cluster.start(...NAMES);
    cluster.hub.partition([['a', 'b', 'c']]);
    await cluster.time.advance(1_000);
    expect(cluster.node('d').peers()).toEqual([]);
    expect(cluster.node('a').peers().length).toBe(2);
  });

  it('may go one way, and may be silent', async () => {
    const cluster = new Cluster({ silentCuts: true });
    await cluster.start('a', 'b');
    cluster.hub.cut('a', 'b');
    cluster.node('a').publish('block', Buffer.from('to b'));
    cluster.node('b').publish('block', Buffer.from('to_a'));
    const asked = cluster
      .node('b')
      .request('a', 'status', Buffer.from(''), { timeoutMs: 100, responseSizeBytesMax: 9 });
    const outcome = asked.catch((error: unknown) => error);
    await cluster.time.advance(10_000);
    expect(cluster.heard()).toEqual(['a:to_a']);
    expect(cluster.trace.some((line) => line.includes('a request status from b'))).toBe(true);
    expect(await outcome).toMatchObject({ code: 'NETWORK_TIMEOUT' });
    expect(cluster.trace.filter((line) => line.includes('disconnected'))).toEqual([]);
    expect(cluster.node('a').peers().length).toBe(1);
  });
});

describe('a crash', () => {
  it('is silent where it happens and noticed elsewhere, and fails what was asked', async () => {
    const cluster = new Cluster({ detectMs: [300, 300] });
    await cluster.start('a', 'b', 'c');
    const before = cluster.node('b');
    const asked = cluster
      .node('a')
      .request('b', 'status', Buffer.from(''), { timeoutMs: 9_000, responseSizeBytesMax: 9 });
    const outcome = asked.catch((error: unknown) => error);
    cluster.hub.crash('b');
    await cluster.time.advance(1_000);
    expect(await outcome).toMatchObject({ code: 'NETWORK_CLOSED' });
    expect(cluster.trace.filter((line) => line.includes('disconnected')).map((line) => line.slice(5))).toEqual([
      'a disconnected b',
      'c disconnected b',
    ]);
    before.publish('block', Buffer.from('ghost'));
    await cluster.time.advance(1_000);
    expect(cluster.heard()).toEqual([]);
  });

  it('and a quick restart break the old connection before the new one stands', async () => {
    const cluster = new Cluster({ detectMs: [60_000, 60_000] });
    await cluster.start('a', 'b');
    cluster.hub.crash('b');
    await cluster.start('b');
    await cluster.time.advance(1_000);
    const ofA = cluster.trace.filter((line) => line.includes(' a ')).map((line) => line.split(' ').slice(2).join(' '));
    expect(ofA).toEqual(['connected b', 'disconnected b', 'connected b']);
    cluster.node('a').publish('block', Buffer.from('x'));
    await cluster.time.advance(1_000);
    expect(cluster.heard()).toEqual(['b:x']);
  });

  it('frees the name, which is one node only at a time', async () => {
    const cluster = new Cluster();
    await cluster.start('a');
    await expect(cluster.start('a')).rejects.toMatchObject({ code: 'NETWORK_RUNNING' });
  });
});

it('bounds what is under way on a link', async () => {
  const cluster = new Cluster({ queueMessagesMax: 10 });
  await cluster.start('a', 'b');
  for (let i = 0; i < 25; i++) cluster.node('a').publish('consensus', Buffer.from(`${i}`));
  await cluster.time.advance(1_000);
  expect(cluster.heard().length).toBe(10);
  expect(cluster.hub.stats.overflowed).toBe(15);
});

it('gives the sender its bytes back', async () => {
  const cluster = new Cluster();
  await cluster.start('a', 'b');
  const data = Buffer.from('x');
  cluster.node('a').publish('block', data);
  data.fill('y');
  await cluster.time.advance(1_000);
  expect(cluster.heard()).toEqual(['b:x']);
});
