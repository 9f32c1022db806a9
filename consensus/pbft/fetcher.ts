import type { Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import { Alarm } from '../common/alarm.ts';

/** A block and the statements about it take different ways; so long the block may take more than they. */
const GRACE_MS = 100;
const RETRY_MS_MIN = 500;

/** Asks for the one block that is needed to go on, while it is not here. */
export class Fetcher {
  readonly alarm = new Alarm('fetch');
  readonly #retryMsMax: Millis;
  #wanted: { readonly hash: Hash; askAt: Millis; delayMs: Millis } | null = null;

  constructor(retryMsMax: Millis) {
    this.#retryMsMax = Math.max(retryMsMax, RETRY_MS_MIN);
  }

  /** `missing` null: nothing is. `peer`: who spoke of it. */
  plan(missing: Hash | null, peer: PeerId | null, now: Millis): EngineEffect[] {
    if (missing === null) {
      this.#wanted = null;
      return this.alarm.moveTo(null);
    }
    if (this.#wanted?.hash !== missing) {
      this.#wanted = { hash: missing, askAt: now + GRACE_MS, delayMs: RETRY_MS_MIN };
    }
    const wanted = this.#wanted;
    const effects: EngineEffect[] = [];
    if (now >= wanted.askAt) {
      effects.push({ type: 'fetch', hash: missing, peer });
      wanted.askAt = now + wanted.delayMs;
      wanted.delayMs = Math.min(wanted.delayMs * 2, this.#retryMsMax);
    }
    return [...effects, ...this.alarm.moveTo(wanted.askAt)];
  }
}
