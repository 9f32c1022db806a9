import type { Clock, TimerHandle, Timers } from '../../../src/ports/clock.ts';
import type { Millis } from '../../../src/types/primitives.ts';

type Entry = { readonly at: Millis; readonly callback: () => void };

/** Time that stands still until a test moves it. Equal times fire in the order they were set. */
export class ManualTime implements Clock, Timers {
  #now = 0;
  #entries: Entry[] = [];

  now(): Millis {
    return this.#now;
  }

  after(delayMs: Millis, callback: () => void): TimerHandle {
    const entry: Entry = { at: this.#now + delayMs, callback };
    this.#entries.push(entry);
    return { cancel: () => void (this.#entries = this.#entries.filter((one) => one !== entry)) };
  }

  get pending(): number {
    return this.#entries.length;
  }

  /** Moves on, firing what is due one by one and letting promises run in between. */
  async advance(durationMs: Millis): Promise<void> {
    const end = this.#now + durationMs;
    for (;;) {
      await settle();
      const due = this.#entries.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#entries = this.#entries.filter((one) => one !== due);
      this.#now = due.at;
      due.callback();
    }
    this.#now = end;
  }
}

/** Lets every promise that can settle do so. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
