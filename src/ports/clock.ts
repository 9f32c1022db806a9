import type { Millis } from '../types/primitives.ts';

/** The only source of time. Real: `src/node/system-clock.ts`; simulated: `test/sim`. */
export interface Clock {
  /** Wall time, ms since the Unix epoch. May jump; never used to measure durations. */
  now(): Millis;
}

export type TimerHandle = { cancel(): void };

/** The only way to wait. Callbacks run as a fresh turn, never synchronously inside `after`. */
export interface Timers {
  after(delayMs: Millis, callback: () => void): TimerHandle;
}
