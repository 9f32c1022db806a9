import { encodeRlp, encodeUint } from '../../../src/codec/rlp.ts';
import { RlpReader } from '../../../src/codec/rlp-reader.ts';
import type { UnsealedHeader } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../../src/types/primitives.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import type { EngineEffect } from '../../api/effect.ts';
import type { JobId } from '../../api/event.ts';
import { Alarm } from '../alarm.ts';
import { Patience } from '../patience.ts';
import type { SlotTreeBlock } from './branch.ts';
import type { Hasher } from './draw.ts';
import { decodeExtra } from './extra.ts';
import type { SlotFamily } from './family.ts';
import { slotOf, slotStartMs } from './slot-times.ts';

const SAVED_KEY = 'slot';
/** Longest head start given to building. */
const LEAD_MS_MAX = 500;
/** Time to fill a block that is asked for at the last moment. */
const FILL_MS_MIN = 50;
/** Slots looked through for the next one of ours; then it is looked again. */
const SLOTS_AHEAD_MAX = 128;
/** Each time so many more blocks wait for finality, every other slot is left out once more: they weigh on every node's memory. */
const BLOCKS_PER_HALVING = 64;
const HALVINGS_MAX = 6;

/** What the engine knows when it asks for a plan. */
export type SealView = {
  readonly head: SlotTreeBlock;
  readonly unfinalizedBlocks: number;
  /** What to put in; asked for only when a block is begun. */
  readonly content: (slot: number) => { readonly extra: Bytes; readonly votes: readonly SignedMessage[] };
};

type Task = {
  readonly parent: Hash;
  readonly slot: number;
  readonly job: JobId;
  stage: 'asked' | 'published';
  giveUpAt: Millis;
};

/**
 * Makes this validator's blocks, one at a time: waits for its slot, asks for a block a little ahead of time, publishes what comes back, and starts
 * over when the head changes, an answer fails, or the block never comes back. It seals once in a slot, and saves the slot before it seals.
 */
export class SlotSealer {
  readonly #self: Address;
  readonly #family: SlotFamily;
  readonly #hasher: Hasher;
  #task: Task | null = null;
  #lastSlot = 0;
  #lastJob = 0;
  readonly alarm = new Alarm('slot');
  readonly #patience: Patience;
  /** What was found the last time: on this head, from this slot on, the first slot of ours (or where the search ended). */
  #found: { readonly head: Hash; readonly from: number; readonly number: number; readonly isOurs: boolean } | null =
    null;

  /** Throws ParleyError SAVED_VOTES_DAMAGED. */
  constructor(self: Address, family: SlotFamily, hasher: Hasher, saved: ReadonlyMap<string, Bytes>) {
    this.#self = self;
    this.#family = family;
    this.#patience = new Patience(family.params.blockTimeMs);
    this.#hasher = hasher;
    const bytes = saved.get(SAVED_KEY);
    if (bytes === undefined) return;
    try {
      const reader = new RlpReader(bytes);
      const outer = reader.openList();
      this.#lastSlot = reader.uint();
      reader.closeList(outer);
      reader.end();
    } catch (error) {
      throw new ParleyError('SAVED_VOTES_DAMAGED', 'the saved slot is unreadable; restore it', {}, { cause: error });
    }
  }

  get isSealing(): boolean {
    return this.#task !== null;
  }

