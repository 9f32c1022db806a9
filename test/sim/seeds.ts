import { describe, expect, it } from 'vitest';
import { simulate, type SimReport } from './simulate.ts';

/** Short ones, so that a test runs many: what a fault breaks shows within seconds of simulated time. */
const DURATION_MS = 30_000;
const SEEDS_PER_TEST = 10;
const TEST_TIMEOUT_MS = 300_000;

/** What went wrong, with the command that shows it. Empty for a good run. */
export function failureOf(report: SimReport): string {
  if (report.violations.length === 0) return '';
  const violations = report.violations.slice(0, 5).map(({ code, details }) => `${code}: ${details}`);
  const minutes = DURATION_MS / 60_000;
  return `npm run sim -- --engine ${report.engine} --seed ${report.seed} --minutes ${minutes}\n${violations.join('\n')}`;
}

/** Declares tests for `count` seeds. Files of seeds run side by side, so one engine has several. */
export function testSeeds(engine: string, from: number, count: number): void {
  describe(`${engine}, simulated clusters`, () => {
    for (let first = from; first < from + count; first += SEEDS_PER_TEST) {
      const last = Math.min(first + SEEDS_PER_TEST, from + count) - 1;
      it(
        `seeds ${first} to ${last}: safe under faults, live when healed`,
        async () => {
          for (let seed = first; seed <= last; seed++) {
            const report = await simulate({ engine, seed, durationMs: DURATION_MS });
            expect(failureOf(report)).toBe('');
            expect(report.stats.finalNumber).toBeGreaterThan(0);
          }
        },
        TEST_TIMEOUT_MS,
      );
    }
  });
}
