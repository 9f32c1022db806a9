import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { backendName } from '../crypto/work-search.ts';
import type { TimerHandle, Timers } from '../ports/clock.ts';
import type { WorkDone, WorkSearch } from '../ports/work.ts';
import type { Bytes } from '../types/primitives.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { Counter, Gauge, Metrics } from '../util/metrics.ts';
import { entryUrl } from './entry.ts';
import { MinerMemory, type MinerFound, type MinerOrder } from './miner-memory.ts';

const NONCES = 2 ** 32;
const SAMPLE_MS = 1000;
/** The rate shown is that of so many last samples. */
const SAMPLES = 5;

export type MinerModules = {
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
};

type Job = { readonly order: MinerOrder; readonly done: WorkDone };

/**
 * Searches for proofs of work on one thread of low priority, which is started when first needed and keeps no process
 * alive. One job is worked on at a time, the one started last; others wait for it to end.
 */
export class Miner implements WorkSearch {
  readonly #noncesCount: number;
  readonly #modules: MinerModules;
  readonly #hashesTotal: Counter;
  readonly #hashRate: Gauge;
  /** In the order of their starts. */
  readonly #jobs = new Map<number, Job>();
  #thread: { readonly worker: Worker; readonly memory: MinerMemory } | null = null;
  #running: { readonly id: number; readonly job: Job; readonly epoch: number } | null = null;
  #isStopped = false;
  #sampler: TimerHandle | null = null;
  #samples: readonly { readonly atMs: number; readonly hashes: number }[] = [];
  #hashesSeen = 0;

  /**
   * `noncesCount`: how many nonces there are to try; less than all of them only in tests. Throws ConfigError when
   * PARLEY_MINER names no backend, or one that this machine does not have: each thread would die of it.
   */
  constructor(modules: MinerModules, options: { readonly noncesCount?: number } = {}) {
    backendName();
    this.#modules = modules;
    this.#noncesCount = options.noncesCount ?? NONCES;
    this.#hashesTotal = modules.metrics.counter('parley_miner_hashes_total', 'Hashes tried by the miner');
    this.#hashRate = modules.metrics.gauge('parley_miner_hash_rate', 'Hashes a second over the last seconds');
  }

  start(job: number, data: Bytes, target: bigint, done: WorkDone): void {
    if (this.#isStopped) return;
    // Somewhere else each time, so that nodes with the same block and key do not try the same.
    const firstNonce = Math.floor(this.#modules.random() * NONCES);
    const order = { data: new Uint8Array(data), target, firstNonce, count: this.#noncesCount };
    this.#jobs.delete(job);
    this.#jobs.set(job, { order, done });
    this.#thread ??= this.#spawn();
    this.#workOnLatest();
    this.#sampler ??= this.#modules.timers.after(SAMPLE_MS, () => this.#sample());
  }

  cancel(job: number): void {
    if (this.#jobs.delete(job)) this.#workOnLatest();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#sampler?.cancel();
    this.#jobs.clear();
    this.#running = null;
    const thread = this.#thread;
    this.#thread = null;
    await thread?.worker.terminate();
  }

  /** Hashes a second over the last samples. */
  get hashRate(): number {
    const [first, newest] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || newest === undefined || newest.atMs <= first.atMs) return 0;
    return ((newest.hashes - first.hashes) * 1000) / (newest.atMs - first.atMs);
  }

  /** What is known at once takes effect at once: the worker looks at the memory between two batches. */
  #workOnLatest(): void {
    const latest = [...this.#jobs].at(-1);
    if (latest?.[1] === this.#running?.job || this.#thread === null) return;
    const epoch = this.#thread.memory.write(latest?.[1].order ?? null);
    this.#running = latest === undefined ? null : { id: latest[0], job: latest[1], epoch };
  }

  #spawn(): { readonly worker: Worker; readonly memory: MinerMemory } | null {
    const { log } = this.#modules;
    const memory = new MinerMemory();
    this.#hashesSeen = 0;
    this.#running = null;
    const worker = new Worker(entryUrl('miner-worker'), { workerData: memory.buffer, name: 'miner' });
    worker.on('message', (found: MinerFound) => this.#found(found));
    worker.on('error', (error) => log.error('the miner failed', { reason: errorText(error) }));
    worker.on('exit', () => {
      if (this.#thread?.worker === worker) this.#lost();
    });
    // After the listeners: one for messages would take it back.
    worker.unref();
    return { worker, memory };
  }

  #found({ epoch, nonce }: MinerFound): void {
    const running = this.#running;
    // Found for a job that is cancelled by now.
    if (running === null || running.epoch !== epoch) return;
    this.#jobs.delete(running.id);
    this.#workOnLatest();
    running.job.done(nonce === null ? 'exhausted' : nonceBytes(nonce));
  }

  /** The next start has a new thread. Who waits hears that it is gone, and asks again after a while. */
  #lost(): void {
    this.#thread = null;
    this.#running = null;
    const jobs = [...this.#jobs.values()];
    this.#jobs.clear();
    for (const { done } of jobs) done('lost');
  }

  #sample(): void {
    const hashes = this.#thread?.memory.hashes ?? this.#hashesSeen;
    // Counted modulo 2^32, which no thread reaches between two samples.
    const added = (hashes - this.#hashesSeen) >>> 0;
    this.#hashesSeen = hashes;
    this.#hashesTotal.add(added);
    const last = this.#samples.at(-1);
    this.#samples = [...this.#samples, { atMs: performance.now(), hashes: (last?.hashes ?? 0) + added }].slice(
      -SAMPLES,
    );
    if (this.#samples.length > 1) this.#hashRate.set(this.hashRate);
    this.#sampler = this.#modules.timers.after(SAMPLE_MS, () => this.#sample());
  }
}

/** Little-endian. */
function nonceBytes(nonce: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, nonce, true);
  return bytes;
}
