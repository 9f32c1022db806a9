import { expect, it } from 'vitest';
import { Gossip } from '../../../p2p/gossip.ts';
import type { GossipModules } from '../../../p2p/gossip.ts';
import { Meters } from '../../../p2p/meters.ts';
import { OutboundBudget } from '../../../p2p/outbound-budget.ts';
import type { GossipVerdict } from '../../../src/ports/network.ts';
import { GOSSIP_SIZE_BYTES_MAX } from '../../../src/ports/network.ts';
import { silentLog } from '../../../src/util/log.ts';
import type { LabelValues, Metrics } from '../../../src/util/metrics.ts';

class CountingMetrics implements Metrics {
  readonly counts = new Map<string, number>();

  counter(name: string): { add: (value?: number, labels?: LabelValues) => void } {
    return {
      add: (value = 1, labels = {}) => {
        const key = [name, ...Object.values(labels)].join(' ');
        this.counts.set(key, (this.counts.get(key) ?? 0) + value);
      },
    };
  }

  gauge(): { set: () => void } {
    return { set: () => {} };
  }

  histogram(): { observe: () => void } {
    return { observe: () => {} };
  }

  of(key: string): number {
    return this.counts.get(`parley_p2p_gossip_${key}`) ?? 0;
  }
}

function setup(modules: Partial<GossipModules> = {}): {
  gossip: Gossip;
  metrics: CountingMetrics;
  sent: number[];
  blamed: string[];
} {
  const metrics = new CountingMetrics();
  const sent: number[] = [];
  const blamed: string[] = [];
  const gossip = new Gossip({
    log: silentLog,
    meters: new Meters(metrics),
    budget: new OutboundBudget({ messagesPerSecond: 0, burstMessages: 10 }, () => 0),
    handler: () => 'accept',
    ready: () => Promise.resolve(),
    blame: (peer, code) => void blamed.push(`${peer} ${code}`),
    send: async (_, data) => void sent.push(data.length),
    bufferedBytes: () => 0,
    ...modules,
  });
  return { gossip, metrics, sent, blamed };
}

it('counts what is published and drops, counted, what is over the budget or the size', async () => {
  const { gossip, metrics, sent } = setup();
  gossip.publish('block', Buffer.alloc(GOSSIP_SIZE_BYTES_MAX + 1));
  for (let i = 0; i < 20; i++) gossip.publish('transactions', Buffer.alloc(100));
  for (let i = 0; i < 20; i++) gossip.publish('consensus', Buffer.alloc(1));
  expect(sent.length).toBe(10);
  expect(metrics.of('published_total transactions')).toBe(5);
  expect(metrics.of('published_bytes_total transactions')).toBe(500);
  expect(metrics.of('published_total consensus')).toBe(5);
  expect(metrics.of('dropped_total block out too-large')).toBe(1);
  expect(metrics.of('dropped_total transactions out rate')).toBe(15);
});

it('counts what the library could not send', async () => {
  const { gossip, metrics } = setup({ send: () => Promise.reject(new Error('no')) });
  gossip.publish('block', Buffer.alloc(1));
  await expect.poll(() => metrics.of('dropped_total block out failed')).toBe(1);
});

it('drops what waits in the streams too long', () => {
  const { gossip, metrics, sent } = setup({ bufferedBytes: () => 40 * 1024 * 1024 });
  gossip.publish('transactions', Buffer.alloc(1));
  gossip.publish('block', Buffer.alloc(1));
  expect(sent.length).toBe(1);
  expect(metrics.of('dropped_total transactions out in-flight')).toBe(1);
});

it('passes the verdict on, takes a failure for `ignore`, and blames for `reject` alone', async () => {
  const { gossip, metrics, blamed } = setup({
    handler: (topic) => {
      if (topic === 'block') throw new Error('no');
      return topic === 'consensus' ? Promise.resolve<GossipVerdict>('reject') : 'accept';
    },
  });
  expect(await gossip.validate('block', Buffer.alloc(1), 'p')).toBe('ignore');
  expect(await gossip.validate('transactions', Buffer.alloc(7), 'p')).toBe('accept');
  expect(blamed).toEqual([]);
  expect(await gossip.validate('consensus', Buffer.alloc(1), 'p')).toBe('reject');
  expect(blamed).toEqual(['p gossip-consensus']);
  expect(await gossip.validate('block', Buffer.alloc(GOSSIP_SIZE_BYTES_MAX + 1), 'q')).toBe('reject');
  expect(blamed).toEqual(['p gossip-consensus', 'q gossip-too-large']);
  expect(metrics.of('received_total transactions accept')).toBe(1);
  expect(metrics.of('received_bytes_total transactions')).toBe(7);
});

it('bounds what is under validation, topic by topic', async () => {
  let release: (verdict: GossipVerdict) => void = () => {};
  const slow = new Promise<GossipVerdict>((resolve) => {
    release = resolve;
  });
  const { gossip, metrics } = setup({ handler: (topic) => (topic === 'block' ? slow : 'accept') });
  const verdicts = Array.from({ length: 70 }, (_, i) => gossip.validate('block', Buffer.from([i]), 'p'));
  expect(await gossip.validate('consensus', Buffer.alloc(1), 'p')).toBe('accept');
  expect(metrics.of('dropped_total block in pending')).toBe(6);
  release('accept');
  expect((await Promise.all(verdicts)).filter((verdict) => verdict === 'accept').length).toBe(64);
  expect(await gossip.validate('block', Buffer.from('next'), 'p')).toBe('accept');
});

it('tells the host of a peer before what the peer says', async () => {
  const order: string[] = [];
  let introduce: () => void = () => {};
  const introduced = new Promise<void>((resolve) => {
    introduce = resolve;
  });
  const { gossip } = setup({
    ready: () => introduced,
    handler: () => {
      order.push('gossip');
      return 'accept';
    },
  });
  const verdict = gossip.validate('block', Buffer.alloc(1), 'p');
  await Promise.resolve();
  order.push('connected');
  introduce();
  await verdict;
  expect(order).toEqual(['connected', 'gossip']);
});
