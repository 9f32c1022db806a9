import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Ablation } from './node.ts';
import { simulate, type SimReport } from './simulate.ts';

const TEST_TIMEOUT_MS = 120_000;

function codesOf(reports: readonly SimReport[]): Set<string> {
  return new Set(reports.flatMap(({ violations }) => violations.map(({ code }) => code)));
}

describe('determinism', () => {
  afterEach(() => void vi.restoreAllMocks());

  it('the same seed gives the same trace, another seed another one', { timeout: TEST_TIMEOUT_MS }, async () => {
    const digests = new Set<string>();
    // Among them twins, rollbacks, one node alone and seven.
    for (const seed of [3, 5, 8, 13, 21]) {
      const run = (): Promise<SimReport> => simulate({ engine: 'poa', seed, durationMs: 40_000 });
      const first = await run();
      const second = await run();
      expect(second.digest).toBe(first.digest);
      expect(second.stats).toEqual(first.stats);
      digests.add(first.digest);
    }
    expect(digests.size).toBe(5);
  });

  it('no node looks at the real clock, waits in real time or draws real chance', async () => {
    const spies = [
      vi.spyOn(Date, 'now'),
      vi.spyOn(performance, 'now'),
      vi.spyOn(globalThis, 'setTimeout'),
      vi.spyOn(globalThis, 'setInterval'),
      vi.spyOn(Math, 'random'),
    ];
    await simulate({ engine: 'poa', seed: 4, nodes: 4, durationMs: 10_000 });
    const called = spies.filter((spy) => spy.mock.calls.length > 0).map((spy) => spy.getMockName());
    expect(called).toEqual([]);
  });
});

describe('the checkers can see', () => {
  it('that more than f twins break agreement', { timeout: TEST_TIMEOUT_MS }, async () => {
    const reports: SimReport[] = [];
    for (let seed = 1; seed <= 20 && !codesOf(reports).has('AGREEMENT'); seed++) {
      reports.push(await simulate({ engine: 'poa', seed, nodes: 4, twins: 2, durationMs: 60_000, safetyOnly: true }));
    }
    expect([...codesOf(reports)]).toContain('AGREEMENT');
    // What the twins said is proof against them, and against nobody else.
    expect(reports.at(-1)?.stats.contradictions).toBeGreaterThan(0);
    expect([...codesOf(reports)]).not.toContain('HONEST_PUNISHED');
  });

  it('that f twins contradict themselves, and that nothing breaks', { timeout: TEST_TIMEOUT_MS }, async () => {
    const reports: SimReport[] = [];
    for (let seed = 1; seed <= 6; seed++) {
      reports.push(await simulate({ engine: 'poa', seed, nodes: 4, twins: 1, durationMs: 60_000 }));
    }
    expect([...codesOf(reports)]).toEqual([]);
    expect(reports.some(({ stats }) => stats.contradictions > 0)).toBe(true);
  });
});

/** A validator has two memories of what it said. Crashes with quick restarts show what each is for. */
describe('saved votes and the guard', () => {
  const SEEDS = 16;

  async function crashing(ablation: Ablation, stop: (codes: Set<string>) => boolean): Promise<Set<string>> {
    const codes = new Set<string>();
    const options = {
      engine: 'poa',
      nodes: 4,
      twins: 0,
      durationMs: 60_000,
      crashesOnly: true,
      safetyOnly: true,
    } as const;
    for (let seed = 1; seed <= SEEDS && !stop(codes); seed++) {
      for (const code of codesOf([await simulate({ ...options, seed, ablation })])) codes.add(code);
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
