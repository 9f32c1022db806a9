import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LocalLimiter } from '../../../../rpc/limiting/local-limiter.ts';
import { SlidingWindow } from '../../../../rpc/limiting/sliding-window.ts';
import { TokenBucket } from '../../../../rpc/limiting/token-bucket.ts';
import { worstExcess, type Admitted } from './windows.ts';

function limiterOf(capacity: number, rate: number, clientsMax: number) {
  const time = { us: 0 };
  const limiter = new LocalLimiter({ algorithm: new TokenBucket(capacity, rate), clientsMax }, () => time.us);
  return { limiter, time };
}

describe('the local limiter', () => {
  it('counts each client for itself, and a message as a whole', () => {
    const { limiter } = limiterOf(1000, 1, 10);
    expect(limiter.take('key:a', 1000)).toEqual({
      admitted: true,
      limit: 1000,
      remaining: 0,
      waitMs: 0,
      resetMs: 1_000_000,
    });
    expect(limiter.take('key:a', 1)).toMatchObject({ admitted: false, waitMs: 1000 });
    expect(limiter.take('key:b', 999)).toMatchObject({ admitted: true, remaining: 1 });
    expect(limiter.take('key:b', 2)).toMatchObject({ admitted: false, remaining: 1 });
    expect(limiter.take('key:b', 1)).toMatchObject({ admitted: true, remaining: 0 });
  });

  it('knows other limits for some clients', () => {
    const algorithm = new TokenBucket(1, 1);
    const overrides = new Map([['key:big', new TokenBucket(5, 1)]]);
    const limiter = new LocalLimiter({ algorithm, overrides, clientsMax: 1 }, () => 0);
    limiter.take('key:small', 1);
    expect(limiter.take('key:big', 5)).toMatchObject({ admitted: true, limit: 5 });
    expect(limiter.take('key:big', 1).admitted).toBe(false);
  });

  it('works with the sliding window', () => {
    const limiter = new LocalLimiter({ algorithm: new SlidingWindow(3, 1000) }, () => 0);
    expect([1, 1, 1, 1].map((weight) => limiter.take('key:a', weight).admitted)).toEqual([true, true, true, false]);
  });

  it('never remembers more clients than it may, and forgets only whom forgetting changes nothing for', () => {
    const { limiter, time } = limiterOf(10, 1, 100);
    expect(limiter.take('address:192.0.2.1', 10).admitted).toBe(true);
    for (let i = 0; i < 10_000; i++) limiter.take(`address:10.0.${i >> 8}.${i & 255}`, 1);
    expect(limiter.size).toBe(100);
    expect(limiter.take('address:192.0.2.1', 1).admitted).toBe(false);
    time.us += 10_000_000;
    for (let i = 0; i < 100; i++) limiter.take(`address:10.1.0.${i}`, 1);
    expect(limiter.take('address:192.0.2.1', 10).admitted).toBe(true);
    expect(limiter.size).toBeLessThanOrEqual(100);
  });

  it('lets those who find no place share one allowance, and begin with what is left of it', () => {
    const { limiter, time } = limiterOf(10, 1, 2);
    limiter.take('key:a', 10);
    limiter.take('key:b', 10);
    expect(limiter.take('key:c', 6).admitted).toBe(true);
    expect(limiter.take('key:d', 6).admitted).toBe(false);
    time.us += 1_000_000;
    // One second later there is room again for nobody: both owe nine seconds still.
    expect(limiter.take('key:c', 5).admitted).toBe(true);
    time.us += 9_000_000;
    // Now there is a place for c, whose allowance is not whole.
    expect(limiter.take('key:c', 10).admitted).toBe(false);
    expect(limiter.take('key:c', 9).admitted).toBe(true);
  });

  it('gives no client more than its rule, whoever else crowds the table', () => {
    const step = fc.record({
      stepUs: fc.integer({ min: 0, max: 400_000 }),
      client: fc.integer({ min: 0, max: 7 }),
      weight: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 200 }), (clientsMax, steps) => {
        const { limiter, time } = limiterOf(6, 5, clientsMax);
        const admitted = new Map<number, Admitted[]>();
        for (const { stepUs, client, weight } of steps) {
          time.us += stepUs;
          if (!limiter.take(`key:${client}`, weight).admitted) continue;
          admitted.set(client, [...(admitted.get(client) ?? []), { at: time.us, weight }]);
        }
        for (const own of admitted.values()) {
          expect(worstExcess(own, 1e6, (lengthUs) => 6e6 + 5 * lengthUs)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 500 },
    );
  });
});
