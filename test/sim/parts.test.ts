import { describe, expect, it } from 'vitest';
import { sha256 } from '../../src/crypto/sha256.ts';
import { toHex } from '../../src/util/hex.ts';
import { Rng } from '../../src/util/rng.ts';
import { ProcessTime, SimClock } from './clock.ts';
import { ddmin, minimise } from './minimise.ts';
import { SimMiner } from './miner.ts';
import { drawPlan } from './plan.ts';
import { drawScenario, partsOf } from './scenario.ts';
import { simulate } from './simulate.ts';

const SHORT = { engine: 'poa', nodes: 4, durationMs: 30_000 } as const;
/** One of 256. */
const EASY = 2n ** 248n - 1n;

function miner(seed = 1): { clock: SimClock; time: ProcessTime; work: SimMiner } {
  const clock = new SimClock();
  const time = new ProcessTime(clock, 0);
  return { clock, time, work: new SimMiner({ hashesPerSecond: 64 }, { timers: time, rng: new Rng(seed) }) };
}

describe('SimMiner', () => {
  it('finds what is a proof of work, after as long as it takes at its speed', async () => {
    const data = Uint8Array.from({ length: 80 }, (_, i) => i);
    const foundAt: number[] = [];
    for (let seed = 1; seed <= 40; seed++) {
      const { clock, work } = miner(seed);
      const found = await new Promise<Uint8Array | string>((resolve) => {
        work.start(1, data, EASY, (nonce) => {
          foundAt.push(clock.elapsedMs);
          resolve(nonce);
        });
        clock.runFor(600_000).catch(() => {});
      });
      const whole = Buffer.concat([data.subarray(0, 76), typeof found === 'string' ? new Uint8Array(0) : found]);
      expect(whole).toHaveLength(80);
      expect(BigInt(toHex(new Uint8Array(sha256(sha256(whole))).reverse()))).toBeLessThanOrEqual(EASY);
    }
    const meanMs = foundAt.reduce((sum, ms) => sum + ms, 0) / foundAt.length;
    // 256 tries at 64 a second.
    expect(meanMs).toBeGreaterThan(2_000);
    expect(meanMs).toBeLessThan(8_000);
  });

  it('tells nothing of what was cancelled, replaced or stopped, or to the dead', async () => {
    const { clock, time, work } = miner();
    const told: string[] = [];
    const data = new Uint8Array(80);
    work.start(1, data, EASY, () => told.push('replaced'));
    work.start(1, data, EASY, () => told.push('first'));
    work.start(2, data, EASY, () => told.push('cancelled'));
    work.cancel(2);
    work.cancel(3);
    await clock.runFor(600_000);
    expect(told).toEqual(['first']);
    work.start(4, data, EASY, () => told.push('stopped'));
    await work.stop();
    work.start(5, data, EASY, () => told.push('dead'));
    time.die();
    await clock.runFor(600_000);
    expect(told).toEqual(['first']);
  });
});

describe('a smaller scenario', () => {
  it('with all its parts is the same run', async () => {
    const options = { ...SHORT, seed: 5, adversaries: ['twin'] } as const;
    const keep = partsOf(await drawScenario(options)).map(({ index }) => index);
    expect((await simulate({ ...options, keep })).digest).toBe((await simulate(options)).digest);
  });

  it('without its adversary has an honest node in its place, and other parts stay as they were', async () => {
    for (const kind of ['twin', 'silent', 'outdated', 'equivocating', 'withholding', 'flooding'] as const) {
      const options = { ...SHORT, seed: 7, adversaries: [kind] } as const;
      const whole = await drawScenario(options);
      const keep = partsOf(whole).flatMap(({ index, text }) => (text.endsWith(` is ${kind}`) ? [] : [index]));
      expect((await drawScenario({ ...options, keep })).plan).toEqual(whole.plan);
      const { violations, stats } = await simulate({ ...options, keep });
      expect(violations).toEqual([]);
      expect(stats.contradictions).toBe(0);
    }
  });

  it('is found by leaving out what is not needed', async () => {
    let runs = 0;
    const fails = async (items: readonly number[]): Promise<boolean> => {
      runs++;
      return items.includes(3) && items.includes(17);
    };
    const all = [...Array(30).keys()];
    expect(await ddmin(all, fails, () => true)).toEqual([3, 17]);
    expect(runs).toBeLessThan(60);
    expect(
      await ddmin(
        all,
        async () => true,
        () => true,
      ),
    ).toEqual([]);
    expect(
      await ddmin(
        [4],
        async (items) => items.includes(4),
        () => true,
      ),
    ).toEqual([4]);
  });

  it('of a run that fails still fails', { timeout: 120_000 }, async () => {
    const options = { engine: 'poa', nodes: 4, adversaries: ['twin', 'twin'], durationMs: 60_000 } as const;
    for (let seed = 1; seed <= 20; seed++) {
      const report = await simulate({ ...options, seed, safetyOnly: true });
      if (report.violations.length === 0) continue;
      const { parts, partsBefore } = await minimise({ ...options, seed, safetyOnly: true }, report);
      expect(parts.length).toBeLessThan(partsBefore / 2);
      const keep = parts.map(({ index }) => index);
      const again = await simulate({ ...options, seed, safetyOnly: true, keep });
      expect(again.violations.map(({ code }) => code)).toContain(report.violations[0]?.code);
      return;
    }
    throw new Error('no seed failed');
  });
});

describe('a plan with limits', () => {
  it('isolates nobody for longer, and not twice in a row', () => {
    const roles = [0, 1, 2].map((validator) => ({ name: `n${validator}`, validator, kind: 'honest' as const }));
    for (let seed = 1; seed <= 50; seed++) {
      const limits = { isolationMsMax: 7_000, delayMsMax: 100 };
      const { faults } = drawPlan(new Rng(seed), { roles, durationMs: 300_000, limits });
      let calmAtMs = 0;
      for (const { atMs, fault } of faults) {
        if (fault.kind === 'pause') expect(fault.forMs).toBeLessThanOrEqual(7_000);
        if (fault.kind === 'links') expect(fault.delayMs[1]).toBeLessThanOrEqual(100);
        if (fault.kind !== 'partition' && fault.kind !== 'cut') continue;
        expect(fault.forMs ?? Infinity).toBeLessThanOrEqual(7_000);
        expect(atMs).toBeGreaterThan(calmAtMs);
        calmAtMs = atMs + (fault.forMs ?? 0);
      }
    }
  });
});

describe('adversaries that are voices', () => {
  it.each(['equivocating', 'withholding', 'flooding'] as const)('%s: nothing breaks', async (kind) => {
    for (const seed of [1, 2, 3]) {
      const { violations } = await simulate({ ...SHORT, seed, adversaries: [kind] });
      expect(violations).toEqual([]);
    }
  });
});

describe('ProcessTime', () => {
  it('lets in later what enters a slow process, in order, until it is quick again', async () => {
    const clock = new SimClock();
    const time = new ProcessTime(clock, 0);
    const seen: string[] = [];
    const see = (what: string) => (): void => void seen.push(`${what}${clock.elapsedMs}`);
    time.setLate(50);
    time.after(1, see('a'));
    time.after(2, see('b'));
    time.enter(see('c'));
    await clock.runFor(100);
    time.setLate(0);
    time.enter(see('d'));
    expect(seen).toEqual(['c50', 'a51', 'b52', 'd100']);
  });
});
