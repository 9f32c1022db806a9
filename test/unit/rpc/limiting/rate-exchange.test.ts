import { afterEach, describe, expect, it, vi } from 'vitest';
import { Libp2pNetwork } from '../../../../p2p/network.ts';
import { randomPeerKey } from '../../../../p2p/peer-key.ts';
import { FleetKey } from '../../../../rpc/limiting/fleet-key.ts';
import { GossipLimiter } from '../../../../rpc/limiting/gossip-limiter.ts';
import { TokenBucket } from '../../../../rpc/limiting/token-bucket.ts';
import { RateExchange } from '../../../../src/node/rate-exchange.ts';
import { systemTimers } from '../../../../src/node/system-clock.ts';
import { silentLog } from '../../../../src/util/log.ts';
import { noMetrics } from '../../../../src/util/metrics.ts';

const CLIENT = 'address:192.0.2.1';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Running = { readonly network: Libp2pNetwork; readonly limiter: GossipLimiter };

/** `secret`: null for a node that has no part in any fleet. */
async function start(secret: Buffer | null, bootstrap: readonly string[] = []): Promise<Running> {
  const network = new Libp2pNetwork(
    {
      listen: ['/ip4/127.0.0.1/tcp/0'],
      privateKey: randomPeerKey(),
      bootstrap,
      networkName: 'limits',
      optionalTopics: secret === null ? [] : ['limits'],
    },
    { log: silentLog, metrics: noMetrics, timers: systemTimers, random: Math.random },
  );
  const exchange = new RateExchange(network);
  const limiter = new GossipLimiter(
    { rule: new TokenBucket(40, 0.001), nodes: 4, exchangeMs: 20, node: randomNode(), incarnation: Date.now() },
    {
      exchange,
      key: new FleetKey(secret ?? Buffer.alloc(32, 255), 'net'),
      now: () => Math.floor(performance.now() * 1000),
      wallNow: Date.now,
    },
  );
  await network.start({
    gossip: (topic, data) => (topic === 'limits' ? exchange.receive(data) : 'ignore'),
    request: async () => new Uint8Array(),
    connected: () => {},
    disconnected: () => {},
  });
  limiter.start();
  closers.push(async () => {
    await limiter.stop();
    await network.stop();
  });
  return { network, limiter };
}

function randomNode(): string {
  return Buffer.from(randomPeerKey()).toString('hex', 0, 8);
}

const addressOf = ({ network }: Running): string => network.addresses()[0] ?? '';

describe('counters over libp2p', () => {
  it('reach the whole fleet, also over another member, and leave those alone who are of none or of another', async () => {
    const fleet = Buffer.alloc(32, 1);
    const middle = await start(fleet);
    const [left, right] = [await start(fleet, [addressOf(middle)]), await start(fleet, [addressOf(middle)])];
    const outsider = await start(null, [addressOf(middle)]);
    const stranger = await start(Buffer.alloc(32, 2), [addressOf(middle)]);
    await vi.waitFor(() => expect(middle.network.peers()).toHaveLength(4), { timeout: 10_000 });
    expect(left.limiter.take(CLIENT, 10).admitted).toBe(true);
    const isCharged = ({ limiter }: Running): boolean => limiter.take(CLIENT, 10).remaining < 10;
    // A refusal costs nothing, so a weight over the limit asks without taking.
    const remaining = ({ limiter }: Running): number => limiter.take(CLIENT, 11).remaining;
    await vi.waitFor(() => expect([middle, right].map(remaining)).toEqual([0, 0]), { timeout: 10_000 });
    expect(isCharged(right)).toBe(true);
    expect([outsider, stranger].map(remaining)).toEqual([10, 10]);
    // Nobody was blamed for it.
    for (const { network } of [middle, outsider, stranger]) {
      for (const peer of network.peers()) expect(peer.score).toBe(0);
    }
  });
});
