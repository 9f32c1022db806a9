import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { UnsealedHeader } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { JobId } from '../api/event.ts';
import type { PoaTreeBlock } from './branch.ts';
import { blockDistanceMs, slotOf, slotStartMs, type PoaParams } from './params.ts';
import { Alarm } from '../common/alarm.ts';
import { Patience } from '../common/patience.ts';
import { turnOrder } from './turns.ts';

const SAVED_KEY = 'seal';
/** Longest head start given to building. */
const LEAD_MS_MAX = 500;
/** Time to fill a block that is asked for at the last moment. */
const FILL_MS_MIN = 50;
/** Each time so many more checkpoints wait for finality, backups wait twice as long: forks may be what it lacks. */
const CHECKPOINTS_PER_DOUBLING = 8;
const DOUBLINGS_MAX = 3;

/** What the engine knows when it asks for a plan. */
export type SealView = {
  readonly head: PoaTreeBlock;
  readonly headSeenAt: Millis;
  readonly unfinalizedBlocks: number;
  /** Since (or from) when a block is wanted; null: none is. */
  readonly wantedSince: Millis | null;
  /** What to put in; asked for only when a block is begun. */
  readonly content: () => { readonly extra: Bytes; readonly votes: readonly SignedMessage[] };
};

/**
 * Makes this authority's blocks, one at a time: waits for its turn, asks for a block a little ahead of time, publishes
 * what comes back, and starts over when the head changes, an answer fails, or the block never comes back. It seals once
 * in a slot, and saves the slot before it seals.
 */
export class PoaSealer {
  readonly #self: Address;
  readonly #params: PoaParams;
  #task: { readonly parent: Hash; readonly job: JobId; stage: 'asked' | 'published'; giveUpAt: Millis } | null = null;
  #lastSlot = -1;
  #lastJob = 0;
  readonly alarm = new Alarm('seal');
  readonly #patience: Patience;

  /** Throws ParleyError SAVED_VOTES_DAMAGED. */
  constructor(self: Address, params: PoaParams, saved: ReadonlyMap<string, Bytes>) {
    this.#self = self;
    this.#params = params;
    this.#patience = new Patience(params.blockTimeMs);
    const bytes = saved.get(SAVED_KEY);
    if (bytes === undefined) return;
    try {
      const reader = new RlpReader(bytes);
      const outer = reader.openList();
      this.#lastSlot = slotOf(params, reader.uint());
      reader.uint();
      reader.closeList(outer);
    } catch (error) {
      throw new ParleyError('SAVED_VOTES_DAMAGED', 'the saved seal is unreadable; restore it', {}, { cause: error });
    }
  }

  get lastSlot(): number {
    return this.#lastSlot;
  }

  get isSealing(): boolean {
    return this.#task !== null;
  }

  /** Called at the end of every step; brings what is under way into line with the view. `view` null: do nothing. */
  plan(view: SealView | null, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    const opening = view === null ? null : this.#opening(view);
    if (this.#task !== null) {
      const isStale = view === null || this.#task.parent !== view.head.hash;
      const isLate = now >= this.#task.giveUpAt;
      if (!isStale && !isLate) return this.alarm.moveTo(this.#task.giveUpAt);
      if (this.#task.stage === 'asked') effects.push({ type: 'drop', job: this.#task.job });
      this.#task = null;
      if (isLate && !isStale) this.#fail(now);
    }
    if (view === null || opening === null) return [...effects, ...this.alarm.moveTo(null)];
    const at = Math.max(opening.at, this.#patience.restUntil);
    const askAt = at - opening.leadMs;
    if (now < askAt) return [...effects, ...this.alarm.moveTo(askAt)];
    return [...effects, ...this.#ask(view, Math.max(at, now), opening.leadMs, now)];
  }

  built(job: JobId, header: UnsealedHeader, now: Millis): EngineEffect[] {
    const task = this.#task;
    const slot = slotOf(this.#params, header.timeMs);
    if (task === null || task.job !== job || task.stage !== 'asked') return [];
    if (header.parentHash !== task.parent || slot <= this.#lastSlot) {
      // The plan that ends this step drops it and begins again.
      task.giveUpAt = now;
      return [];
    }
    task.stage = 'published';
    task.giveUpAt = now + this.#patience.ms;
    this.#lastSlot = slot;
    // Remembered as a time, so that it keeps its meaning should the block time ever change.
    const startMs = slotStartMs(this.#params, slot);
    return [
      { type: 'persist', key: SAVED_KEY, value: encodeRlp([encodeUint(startMs), encodeUint(header.number)]) },
      {
        type: 'publish',
        job,
        header,
        seal: { by: 'signature', guard: { kind: 'once', domain: 'seal', height: startMs, round: 0, step: 0 } },
      },
    ];
  }

  failed(job: JobId, now: Millis): void {
    if (this.#task?.job !== job) return;
    this.#task = null;
    this.#fail(now);
  }

  /** A block sealed with our key came in: ours, or a copy's, whose slot we then leave alone as well. */
  imported(timeMs: Millis): void {
    this.#lastSlot = Math.max(this.#lastSlot, slotOf(this.#params, timeMs));
    this.#patience.succeed();
  }

  /** When our block on this head is due; null when we may not make one, or none is wanted. */
  #opening(view: SealView): { readonly at: Millis; readonly leadMs: Millis } | null {
    if (view.wantedSince === null) return null;
    const { authorities, recents, header } = view.head.data;
    const rank = turnOrder(authorities, recents, header.number + 1).indexOf(this.#self);
    if (rank < 0) return null;
    const { blockTimeMs, checkpointBlocks } = this.#params;
    const doublings = Math.floor(view.unfinalizedBlocks / checkpointBlocks / CHECKPOINTS_PER_DOUBLING);
    const backupDelayMs = this.#params.backupDelayMs * 2 ** Math.min(doublings, DOUBLINGS_MAX);
    const dueAt = header.timeMs + blockDistanceMs(this.#params);
    // A head that we got late, or a transaction that came late, gives those before us their full time nevertheless.
    const at = Math.max(dueAt, view.headSeenAt, view.wantedSince) + rank * backupDelayMs;
    const wholeLeadMs = Math.min(Math.floor(blockTimeMs / 2), LEAD_MS_MAX);
    const leadMs = rank === 0 ? wholeLeadMs : Math.min(wholeLeadMs, Math.floor(backupDelayMs / 4));
    return { at: Math.max(at, slotStartMs(this.#params, this.#lastSlot + 1)), leadMs };
  }

  #ask(view: SealView, timeMs: Millis, leadMs: Millis, now: Millis): EngineEffect[] {
    const job = ++this.#lastJob;
    const deadline = Math.max(timeMs, now + Math.max(Math.floor(leadMs / 2), FILL_MS_MIN));
    const giveUpAt = deadline + this.#patience.ms;
    this.#task = { parent: view.head.hash, job, stage: 'asked', giveUpAt };
    const build = { job, parent: view.head.hash, timeMs, deadline, ...view.content() };
    return [{ type: 'build', ...build }, ...this.alarm.moveTo(giveUpAt)];
  }

  #fail(now: Millis): void {
    this.#patience.fail(now);
  }
}
