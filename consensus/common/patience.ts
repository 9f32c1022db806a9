import type { Millis } from '../../src/types/primitives.ts';

const PATIENCE_MS_MIN = 2000;
const PATIENCE_MS_MAX = 60_000;
const DOUBLINGS_MAX = 10;

/** How long a job or a published block is waited for, and when to ask again after one that failed: longer with each failure in a row. */
export class Patience {
  readonly #baseMs: Millis;
  #failures = 0;
  #restUntil: Millis = 0;

  constructor(blockTimeMs: Millis) {
    this.#baseMs = Math.max(PATIENCE_MS_MIN, 2 * blockTimeMs);
  }

  get ms(): Millis {
    return Math.min(this.#baseMs * 2 ** Math.min(this.#failures, DOUBLINGS_MAX), PATIENCE_MS_MAX);
  }

  get restUntil(): Millis {
    return this.#restUntil;
  }

  fail(now: Millis): void {
    this.#failures++;
    this.#restUntil = now + Math.floor(this.ms / 4);
  }

  succeed(): void {
    this.#failures = 0;
    this.#restUntil = 0;
  }
}
