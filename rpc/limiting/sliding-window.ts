/**
 * Sliding-window counter: time is cut into windows of equal length, and of the window before the current one as much counts as still lies
 * within one length before now:
 *
 *     used = previous × (1 − elapsed / length) + current
 *
 * It remembers two numbers and no list of calls, and takes what was admitted before as spread evenly. Where it was not, a client gets
 * more: at most limit × (1 + t / length) in any window of length t, for of k whole windows each admits at most `limit`, and of the last
 * two, c₁ (1 − x) + c₂ ≤ limit gives c₁ + c₂ ≤ limit × (1 + x). Both sides of the comparison are whole numbers below 2^53.
 */
import { ConfigError } from '../../src/util/errors.ts';
import { CAPACITY_MAX, type Algorithm, type Micros } from './algorithm.ts';
import type { Decision } from './rate-limiter.ts';

const US_PER_MS = 1000;
/** An hour. */
export const WINDOW_MS_MAX = 3_600_000;

/** `start`: of the current window, a multiple of its length. `at`: the latest time it was asked. */
export type WindowState = {
  readonly start: Micros;
  readonly previous: number;
  readonly current: number;
  readonly at: Micros;
};

export class SlidingWindow implements Algorithm<WindowState> {
  readonly limit: number;
  readonly lengthUs: Micros;

  /**
   * `limit`: weights in one window, whole.
   * @throws ConfigError when either is out of its range.
   */
  constructor(limit: number, lengthMs: number) {
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > CAPACITY_MAX) {
      throw new ConfigError(`a capacity must be a whole number from 1 to ${CAPACITY_MAX}`, { limit });
    }
    if (!Number.isSafeInteger(lengthMs) || lengthMs < 1 || lengthMs > WINDOW_MS_MAX) {
      throw new ConfigError(`a window must last from 1 to ${WINDOW_MS_MAX} ms, whole`, { lengthMs });
    }
    this.limit = limit;
    this.lengthUs = lengthMs * US_PER_MS;
  }

  share(parts: number): SlidingWindow {
    return new SlidingWindow(Math.floor(this.limit / parts), this.lengthUs / US_PER_MS);
  }

  fresh(now: Micros): WindowState {
    return { start: now - (now % this.lengthUs), previous: 0, current: 0, at: now };
  }

  at(state: WindowState, now: Micros): WindowState {
    if (now <= state.at) return state;
    const start = now - (now % this.lengthUs);
    if (start === state.start) return { ...state, at: now };
    const previous = start - state.start === this.lengthUs ? state.current : 0;
    return { start, previous, current: 0, at: now };
  }

  spend(state: WindowState, weight: number): WindowState | null {
    if (weight > this.limit) return null;
    const current = state.current + weight;
    const used = state.previous * this.#left(state) + current * this.lengthUs;
    return used > this.limit * this.lengthUs ? null : { ...state, current };
  }

  isFresh(state: WindowState): boolean {
    return state.previous === 0 && state.current === 0;
  }

  decision(state: WindowState, weight: number, admitted: boolean): Decision {
    const used = (state.previous * this.#left(state)) / this.lengthUs + state.current;
    const left = this.#left(state);
    const resetUs = state.current > 0 ? left + this.lengthUs : state.previous > 0 ? left : 0;
    return {
      admitted,
      limit: this.limit,
      remaining: Math.max(0, Math.floor(this.limit - used)),
      waitMs: admitted ? 0 : this.#waitMs(state, weight),
      resetMs: Math.ceil(resetUs / US_PER_MS),
    };
  }

  /** Of the current window, at `state.at`. */
  #left(state: WindowState): Micros {
    return state.start + this.lengthUs - state.at;
  }

  /** In this window the share of the one before must fall, or else in the next one that of this. */
  #waitMs(state: WindowState, weight: number): number {
    if (weight > this.limit) return Infinity;
    const left = this.#left(state);
    const free = this.limit - weight;
    if (state.current <= free && state.previous > 0) {
      const share = ((free - state.current) * this.lengthUs) / state.previous;
      return Math.ceil((left - share) / US_PER_MS);
    }
    const share = (free * this.lengthUs) / state.current;
    return Math.ceil((left + Math.max(0, this.lengthUs - share)) / US_PER_MS);
  }
}
