import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address, Bytes, Millis } from '../../../src/types/primitives.ts';
import type { EngineEffect } from '../../api/effect.ts';
import { Alarm } from '../alarm.ts';
import type { FfgVote } from '../ffg-vote.ts';
import { FfgVoter } from '../ffg-voter.ts';
import type { SlotTreeBlock } from './branch.ts';
import type { DutyRoster } from './duty-roster.ts';
import type { SlotFamily } from './family.ts';
import { slotStartMs } from './slot-times.ts';

/** A slot's block has this part of it to arrive before those who attest in it speak. */
const WAIT_FRACTION = 3;
const REPEAT_MS_MIN = 500;

/**
 * This validator's attestations: one an epoch, in its slot, for the newest checkpoint of the head's branch and for the head. It waits until the
 * slot's block is here or a third of the slot is over. A checkpoint that comes later than the slot is attested to when it comes.
 */
export class Attester {
  readonly #self: Address;
  readonly #family: SlotFamily;
  readonly #roster: DutyRoster;
  readonly #voter: FfgVoter;
  readonly #attestAlarm = new Alarm('attest');
  readonly #repeatAlarm = new Alarm('repeat');

  /** Throws ParleyError SAVED_VOTES_DAMAGED. */
  constructor(self: Address, family: SlotFamily, roster: DutyRoster, saved: ReadonlyMap<string, Bytes>) {
    this.#self = self;
    this.#family = family;
    this.#roster = roster;
    const retryMs = Math.max(2 * family.params.blockTimeMs, REPEAT_MS_MIN);
    this.#voter = new FfgVoter(self, { retryMs, retryMsMax: 4 * retryMs }, saved);
  }

  get alarms(): readonly Alarm[] {
    return [this.#attestAlarm, this.#repeatAlarm];
  }

  resume(): EngineEffect[] {
    return this.#voter.resume();
  }

  heard(message: SignedMessage, vote: FfgVote): void {
    this.#voter.heard(message, vote);
  }

  timerFired(id: string, head: SlotTreeBlock): EngineEffect[] {
    if (id === this.#attestAlarm.id) this.#attestAlarm.fired();
    if (id !== this.#repeatAlarm.id || this.#repeatAlarm.at === null) return [];
    this.#repeatAlarm.fired();
    return this.#voter.repeat(head.data.ffg);
  }

  /** At the end of every step. `checkpoint`: the newest of the head's branch, where the tree still has it. */
  plan(head: SlotTreeBlock, checkpoint: SlotTreeBlock | undefined, now: Millis): EngineEffect[] {
    const effects = checkpoint === undefined ? [] : this.#attest(head, checkpoint, now);
    if (effects.some(({ type }) => type === 'cast')) this.#repeatAlarm.fired();
    if (this.#voter.last !== null && this.#repeatAlarm.at === null) {
      effects.push(...this.#repeatAlarm.moveTo(now + this.#voter.delayMs));
    }
    return effects;
  }

  #attest(head: SlotTreeBlock, checkpoint: SlotTreeBlock, now: Millis): EngineEffect[] {
    const slot = this.#roster.of(checkpoint).get(this.#self);
    const last = this.#voter.last;
    if (slot === undefined || (last !== null && last.target.epoch >= checkpoint.data.slots.epoch)) return [];
    const { params } = this.#family;
    const waitMs = Math.floor(params.blockTimeMs / WAIT_FRACTION);
    const dueAt = slotStartMs(params, head.data.slots.genesisMs, slot) + waitMs;
    if (now < dueAt && head.data.slots.slot < slot) return this.#attestAlarm.moveTo(dueAt);
    return this.#voter.vote(head.data.ffg, { slot, head: head.hash });
  }
}
