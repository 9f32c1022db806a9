import type { UnsealedHeader } from '../../src/types/block.ts';
import type { Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { JobId } from '../api/event.ts';
import { Alarm } from './alarm.ts';
import type { PbftParams } from './params.ts';

/** Longest head start given to building. */
const LEAD_MS_MAX = 500;
/** Time to fill a block that is asked for at the last moment. */
const FILL_MS_MIN = 50;
/** A job or a published block of which nothing is heard for this long is given up. */
const PATIENCE_MS_MIN = 2000;
const PATIENCE_MS_MAX = 60_000;

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
  isPublished: boolean;
  giveUpAt: Millis;
};

/**
 * Makes this validator's blocks, one at a time: asks for one a little ahead of time, keeps what comes back until it may be
 * published, and starts over when another is wished for, an answer fails, or the block never comes back.
 */
export class Proposer {
  readonly alarm = new Alarm('build');
  readonly #params: PbftParams;
  readonly #extra: Bytes;
  #task: Task | null = null;
  #lastJob = 0;
  #failures = 0;
  #restUntil: Millis = 0;

  constructor(params: PbftParams, extra: Bytes) {
    this.#params = params;
    this.#extra = extra;
  }

  /** Called at the end of every step; brings what is under way into line with the wish. null: make nothing. */
  plan(wish: Wish | null, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    const task = this.#task;
    if (task !== null) {
      const isStale = wish === null || wish.parent !== task.parent;
      const isLate = now >= task.giveUpAt;
      const isReady = !isStale && task.header !== null && !task.isPublished;
      if (isReady && !wish.mayPublish) return this.alarm.moveTo(null);
      if (isReady && isWorth(task, wish)) return this.#publish(task, wish, now);
      if (!isStale && !isLate && !isReady) return this.alarm.moveTo(task.giveUpAt);
      if (!task.isPublished) effects.push({ type: 'drop', job: task.job });
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

  /** An own block on this parent came in. */
  imported(parent: Hash): void {
    this.#failures = 0;
    if (this.#task?.parent === parent && this.#task.isPublished) this.#task = null;
  }

  #begin(wish: Wish, now: Millis): EngineEffect[] {
    const isAhead = !wish.mayPublish;
    const from = isAhead ? now : wish.wantedFrom;
    if (from === null) return this.alarm.moveTo(null);
    const at = Math.max(from, wish.notBefore, this.#restUntil);
    const leadMs = Math.min(Math.floor(this.#params.blockTimeMs / 2), LEAD_MS_MAX);
    const askAt = isAhead ? this.#restUntil : at - leadMs;
    if (now < askAt) return this.alarm.moveTo(askAt);

    const job = ++this.#lastJob;
    const timeMs = Math.max(at, now);
    const deadline = Math.max(timeMs, now + Math.max(Math.floor(leadMs / 2), FILL_MS_MIN));
    const giveUpAt = deadline + this.#patienceMs();
    this.#task = { parent: wish.parent, job, isWanted: !isAhead, header: null, isPublished: false, giveUpAt };
    const build = { job, parent: wish.parent, timeMs, extra: this.#extra, votes: [], deadline };
    return [{ type: 'build', ...build }, ...this.alarm.moveTo(giveUpAt)];
  }

  #publish(task: Task, wish: Wish, now: Millis): EngineEffect[] {
    const { job, header } = task;
    if (header === null) return [];
    task.isPublished = true;
    task.giveUpAt = now + this.#patienceMs();
    const guard = { kind: 'once', domain: 'pbft-seal', height: wish.height, round: wish.view, step: 0 } as const;
    return [{ type: 'publish', job, header, seal: { by: 'signature', guard } }, ...this.alarm.moveTo(task.giveUpAt)];
  }

  #fail(now: Millis): void {
    this.#failures++;
    this.#restUntil = now + Math.floor(this.#patienceMs() / 4);
  }

  #patienceMs(): Millis {
    const base = Math.max(PATIENCE_MS_MIN, 2 * this.#params.blockTimeMs);
    return Math.min(base * 2 ** Math.min(this.#failures, 10), PATIENCE_MS_MAX);
  }
}

/** A block that was asked for ahead is good if it shows that transactions waited, or if an empty one is wanted anyway. */
function isWorth(task: Task, wish: Wish): boolean {
  const { header, isWanted } = task;
  if (header === null) return false;
  return isWanted || header.gasUsed > 0 || (wish.emptyFrom !== null && header.timeMs >= wish.emptyFrom);
}
