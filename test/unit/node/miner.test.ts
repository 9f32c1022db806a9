import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { constants } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { WorkSearcher } from '../../../src/crypto/work-search.ts';
import { loadScalar } from '../../../src/crypto/work-search/scalar.ts';
import { measureHashRate } from '../../../src/node/hash-rate.ts';
import { MinerMemory } from '../../../src/node/miner-memory.ts';
import { Miner } from '../../../src/node/miner.ts';
import type { WorkDone } from '../../../src/ports/work.ts';
import { PrometheusMetrics } from '../../../src/node/prometheus.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { silentLog, type Log } from '../../../src/util/log.ts';
import type { Metrics } from '../../../src/util/metrics.ts';

const scalar = new WorkSearcher(loadScalar());
const NONE = 0n;
const EVERY_64K = 2n ** 240n;
const miners: Miner[] = [];
const dataOf = (mark: number): Bytes => new Uint8Array(80).fill(mark);

afterEach(async () => {
  for (const miner of miners.splice(0)) await miner.stop();
});

type Result = Parameters<WorkDone>[0];
type Bench = {
  readonly miner: Miner;
  /** Counted up to the last tick. */
  readonly hashes: () => number;
  readonly metrics: PrometheusMetrics;
  readonly tick: () => void;
  readonly errors: string[];
};

function bench(options: { readonly noncesCount?: number; readonly random?: () => number } = {}): Bench {
  const metrics = new PrometheusMetrics();
  const errors: string[] = [];
  const log: Log = { ...silentLog, error: (message) => void errors.push(message) };
  let due: (() => void) | null = null;
  const timers = {
    after: (_delayMs: number, callback: () => void) => {
      due = callback;
      return { cancel: () => {} };
    },
  };
  let hashesTotal = 0;
  const counted: Metrics = {
    counter: (name, help) => {
      const counter = metrics.counter(name, help);
      return {
        add: (count = 1) => {
          hashesTotal += count;
          counter.add(count);
        },
      };
    },
    gauge: (name, help) => metrics.gauge(name, help),
    histogram: (name, help, buckets) => metrics.histogram(name, help, buckets),
  };
  const { noncesCount, random = () => 0 } = options;
  const miner = new Miner({ timers, random, log, metrics: counted }, noncesCount === undefined ? {} : { noncesCount });
  miners.push(miner);
  return { miner, metrics, errors, hashes: () => hashesTotal, tick: () => due?.() };
}

function mined(miner: Miner, job: number, data: Bytes, target: bigint): Promise<Result> {
  return new Promise((resolve) => miner.start(job, data, target, resolve));
}

function numberOf(result: Result): number | null {
  return typeof result === 'string' ? null : Buffer.from(result).readUInt32LE(0);
}

