import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };

/** setTimeout takes at most 2^31-1 ms. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** The event loop's timers. They do not keep the process alive: the open servers do. */
export const systemTimers: Timers = {
  after(delayMs: number, callback: () => void): TimerHandle {
    const timer = setTimeout(callback, Math.min(Math.max(0, delayMs), DELAY_MS_MAX));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
