import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CAPACITY_MAX } from '../../../../rpc/limiting/algorithm.ts';
import { SlidingWindow, WINDOW_MS_MAX, type WindowState } from '../../../../rpc/limiting/sliding-window.ts';
import { worstExcess, type Admitted } from './windows.ts';

describe('a sliding window', () => {
  it('admits in every window of length t at most limit × (1 + t / length)', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.record({ stepUs: fc.integer({ min: -50, max: 9_000 }), weight: fc.integer({ min: 1, max: 9 }) }), {
          maxLength: 150,
        }),
        (limit, lengthMs, steps) => {
          const window = new SlidingWindow(limit, lengthMs);
          const admitted: Admitted[] = [];
          let now = 12_345;
          let latest = now;
          let state = window.fresh(now);
          for (const { stepUs, weight } of steps) {
            now += stepUs;
            latest = Math.max(latest, now);
            state = window.at(state, now);
            const spent = window.spend(state, weight);
            if (spent === null) continue;
            state = spent;
            admitted.push({ at: latest, weight });
          }
          const { lengthUs } = window;
          expect(worstExcess(admitted, lengthUs, (t) => limit * (lengthUs + t))).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('counts of the window before as much as is still within one length', () => {
    const window = new SlidingWindow(100, 10);
    const used = window.spend(window.fresh(0), 80) as WindowState;
    const half = window.at(used, 15_000);
    expect(window.decision(half, 1, true).remaining).toBe(60);
    expect(window.spend(half, 60)).not.toBeNull();
    expect(window.spend(half, 61)).toBeNull();
    expect(window.isFresh(window.at(used, 19_999))).toBe(false);
    expect(window.isFresh(window.at(used, 20_000))).toBe(true);
  });

  it('says how long to wait: then it is admitted, and a millisecond before it was not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.record({ stepUs: fc.integer({ min: 0, max: 8_000 }), weight: fc.integer({ min: 1, max: 30 }) }), {
          minLength: 1,
          maxLength: 40,
        }),
        (limit, steps) => {
          const window = new SlidingWindow(limit, 5);
          let now = 777;
          let state = window.fresh(now);
          for (const { stepUs, weight } of steps) {
            now += stepUs;
            state = window.at(state, now);
            const spent = window.spend(state, weight);
            const { waitMs, resetMs } = window.decision(spent ?? state, weight, spent !== null);
            if (spent !== null) {
              state = spent;
              expect(window.isFresh(window.at(state, now + resetMs * 1000))).toBe(true);
            } else if (weight > limit) expect(waitMs).toBe(Infinity);
            else {
              expect(window.spend(window.at(state, now + waitMs * 1000), weight)).not.toBeNull();
              expect(window.spend(window.at(state, now + (waitMs - 1) * 1000 - 1), weight)).toBeNull();
            }
          }
        },
      ),
    );
  });

  it('gives nothing for time that goes backwards', () => {
    const window = new SlidingWindow(5, 10);
    const used = window.spend(window.fresh(25_000), 5) as WindowState;
    expect(window.spend(window.at(used, 5_000), 1)).toBeNull();
  });

  it('refuses what is over by one microsecond of one weight', () => {
    const window = new SlidingWindow(2, 1);
    const used = window.spend(window.fresh(0), 1) as WindowState;
    expect(window.spend(window.at(used, 1_999), 2)).toBeNull();
    expect(window.spend(window.at(used, 2_000), 2)).not.toBeNull();
  });

  it('stays exact at its largest', () => {
    const window = new SlidingWindow(CAPACITY_MAX, WINDOW_MS_MAX);
    const used = window.spend(window.fresh(0), CAPACITY_MAX) as WindowState;
    const later = window.at(used, window.lengthUs + window.lengthUs / CAPACITY_MAX);
    expect(window.spend(later, 1)).not.toBeNull();
    expect(window.spend(later, 2)).toBeNull();
  });

  it.each([
    [0, 1],
    [1, 0],
    [1, 1.5],
    [1, WINDOW_MS_MAX + 1],
    [CAPACITY_MAX + 1, 1],
  ])('refuses limit %d with a window of %d ms', (limit, lengthMs) => {
    expect(() => new SlidingWindow(limit, lengthMs)).toThrow(expect.objectContaining({ code: 'CONFIG' }) as Error);
  });
});