describe('the miner', () => {
  it('finds what is to be found, from the drawn nonce on, and never answers inside the start', async () => {
    const { miner } = bench({ random: () => 0.25 });
    let isInside = true;
    const found = new Promise<Result>((resolve) => {
      miner.start(1, dataOf(7), EVERY_64K, (nonce) => {
        expect(isInside).toBe(false);
        resolve(nonce);
      });
    });
    isInside = false;
    expect(numberOf(await found)).toBe(scalar.search(dataOf(7), EVERY_64K, 2 ** 30, 2 ** 22));
  });

  it('says so when every nonce fails', async () => {
    const { miner } = bench({ noncesCount: 1000 });
    expect(await mined(miner, 1, dataOf(1), NONE)).toBe('exhausted');
    expect(numberOf(await mined(miner, 2, dataOf(1), 2n ** 250n))).toBe(scalar.search(dataOf(1), 2n ** 250n, 0, 1000));
  });

  it('says nothing of a cancelled job, and goes on with the next at once', async () => {
    const { miner } = bench();
    const answers: string[] = [];
    miner.start(1, dataOf(1), NONE, () => answers.push('cancelled'));
    miner.cancel(1);
    miner.cancel(77);
    expect(numberOf(await mined(miner, 2, dataOf(2), EVERY_64K))).toBe(scalar.search(dataOf(2), EVERY_64K, 0, 2 ** 22));
    expect(answers).toEqual([]);
  });

  it('takes no answer to a cancelled job for one to the next', async () => {
    const { miner, tick, hashes } = bench();
    await mined(miner, 1, dataOf(1), EVERY_64K);
    tick();
    const before = hashes();
    let isTold = false;
    miner.start(2, dataOf(2), 2n ** 256n - 1n, () => (isTold = true));
    // Every hash is good enough, so with the first one counted the answer is on its way; but this thread did not look yet.
    while (hashes() === before) tick();
    miner.cancel(2);
    expect(numberOf(await mined(miner, 3, dataOf(3), EVERY_64K))).toBe(scalar.search(dataOf(3), EVERY_64K, 0, 2 ** 22));
    expect(isTold).toBe(false);
  });

  it('a second start of a job replaces the first', async () => {
    const { miner } = bench();
    let first = 0;
    miner.start(1, dataOf(1), NONE, () => first++);
    expect(numberOf(await mined(miner, 1, dataOf(2), EVERY_64K))).toBe(scalar.search(dataOf(2), EVERY_64K, 0, 2 ** 22));
    expect(first).toBe(0);
  });

  it('works on the job started last, and then on those that waited', async () => {
    const { miner } = bench({ noncesCount: 50_000 });
    const order: number[] = [];
    const both = [1, 2].map((job) => mined(miner, job, dataOf(job), NONE).then(() => order.push(job)));
    await Promise.all(both);
    expect(order).toEqual([2, 1]);
  });

  it('does not look at the bytes it was given after the start', async () => {
    const { miner } = bench();
    const data = dataOf(5);
    const found = mined(miner, 1, data, EVERY_64K);
    data.fill(9);
    expect(numberOf(await found)).toBe(scalar.search(dataOf(5), EVERY_64K, 0, 2 ** 22));
  });

  it('counts its hashes', async () => {
    const { miner, metrics, tick } = bench({ noncesCount: 12_345 });
    await mined(miner, 1, dataOf(1), NONE);
    tick();
    await mined(miner, 2, dataOf(2), NONE);
    tick();
    const { body } = await metrics.text();
    expect(body).toContain('parley_miner_hashes_total 24690');
    expect(Number(/^parley_miner_hash_rate (.*)$/m.exec(body)?.[1])).toBeGreaterThan(0);
  });

  it('is silent after the stop', async () => {
    const { miner } = bench();
    let answers = 0;
    miner.start(1, dataOf(1), NONE, () => answers++);
    await miner.stop();
    miner.start(2, dataOf(2), EVERY_64K, () => answers++);
    await miner.stop();
    expect(answers).toBe(0);
  });

  it('outlives its thread: the job hears of it, the next start has a new one', async () => {
    const { miner, errors } = bench();
    const forced = process.env['PARLEY_MINER'];
    process.env['PARLEY_MINER'] = 'no such backend';
    try {
      expect(await mined(miner, 1, dataOf(1), EVERY_64K)).toBe('lost');
    } finally {
      if (forced === undefined) delete process.env['PARLEY_MINER'];
      else process.env['PARLEY_MINER'] = forced;
    }
    expect(errors).toEqual(['the miner failed']);
    expect(numberOf(await mined(miner, 2, dataOf(2), EVERY_64K))).toBe(scalar.search(dataOf(2), EVERY_64K, 0, 2 ** 22));
  });

  it.runIf(process.platform === 'linux')('has a low priority, and its node keeps its own', async () => {
    const { miner } = bench();
    const niceOf = (path: string): number => Number(statOf(path)[16]);
    const before = niceOf('/proc/self/stat');
    await mined(miner, 1, dataOf(1), EVERY_64K);
    const threads = readdirSync('/proc/self/task').map((id) => `/proc/self/task/${id}/stat`);
    const names = threads.map((path) => /\((.*)\)/.exec(readFileSync(path, 'utf8'))?.[1]);
    const nice = threads.filter((_, i) => names[i] === 'miner').map(niceOf);
    expect(nice).toEqual([constants.priority.PRIORITY_BELOW_NORMAL]);
    expect(niceOf('/proc/self/stat')).toBe(before);
  });

  it('is none when PARLEY_MINER is wrong', () => {
    const source = `
      import { Miner } from ${JSON.stringify(new URL('../../../src/node/miner.ts', import.meta.url).href)};
      const nothing = { add() {}, set() {}, observe() {} };
      const metrics = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing };
      try {
        new Miner({ timers: { after: () => ({ cancel() {} }) }, random: () => 0, log: { error() {} }, metrics });
      } catch (error) {
        console.log(error.name, error.data.path);
      }`;
    const env = { ...process.env, PARLEY_MINER: 'steam' };
    const said = execFileSync(process.execPath, ['--input-type=module-typescript', '-e', source], {
      env,
      encoding: 'utf8',
    });
    expect(said.trim()).toBe('ConfigError PARLEY_MINER');
  });

  it('does not keep a process alive, whether it searches or sleeps', () => {
    const source = (target: string): string => `
      import { Miner } from ${JSON.stringify(new URL('../../../src/node/miner.ts', import.meta.url).href)};
      const nothing = { add() {}, set() {}, observe() {} };
      const metrics = { counter: () => nothing, gauge: () => nothing, histogram: () => nothing };
      const log = { error() {} };
      const timers = { after: () => ({ cancel() {} }) };
      const miner = new Miner({ timers, random: () => 0, log, metrics });
      const alive = setInterval(() => {}, 1000);
      miner.start(1, new Uint8Array(80), 2n ** 240n, () => {
        clearInterval(alive);
        ${target}
        process.stdout.write('found');
      });`;
    for (const target of ['miner.start(2, new Uint8Array(80), 0n, () => {});', '']) {
      const output = execFileSync(process.execPath, ['--input-type=module', '--eval', source(target)], {
        cwd: fileURLToPath(new URL('../../..', import.meta.url)),
        timeout: 20_000,
        encoding: 'utf8',
      });
      expect(output).toBe('found');
    }
  });
});

/** Fields of /proc/…/stat after the name. */
function statOf(path: string): string[] {
  const stat = readFileSync(path, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

describe("the miner's memory", () => {
  const order = { data: dataOf(3), target: 2n ** 255n + 12_345n, firstNonce: 0xfffffffe, count: 2 ** 32 };

  it('gives back what was written, with the epoch that it was told under', () => {
    const memory = new MinerMemory();
    const other = new MinerMemory(memory.buffer);
    expect(other.read()).toEqual({ epoch: 0, order: null });
    const epoch = memory.write(order);
    expect(other.read()).toEqual({ epoch, order });
    expect(memory.write(null)).not.toBe(epoch);
    expect(other.read()?.order).toBeNull();
  });

  it('is not read while it is being written', () => {
    const memory = new MinerMemory();
    memory.write(order);
    Atomics.add(new Int32Array(memory.buffer), 0, 1);
    expect(new MinerMemory(memory.buffer).read()).toBeNull();
  });

  it('counts modulo 2^32', () => {
    const memory = new MinerMemory();
    memory.addHashes(2 ** 32 - 1);
    expect(memory.hashes).toBe(2 ** 32 - 1);
    memory.addHashes(2);
    expect(memory.hashes).toBe(1);
  });
});

describe('measureHashRate', () => {
  it('is a rate', () => {
    expect(measureHashRate(8)).toBeGreaterThan(1000);
  });
});
