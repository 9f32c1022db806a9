import { afterEach, describe, expect, it, vi } from 'vitest';
import type { JsonObject } from '../../src/types/primitives.ts';
import { engineUnderTest } from '../engines/engine-under-test.ts';
import type { Ablation } from './node.ts';
import { simulate, type SimOptions, type SimReport } from './simulate.ts';

/** What the simulator itself must be able to do with an engine: repeat a run, and see what is wrong. */

const TEST_TIMEOUT_MS = 300_000;
const SEEDS_MAX = 20;
const SHORT_MS = 60_000;
const ABLATION_SEEDS = 8;

/** Declares the tests. */
export async function testCluster(engine: string): Promise<void> {
  const { testing } = await engineUnderTest(engine);
  describe(engine, () => {
    testDeterminism(engine);
    if (testing.faults === 'half') testTooLongPartitions(engine, testing.params);
    else if (testing.faults !== 'none') testTooManyTwins(engine);
    if (testing.messages !== undefined) testMemories(engine);
  });
}

function codesOf(reports: readonly SimReport[]): Set<string> {
  return new Set(reports.flatMap(({ violations }) => violations.map(({ code }) => code)));
}

/** Seeds from 1, until one violates `code`. */
async function runUntil(code: string, options: Omit<SimOptions, 'seed'>): Promise<readonly SimReport[]> {
  const reports: SimReport[] = [];
  for (let seed = 1; seed <= SEEDS_MAX && !codesOf(reports).has(code); seed++) {
    reports.push(await simulate({ ...options, seed, safetyOnly: true }));
  }
  return reports;
}

function testDeterminism(engine: string): void {
  describe('determinism', () => {
    afterEach(() => void vi.restoreAllMocks());

    it('the same seed gives the same trace, another seed another one', { timeout: TEST_TIMEOUT_MS }, async () => {
      const digests = new Set<string>();
      for (const seed of [3, 5, 8, 13, 21, 34, 55]) {
        const run = (): Promise<SimReport> => simulate({ engine, seed, durationMs: 30_000 });
        const first = await run();
        const second = await run();
        expect(second.digest).toBe(first.digest);
        expect(second.stats).toEqual(first.stats);
        digests.add(first.digest);
      }
      expect(digests.size).toBe(7);
    });

    it(
      'no node looks at the real clock, waits in real time or draws real chance',
      { timeout: TEST_TIMEOUT_MS },
      async () => {
        const spies = [
          vi.spyOn(Date, 'now'),
          vi.spyOn(performance, 'now'),
          vi.spyOn(globalThis, 'setTimeout'),
          vi.spyOn(globalThis, 'setInterval'),
          vi.spyOn(Math, 'random'),
        ];
        await simulate({ engine, seed: 4, nodes: 4, durationMs: 10_000 });
        const called = spies.filter((spy) => spy.mock.calls.length > 0).map((spy) => spy.getMockName());
        expect(called).toEqual([]);
      },
    );
  });
}

function testTooManyTwins(engine: string): void {
  describe('the checkers can see', () => {
    it('that more than f twins break agreement', { timeout: TEST_TIMEOUT_MS }, async () => {
      const adversaries = ['twin', 'twin'] as const;
      const reports = await runUntil('AGREEMENT', { engine, nodes: 4, adversaries, durationMs: SHORT_MS });
      expect([...codesOf(reports)]).toContain('AGREEMENT');
      // What the twins said is proof against them, and against nobody else.
      expect(reports.at(-1)?.stats.contradictions).toBeGreaterThan(0);
      expect([...codesOf(reports)]).not.toContain('HONEST_PUNISHED');
    });

    it.each(['twin', 'equivocating'] as const)(
      'that f %s validators contradict themselves, and that nothing breaks',
      async (kind) => {
        const reports: SimReport[] = [];
        for (let seed = 1; seed <= 6; seed++) {
          reports.push(await simulate({ engine, seed, nodes: 4, adversaries: [kind], durationMs: SHORT_MS }));
        }
        expect([...codesOf(reports)]).toEqual([]);
        expect(reports.some(({ stats }) => stats.contradictions > 0)).toBe(true);
      },
      TEST_TIMEOUT_MS,
    );
  });
}

/** `params`: of calm weather, when few blocks are enough for finality. */
function testTooLongPartitions(engine: string, params: JsonObject): void {
  describe('the checkers can see', () => {
    it('that partitions longer than finality bears break agreement', { timeout: TEST_TIMEOUT_MS }, async () => {
      const options = { engine, params, nodes: 4, adversaries: [], isUnlimited: true, durationMs: SHORT_MS };
      expect([...codesOf(await runUntil('AGREEMENT', options))]).toContain('AGREEMENT');
    });
  });
}

/** A validator has two memories of what it said. Crashes with quick restarts show what each is for. */
function testMemories(engine: string): void {
  describe('saved votes and the guard', () => {
    async function crashing(ablation: Ablation, stop: (codes: Set<string>) => boolean): Promise<Set<string>> {
      const codes = new Set<string>();
      const options = { engine, nodes: 4, adversaries: [], durationMs: SHORT_MS, crashesOnly: true } as const;
      for (let seed = 1; seed <= ABLATION_SEEDS && !stop(codes); seed++) {
        for (const code of codesOf([await simulate({ ...options, safetyOnly: true, seed, ablation })])) codes.add(code);
      }
      return codes;
    }

    it('both lost: an honest validator contradicts itself', { timeout: TEST_TIMEOUT_MS }, async () => {
      const lost = { guard: true, guardLost: true, votesLost: true };
      expect([...(await crashing(lost, (codes) => codes.has('SELF_CONTRADICTION')))]).toContain('SELF_CONTRADICTION');
    });

    it('saved votes lost, guard kept: nothing happens', { timeout: TEST_TIMEOUT_MS }, async () => {
      expect([...(await crashing({ guard: true, guardLost: false, votesLost: true }, () => false))]).toEqual([]);
    });

    it('no guard at all, saved votes kept: nothing happens', { timeout: TEST_TIMEOUT_MS }, async () => {
      expect([...(await crashing({ guard: false, guardLost: false, votesLost: false }, () => false))]).toEqual([]);
    });
  });
}
