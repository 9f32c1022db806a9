import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAPACITY_MAX, RATE_MAX } from '../../../../rpc/limiting/algorithm.ts';
import { DEBT_MAX, TokenBucket, type BucketState } from '../../../../rpc/limiting/token-bucket.ts';
import { worstExcess, type Admitted } from './windows.ts';

const UNITS = 1e9;

const rules = fc.record({
  capacity: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(CAPACITY_MAX)),
  milliRate: fc.oneof(fc.integer({ min: 1, max: 5_000_000 }), fc.constant(RATE_MAX * 1000)),
});
/** Steps of the clock, some backwards and some of a day, and what is asked then. */
const arrivals = fc.array(
  fc.record({
    stepUs: fc.oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 2_000 }) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 3_000_000 }) },
      { weight: 1, arbitrary: fc.integer({ min: -5_000, max: 0 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0, max: 86_400_000_000 }) },
    ),
    weight: fc.integer({ min: 1, max: 60 }),
  }),
  { maxLength: 120 },
);

function run(bucket: TokenBucket, steps: readonly { stepUs: number; weight: number }[]): Admitted[] {
  const admitted: Admitted[] = [];
  let now = 1_000_000;
  let state = bucket.fresh(now);
  let latest = now;
  for (const { stepUs, weight } of steps) {
    now = Math.max(0, now + stepUs);
    state = bucket.at(state, now);
    const spent = bucket.spend(state, weight);
    if (spent !== null) {
      // The latest time that was ever seen: time that comes twice gives nothing.
      latest = Math.max(latest, now);
      admitted.push({ at: latest, weight });
      state = spent;
    }
    latest = Math.max(latest, now);
  }
  return admitted;
}

describe('a token bucket', () => {
  it('admits in every window at most capacity + rate × t, to the unit', () => {
    fc.assert(
      fc.property(rules, arrivals, ({ capacity, milliRate }, steps) => {
        const bucket = new TokenBucket(capacity, milliRate / 1000);
        const admitted = run(bucket, steps);
        const excess = worstExcess(
          admitted,
          UNITS,
          (lengthUs) => capacity * UNITS + Math.min(lengthUs * milliRate, 8e15),
        );
        expect(excess).toBeLessThanOrEqual(0);
      }),
      { numRuns: 500 },
    );
  });

  it('admits all of that to a client that asks for it: over an hour not one less, not one more', () => {
    for (const rate of [0.001, 0.3, 1 / 8, 7.777, 333.333, 999.999]) {
      const bucket = new TokenBucket(5, rate);
      let state = bucket.fresh(0);
      let sum = 0;
      // Steps that neither the rate nor the microsecond divides.
      for (let now = 0; now <= 3_600_000_000; now += 1_234_567) {
        for (
          let spent = bucket.spend((state = bucket.at(state, now)), 1);
          spent !== null;
          spent = bucket.spend(state, 1)
        ) {
          state = spent;
          sum++;
        }
      }
      const lastStep = 3_600_000_000 - (3_600_000_000 % 1_234_567);
      const exact = 5 + Number((BigInt(Math.round(rate * 1000)) * BigInt(lastStep)) / 1_000_000_000n);
      // A bucket that is full gains nothing: what comes between two looks is lost above its capacity.
      const perStep = Math.min(5, Math.ceil(rate * 1.234567));
      if (perStep < 5) expect(sum).toBe(exact);
      else expect(sum).toBe(5 * (lastStep / 1_234_567 + 1));
    }
  });

  it('gives nothing for time that goes backwards, nor twice for the same time', () => {
    const bucket = new TokenBucket(10, 1000);
    let state = bucket.spend(bucket.fresh(50_000), 10) as BucketState;
    state = bucket.at(state, 40_000);
    expect(bucket.spend(state, 1)).toBeNull();
    state = bucket.at(state, 50_000);
    expect(bucket.spend(state, 1)).toBeNull();
    state = bucket.at(state, 51_000);
    expect(bucket.spend(state, 1)).not.toBeNull();
    expect(bucket.spend(state, 2)).toBeNull();
  });

  it('says how long to wait, and that is enough and no longer than a millisecond too long', () => {
    fc.assert(
      fc.property(rules, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 0, max: 49 }), (rule, weight, left) => {
        const bucket = new TokenBucket(rule.capacity, rule.milliRate / 1000);
        fc.pre(weight <= bucket.limit && left < weight);
        const state = { level: left * UNITS, at: 0 };
        const { waitMs } = bucket.decision(state, weight, false);
        expect(bucket.spend(bucket.at(state, waitMs * 1000), weight)).not.toBeNull();
        expect(bucket.spend(bucket.at(state, (waitMs - 1) * 1000 - 1), weight)).toBeNull();
      }),
    );
  });

  it('is full when it has gained what is missing, and not a microsecond before', () => {
    fc.assert(
      fc.property(rules, fc.double({ min: 0, max: 1, noNaN: true }), ({ capacity, milliRate }, part) => {
        const bucket = new TokenBucket(capacity, milliRate / 1000);
        const missing = 1 + Math.floor(part * (bucket.capacityUnits - 1));
        const empty = { level: bucket.capacityUnits - missing, at: 0 };
        const us = Number((BigInt(missing) + BigInt(milliRate) - 1n) / BigInt(milliRate));
        expect(bucket.isFresh(bucket.at(empty, us))).toBe(true);
        expect(bucket.isFresh(bucket.at(empty, us - 1))).toBe(false);
      }),
    );
  });

  it('never admits more than its capacity at once, and says so', () => {
    const bucket = new TokenBucket(10, 1);
    const state = bucket.fresh(0);
    expect(bucket.spend(state, 11)).toBeNull();
    expect(bucket.decision(state, 11, false)).toEqual({
      admitted: false,
      limit: 10,
      remaining: 10,
      waitMs: Infinity,
      resetMs: 0,
    });
  });

  it('owes what was charged beyond its level, but no more than it may', () => {
    const bucket = new TokenBucket(10, 1000);
    const owing = bucket.charge(bucket.fresh(0), 25, 100);
    expect(owing.level).toBe(-15 * UNITS);
    expect(bucket.spend(bucket.at(owing, 15_999), 1)).toBeNull();
    expect(bucket.spend(bucket.at(owing, 16_000), 1)).not.toBeNull();
    expect(bucket.charge(owing, 1e12, 100).level).toBe(-100 * UNITS);
    expect(bucket.charge(bucket.charge(owing, 1e12, DEBT_MAX), 1e12, DEBT_MAX).level).toBe(-DEBT_MAX * UNITS);
  });

  it('shares of it add up to no more than itself', () => {
    const share = new TokenBucket(10, 1).share(3);
    expect([share.limit, share.rate]).toEqual([3, 0.333]);
  });

  it.each([
    [0, 1],
    [1.5, 1],
    [CAPACITY_MAX + 1, 1],
    [Number.NaN, 1],
    [1, 0],
    [1, -1],
    [1, 0.0005],
    [1, 1.00005],
    [1, RATE_MAX + 1],
    [1, Number.NaN],
  ])('refuses capacity %d with rate %d', (capacity, rate) => {
    expect(() => new TokenBucket(capacity, rate)).toThrow(expect.objectContaining({ code: 'CONFIG' }) as Error);
  });
});
