import { afterEach, describe, expect, it, vi } from 'vitest';
import { createLimiter, type RateLimitSettings } from '../../../../rpc/limiting/create-limiter.ts';
import type { CounterExchange } from '../../../../rpc/limiting/counter-exchange.ts';
import type { RateLimiter } from '../../../../rpc/limiting/rate-limiter.ts';
import { silentLog } from '../../../../src/util/log.ts';
import { noMetrics, type LabelValues, type Metrics } from '../../../../src/util/metrics.ts';

const SETTINGS: RateLimitSettings = {
  scope: 'local',
  algorithm: 'token-bucket',
  capacity: 10,
  rate: 1,
  windowMs: 1000,
  nodes: 4,
  overrides: new Map(),
  redisUrl: null,
  secret: null,
  exchangeMs: 100,
  network: 'net',
  node: '00'.repeat(8),
};
const nowhere: CounterExchange = { publish: () => {}, onMessage: () => {} };

const limiters: RateLimiter[] = [];
afterEach(async () => {
  for (const limiter of limiters.splice(0)) await limiter.stop();
  vi.useRealTimers();
});

async function create(changes: Partial<RateLimitSettings>, metrics: Metrics = noMetrics): Promise<RateLimiter> {
  const limiter = await createLimiter({ ...SETTINGS, ...changes }, { log: silentLog, metrics, exchange: nowhere });
  limiters.push(limiter);
  return limiter;
}

describe('settings make a limiter', () => {
  it('that counts here', async () => {
    const limiter = await create({ overrides: new Map([['key:big', { capacity: 50, rate: 1 }]]) });
    expect(limiter.take('key:a', 10)).toMatchObject({ admitted: true, limit: 10 });
    expect(limiter.take('key:big', 50)).toMatchObject({ admitted: true, limit: 50 });
    expect(limiter.take('key:a', 10)).toMatchObject({ admitted: false });
  });

  it('with a sliding window', async () => {
    const limiter = await create({ algorithm: 'sliding-window', windowMs: 3_600_000 });
    expect(limiter.take('key:a', 10)).toMatchObject({ admitted: true, limit: 10 });
    expect(limiter.take('key:a', 1)).toMatchObject({ admitted: false });
  });

  it('that gives its part of what a fleet shares', async () => {
    const limiter = await create({ scope: 'gossip', capacity: 42, secret: Buffer.alloc(32) });
    expect(limiter.take('key:a', 1)).toMatchObject({ admitted: true, limit: 10 });
  });

  it.each<[Partial<RateLimitSettings>, string]>([
    [{ capacity: 0 }, 'rpc.rate-limit.capacity'],
    [{ rate: 0.0001 }, 'rpc.rate-limit.capacity or rate'],
    [{ overrides: new Map([['key:x', { capacity: 2_000_000, rate: 1 }]]) }, 'of key:x'],
    [{ scope: 'gossip', secret: null }, 'rpc.rate-limit.secret-file'],
    [{ scope: 'gossip', secret: Buffer.alloc(31) }, 'rpc.rate-limit.secret-file'],
    [{ scope: 'gossip', secret: Buffer.alloc(32), algorithm: 'sliding-window' }, 'rpc.rate-limit.algorithm'],
    [{ scope: 'gossip', secret: Buffer.alloc(32), capacity: 3 }, 'rpc.rate-limit.capacity'],
    [{ scope: 'redis', rate: 0.003, redisUrl: 'redis://127.0.0.1:1' }, 'rpc.rate-limit.rate'],
    [{ scope: 'redis' }, 'rpc.rate-limit.redis-url'],
    [{ scope: 'redis', redisUrl: 'localhost' }, 'rpc.rate-limit.redis-url'],
  ])('or say what is wrong: %j', async (changes, says) => {
    await expect(create(changes)).rejects.toMatchObject({
      code: 'CONFIG',
      message: expect.stringContaining(says) as string,
    });
  });

  it('whose decisions are counted', async () => {
    vi.useFakeTimers();
    const seen: [string, number, LabelValues | undefined][] = [];
    const metrics: Metrics = {
      ...noMetrics,
      counter: (name) => ({ add: (value = 1, labels) => void seen.push([name, value, labels]) }),
      gauge: (name) => ({ set: (value, labels) => void seen.push([name, value, labels]) }),
    };
    const limiter = await create({}, metrics);
    await limiter.take('key:a', 10);
    await limiter.take('key:a', 10);
    await limiter.take('key:b', 1);
    vi.advanceTimersByTime(1000);
    expect(seen).toEqual([
      ['parley_rpc_rate_limit_total', 2, { scope: 'local', outcome: 'admitted' }],
      ['parley_rpc_rate_limit_total', 1, { scope: 'local', outcome: 'refused' }],
      ['parley_rpc_rate_limit_clients', 2, undefined],
    ]);
  });
});
