import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { JobId } from '../../consensus/api/event.ts';
import type { Chain } from '../chain/chain.ts';
import { buildBlock, type BuiltBlock } from '../execution/build-block.ts';
import type { Mempool } from '../mempool/mempool.ts';
import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import { BLOCK_SIZE_BYTES_MAX, SEAL_SIZE_BYTES_MAX } from '../types/block.ts';
import type { Address } from '../types/primitives.ts';
import { errorCode, errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { EngineEventBody } from './driver.ts';
import type { EvidencePool } from './evidence-pool.ts';

type BuildEffect = Extract<EngineEffect, { type: 'build' }>;
type Job = { timer: TimerHandle | null; built: BuiltBlock | null };

/** An engine has one or two open; the bound keeps a broken one from piling them up. */
export const JOBS_MAX = 16;
/**
 * A block is begun ahead of its time by twice what the last one took: a full one is ready in time, and a transaction that comes
 * late still gets into a small one.
 */
const AHEAD_MS_MAX = 250;
/** However late the build begins, it may fill for this long. */
const FILL_MS_MIN = 100;

export type BlockJobsModules = {
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly evidence: EvidencePool;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
  readonly post: (event: EngineEventBody) => void;
};

/** Blocks being made for the engine: begun shortly before a block's time, answered at it, kept until published or dropped. */
export class BlockJobs {
  readonly #modules: BlockJobsModules;
  readonly #beneficiary: Address;
  readonly #jobs = new Map<JobId, Job>();
  #lastBuildMs = 0;

  constructor(options: { readonly beneficiary: Address }, modules: BlockJobsModules) {
    this.#beneficiary = options.beneficiary;
    this.#modules = modules;
  }

  start(effect: BuildEffect): void {
    if (this.#jobs.size >= JOBS_MAX) {
      this.#modules.post({ type: 'failed', job: effect.job, code: 'JOBS_FULL' });
      return;
    }
    const job: Job = { timer: null, built: null };
    this.#jobs.set(effect.job, job);
    const beginAt = effect.timeMs - Math.min(AHEAD_MS_MAX, 2 * this.#lastBuildMs);
    const delayMs = Math.max(0, beginAt - this.#modules.clock.now());
    job.timer = this.#modules.timers.after(delayMs, () => void this.#build(effect, job));
  }

  drop(id: JobId): void {
    this.#jobs.get(id)?.timer?.cancel();
    this.#jobs.delete(id);
  }

  /** The finished block, which leaves the room. */
  take(id: JobId): BuiltBlock | null {
    const built = this.#jobs.get(id)?.built ?? null;
    this.#jobs.delete(id);
    return built;
  }

  stop(): void {
    for (const id of this.#jobs.keys()) this.drop(id);
  }

  async #build(effect: BuildEffect, job: Job): Promise<void> {
    const { chain, pool, evidence, clock, timers, post, log } = this.#modules;
    const open = (): boolean => this.#jobs.get(effect.job) === job;
    try {
      const parent = chain.parentState(effect.parent);
      if (parent === undefined) throw new Error('the parent is not in the tree');
      const begunAt = clock.now();
      const closeAt = Math.max(effect.deadline, begunAt + FILL_MS_MIN);
      const built = await buildBlock(
        chain.env,
        parent,
        {
          timeMs: effect.timeMs,
          beneficiary: this.#beneficiary,
          author: this.#beneficiary,
          extra: effect.extra,
          votes: effect.votes,
          evidence: evidence.waiting(),
          isLate: () => !open() || clock.now() >= closeAt,
          sizeBytesMax: BLOCK_SIZE_BYTES_MAX - SEAL_SIZE_BYTES_MAX,
        },
        pool.source(),
      );
      if (!open()) return;
      const now = clock.now();
      this.#lastBuildMs = now - begunAt;
      job.built = built;
      const tell = (): void => post({ type: 'built', job: effect.job, header: built.header });
      if (now >= effect.timeMs) tell();
      else job.timer = timers.after(effect.timeMs - now, tell);
    } catch (error) {
      if (!open()) return;
      this.#jobs.delete(effect.job);
      log.warn('building a block failed', { code: errorCode(error), reason: errorText(error), parent: effect.parent });
      post({ type: 'failed', job: effect.job, code: errorCode(error) });
    }
  }
}
