import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EMPTY_POOL, join, leave, penalize, valueOf, type PoolShare } from '../../../../src/execution/staking/pool.ts';

const NOBODY: PoolShare = { shares: 0n, round: 0 };

const step = fc.record({
  kind: fc.constantFrom('join', 'leave', 'reward', 'penalty'),
  who: fc.nat({ max: 2 }),
  wei: fc.oneof(fc.bigInt(1n, 50n), fc.bigInt(1n, 10n ** 30n)),
});

describe('a pool', () => {
  it('takes nothing from those who stay, and ends with nothing left over', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), (steps) => {
        let pool = EMPTY_POOL;
        const held = [NOBODY, NOBODY, NOBODY];
        const valueAt = (who: number): bigint => valueOf(pool, held[who] ?? NOBODY);
        for (const { kind, who, wei } of steps) {
          const before = [0, 1, 2].map(valueAt);
          const all = before[who] ?? 0n;
          if (kind === 'join') {
            const joined = join(pool, held[who] ?? NOBODY, wei);
            expect(joined.pool.wei).toBe(pool.wei + wei);
            [pool, held[who]] = [joined.pool, joined.held];
            expect(valueAt(who)).toBeLessThanOrEqual(all + wei + 1n);
          } else if (kind === 'leave') {
            const wanted = wei % (all + 1n);
            const left = leave(pool, held[who] ?? NOBODY, wanted);
            expect(left.wei).toBeGreaterThanOrEqual(wanted);
            expect(left.pool.wei).toBe(pool.wei - left.wei);
            [pool, held[who]] = [left.pool, left.held];
            expect(left.wei + valueAt(who)).toBeLessThanOrEqual(all);
          } else if (kind === 'reward') {
            if (pool.shares > 0n) pool = { ...pool, wei: pool.wei + wei };
          } else {
            const penalized = penalize(pool, wei % (pool.wei + 1n));
            expect(penalized.takenWei).toBe(pool.wei - penalized.pool.wei);
            pool = penalized.pool;
          }
          if (kind !== 'penalty') {
            for (const other of [0, 1, 2].filter((one) => one !== who)) {
              expect(valueAt(other)).toBeGreaterThanOrEqual(before[other] ?? 0n);
            }
          }
          expect([0, 1, 2].reduce((sum, one) => sum + valueAt(one), 0n)).toBeLessThanOrEqual(pool.wei);
        }
        for (const one of held) pool = leave(pool, one, valueOf(pool, one)).pool;
        expect(pool).toMatchObject({ wei: 0n, shares: 0n });
      }),
      { numRuns: 200 },
    );
  });

  it('forgets shares that a penalty made worthless', () => {
    const first = join(EMPTY_POOL, NOBODY, 10n ** 18n);
    expect(penalize(first.pool, 10n ** 18n - 10n ** 9n)).toMatchObject({ takenWei: 10n ** 18n - 10n ** 9n });
    const wiped = penalize(first.pool, 10n ** 18n - 1n);
    expect(wiped).toEqual({ pool: { wei: 0n, shares: 0n, round: 1 }, takenWei: 10n ** 18n });
    const second = join(wiped.pool, first.held, 7n);
    expect(valueOf(second.pool, second.held)).toBe(7n);
    expect(valueOf(second.pool, first.held)).toBe(0n);
  });
});
