import type { Address, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import { Alarm } from '../common/alarm.ts';
import { encodeStatement, guardOf, type Status } from './messages.ts';
import type { PbftParams } from './params.ts';

const REPEAT_MS_MIN = 500;
/** Answers to those who are behind, and questions of our own, are at least this far apart. */
export const TALK_GAP_MS = 300;
/** A NEW-VIEW and what is said in the view may arrive in any order; before we ask, it has this long to come. */
const ASK_GRACE_MS = 100;

/** What is due now, beyond what is new. */
export type TalkDue = { readonly repeat: boolean; readonly answer: boolean; readonly ask: boolean };

/** When to say again what was said, to answer those who are behind, and to ask where we are behind ourselves. */
export class Talk {
  readonly alarm = new Alarm('talk');
  readonly #firstDelayMs: Millis;
  readonly #delayMsMax: Millis;
  #delayMs: Millis;
  #repeatAt: Millis | null = null;
  #answerAt: Millis | null = null;
  #askAt: Millis | null = null;
  #spokeAt: Millis = 0;
  #askedAt: Millis = 0;
  #statusAt: Millis = 0;
  /** Who was answered at this height, and from when on it is again. */
  readonly #askers = new Map<Address, { readonly againAt: Millis; readonly delayMs: Millis }>();

  constructor(params: PbftParams) {
    this.#firstDelayMs = Math.max(REPEAT_MS_MIN, Math.floor(params.viewTimeoutMs / 4));
    this.#delayMsMax = Math.max(params.viewTimeoutMs, this.#firstDelayMs);
    this.#delayMs = this.#firstDelayMs;
  }

  /** Everything at once: nobody knows of us, and we of nobody. */
  begin(now: Millis): void {
    this.#delayMs = this.#firstDelayMs / 2;
    this.#repeatAt = now;
    this.#askAt = now;
  }

  /** Something new was said, or a new height began: the waiting starts anew. */
  renew(now: Millis): void {
    this.#delayMs = this.#firstDelayMs;
    this.#repeatAt = null;
    this.#spokeAt = now;
  }

  /** `from`, a validator, asks or is behind. It is answered ever more slowly, as an honest one asks. */
  wantAnswer(from: Address, now: Millis): void {
    const { againAt, delayMs } = this.#askers.get(from) ?? { againAt: now, delayMs: this.#firstDelayMs };
    const at = Math.max(now, this.#spokeAt + TALK_GAP_MS, againAt);
    if (this.#answerAt !== null && this.#answerAt <= at) return;
    this.#answerAt = at;
    this.#askers.set(from, { againAt: at + delayMs, delayMs: Math.min(delayMs * 2, this.#delayMsMax) });
  }

  heightChanged(): void {
    this.#askers.clear();
  }

  wantAsk(now: Millis): void {
    this.#askAt ??= Math.max(now + ASK_GRACE_MS, this.#askedAt + TALK_GAP_MS);
  }

  /** What is due now, and then no longer is. `pendingFrom`: from when something is waited for, maybe ahead; null: nothing. */
  takeDue(pendingFrom: Millis | null, now: Millis): TalkDue {
    if (pendingFrom === null) this.#repeatAt = null;
    const due = {
      repeat: isDue(this.#repeatAt, now),
      answer: isDue(this.#answerAt, now),
      ask: isDue(this.#askAt, now),
    };
    if (due.answer || due.repeat) {
      this.#answerAt = null;
      this.#spokeAt = now;
    }
    if (due.ask) {
      this.#askAt = null;
      this.#askedAt = now;
    }
    if (due.repeat) {
      this.#repeatAt = null;
      this.#delayMs = Math.min(this.#delayMs * 2, this.#delayMsMax);
    }
    if (pendingFrom !== null) {
      const at = Math.max(pendingFrom, now) + this.#delayMs;
      this.#repeatAt = Math.min(this.#repeatAt ?? at, at);
    }
    return due;
  }

  plan(): EngineEffect[] {
    const moments = [this.#repeatAt, this.#answerAt, this.#askAt].filter((at) => at !== null);
    return this.alarm.moveTo(moments.length === 0 ? null : Math.min(...moments));
  }

  /** Its time is its place for the signer, so it goes forward even when the clock does not. */
  status(fields: Omit<Status, 'kind'>): EngineEffect[] {
    this.#statusAt = Math.max(fields.now, this.#statusAt + 1);
    const status: Status = { kind: 'status', ...fields, now: this.#statusAt };
    return [{ type: 'cast', payload: encodeStatement(status), guard: guardOf(status) }];
  }
}

function isDue(at: Millis | null, now: Millis): boolean {
  return at !== null && now >= at;
}
