import type { UnsealedHeader } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { JobId } from '../api/event.ts';
import { Alarm } from '../common/alarm.ts';
import { Patience } from '../common/patience.ts';
import type { PbftParams } from './params.ts';

/** Longest head start given to building. */
const LEAD_MS_MAX = 500;
/** Time to fill a block that is asked for at the last moment. */
const FILL_MS_MIN = 50;

/** The block that this validator should make now. */
export type Wish = {
  readonly parent: Hash;
  readonly height: number;
  readonly view: number;
  /** Its least time. */
  readonly notBefore: Millis;
  /** From when it is wanted; null: only if it has transactions after all. */
  readonly wantedFrom: Millis | null;
  /** From when it is wanted even without transactions; null: never. */
  readonly emptyFrom: Millis | null;
  /** false: its parent is prepared and not decided yet. */
  readonly mayPublish: boolean;
};

type Task = {
  readonly parent: Hash;
  readonly job: JobId;
  /** false: asked for on the chance that it will be. */
  readonly isWanted: boolean;
  /** What came back, until it is published. */
  header: UnsealedHeader | null;
  giveUpAt: Millis;
};

/**
 * Makes this validator's blocks, one at a time: asks for one a little ahead of time, keeps what comes back until it may be
 * published, and starts over when another is wished for or an answer fails. What was published is no longer its concern.
 */
export class Proposer {
  readonly alarm = new Alarm('build');
  readonly #patience: Patience;
  readonly #params: PbftParams;
  readonly #extra: Bytes;
  #task: Task | null = null;
  #lastJob = 0;

  constructor(params: PbftParams, extra: Bytes) {
    this.#params = params;
    this.#patience = new Patience(params.blockTimeMs);
    this.#extra = extra;
  }

  /** Called at the end of every step; brings what is under way into line with the wish. null: make nothing. */
  plan(wish: Wish | null, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    const task = this.#task;
    if (task !== null) {
      const isStale = wish === null || wish.parent !== task.parent;
      const isLate = now >= task.giveUpAt;
      const isReady = !isStale && task.header !== null;
      if (isReady && !wish.mayPublish) return this.alarm.moveTo(null);
      if (isReady && isWorth(task, wish)) return this.#publish(task, wish);
      if (!isStale && !isLate && !isReady) return this.alarm.moveTo(task.giveUpAt);
      effects.push({ type: 'drop', job: task.job });
      this.#task = null;
      if (isLate && !isStale && !isReady) this.#fail(now);
    }
    return [...effects, ...(wish === null ? this.alarm.moveTo(null) : this.#begin(wish, now))];
  }

  built(job: JobId, header: UnsealedHeader, now: Millis): void {
    const task = this.#task;
    if (task === null || task.job !== job || task.header !== null) return;
    // The plan that ends this step drops what does not fit.
    if (header.parentHash === task.parent) task.header = header;
    else task.giveUpAt = now;
  }

  failed(job: JobId, now: Millis): void {
    if (this.#task?.job !== job) return;
    this.#task = null;
    this.#fail(now);
  }

  /** An own block came in. */
  imported(): void {
    this.#patience.succeed();
  }

  #begin(wish: Wish, now: Millis): EngineEffect[] {
    const isAhead = !wish.mayPublish;
    const from = isAhead ? now : wish.wantedFrom;
    if (from === null) return this.alarm.moveTo(null);
    const at = Math.max(from, wish.notBefore, this.#patience.restUntil);
    const leadMs = Math.min(Math.floor(this.#params.blockTimeMs / 2), LEAD_MS_MAX);
    const askAt = isAhead ? this.#patience.restUntil : at - leadMs;
    if (now < askAt) return this.alarm.moveTo(askAt);

    const job = ++this.#lastJob;
    const timeMs = Math.max(at, now);
    const deadline = Math.max(timeMs, now + Math.max(Math.floor(leadMs / 2), FILL_MS_MIN));
    const giveUpAt = deadline + this.#patience.ms;
    this.#task = { parent: wish.parent, job, isWanted: !isAhead, header: null, giveUpAt };
    const build = { job, parent: wish.parent, timeMs, extra: this.#extra, votes: [], deadline };
    return [{ type: 'build', ...build }, ...this.alarm.moveTo(giveUpAt)];
  }

  #publish({ job, header }: Task, wish: Wish): EngineEffect[] {
    if (header === null) return [];
    this.#task = null;
    const guard = { kind: 'once', domain: 'pbft-seal', height: wish.height, round: wish.view, step: 0 } as const;
    return [{ type: 'publish', job, header, seal: { by: 'signature', guard } }, ...this.alarm.moveTo(null)];
  }

  #fail(now: Millis): void {
    this.#patience.fail(now);
  }
}

/** A block that was asked for ahead is good if it shows that transactions waited, or if an empty one is wanted anyway. */
function isWorth(task: Task, wish: Wish): boolean {
  const { header, isWanted } = task;
  if (header === null) return false;
  return isWanted || header.gasUsed > 0 || (wish.emptyFrom !== null && header.timeMs >= wish.emptyFrom);
}