  /** Called at the end of every step; brings what is under way into line with the view. null: do nothing. */
  plan(view: SealView | null, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    const task = this.#task;
    if (task !== null) {
      const isStale = view === null || task.parent !== view.head.hash;
      const isLate = now >= task.giveUpAt;
      if (!isStale && !isLate) return this.alarm.moveTo(task.giveUpAt);
      if (task.stage === 'asked') effects.push({ type: 'drop', job: task.job });
      this.#task = null;
      if (isLate && !isStale) this.#fail(now);
    }
    if (view === null) return [...effects, ...this.alarm.moveTo(null)];
    const slot = this.#nextSlot(view, now);
    const startMs = this.#startMs(view.head, slot.number);
    const leadMs = Math.min(Math.floor(this.#family.params.blockTimeMs / 2), LEAD_MS_MAX);
    const askAt = Math.max(startMs - leadMs, this.#patience.restUntil);
    if (!slot.isOurs || now < askAt) return [...effects, ...this.alarm.moveTo(slot.isOurs ? askAt : startMs)];
    return [...effects, ...this.#ask(view, slot.number, now)];
  }

  built(job: JobId, header: UnsealedHeader, now: Millis): EngineEffect[] {
    const task = this.#task;
    if (task === null || task.job !== job || task.stage !== 'asked') return [];
    const slot = decodeExtra(header.extra)?.slot;
    if (header.parentHash !== task.parent || slot !== task.slot || slot <= this.#lastSlot) {
      // The plan that ends this step drops it and begins again.
      task.giveUpAt = now;
      return [];
    }
    task.stage = 'published';
    task.giveUpAt = now + this.#patience.ms;
    this.#lastSlot = slot;
    const guard = { kind: 'once', domain: 'slot', height: slot, round: 0, step: 0 } as const;
    return [
      { type: 'persist', key: SAVED_KEY, value: encodeRlp([encodeUint(slot)]) },
      { type: 'publish', job, header, seal: { by: 'signature', guard } },
    ];
  }

  failed(job: JobId, now: Millis): void {
    if (this.#task?.job !== job) return;
    this.#task = null;
    this.#fail(now);
  }

  /** A block sealed with our key came in: ours, or a copy's, whose slot we then leave alone as well. */
  imported(slot: number): void {
    this.#lastSlot = Math.max(this.#lastSlot, slot);
    this.#patience.succeed();
  }

  /** The next slot of ours on this head, or the one after all that were looked at. */
  #nextSlot({ head, unfinalizedBlocks }: SealView, now: Millis): { readonly number: number; readonly isOurs: boolean } {
    const { params } = this.#family;
    const { slots, state } = head.data;
    const first = Math.max(slotOf(params, slots.genesisMs, now), slots.slot + 1, this.#lastSlot + 1);
    const past = Math.max(0, unfinalizedBlocks - params.unfinalizedBlocksMax);
    const stride = 2 ** Math.min(Math.ceil(past / BLOCKS_PER_HALVING), HALVINGS_MAX);
    const found = this.#found;
    // Where a search that found nothing ended, the next one begins: there is no waiting for that slot.
    const isKnown =
      found?.head === head.hash && found.from <= first && (found.isOurs ? first <= found.number : first < found.number);
    if (isKnown && found.number % stride === 0) return found;
    this.#found = { head: head.hash, from: first, number: first + SLOTS_AHEAD_MAX, isOurs: false };
    for (let number = first; number < first + SLOTS_AHEAD_MAX; number++) {
      if (number % stride !== 0) continue;
      if (this.#family.proposer(slots, state.validators, number, this.#hasher) !== this.#self) continue;
      this.#found = { head: head.hash, from: first, number, isOurs: true };
      break;
    }
    return this.#found;
  }

  #ask(view: SealView, slot: number, now: Millis): EngineEffect[] {
    const job = ++this.#lastJob;
    const timeMs = this.#startMs(view.head, slot);
    const deadline = Math.max(timeMs, now + FILL_MS_MIN);
    const giveUpAt = deadline + this.#patience.ms;
    this.#task = { parent: view.head.hash, slot, job, stage: 'asked', giveUpAt };
    const build = { job, parent: view.head.hash, timeMs, deadline, ...view.content(slot) };
    return [{ type: 'build', ...build }, ...this.alarm.moveTo(giveUpAt)];
  }

  #startMs(head: SlotTreeBlock, slot: number): Millis {
    return slotStartMs(this.#family.params, head.data.slots.genesisMs, slot);
  }

  #fail(now: Millis): void {
    this.#patience.fail(now);
  }
}
