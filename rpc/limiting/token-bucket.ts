/**
 * Token bucket: holds at most `capacity` weights, gains `rate` a second, and admits what it holds. So in every window of any length t,
 * at most capacity + rate × t is admitted, and all of that to a client that asks for it.
 *
 * Exactly: a level is a whole number of billionths of a weight and time is in whole microseconds, so that a thousandth of a weight per second
 * is one unit per microsecond. Nothing is ever rounded, whatever the rate, and the largest level (10^15) is far below 2^53.
 */
import { ConfigError } from '../../src/util/errors.ts';
import { CAPACITY_MAX, RATE_MAX, type Algorithm, type Micros } from './algorithm.ts';
import type { Decision } from './rate-limiter.ts';

const UNITS_PER_WEIGHT = 1e9;
const US_PER_MS = 1000;
/** In weights: with it and CAPACITY_MAX every sum stays exact. */
export const DEBT_MAX = 3_000_000;

/** `level`: in units; below 0 while what was charged is not yet earned. */
export type BucketState = { readonly level: number; readonly at: Micros };

export class TokenBucket implements Algorithm<BucketState> {
  readonly limit: number;
  /** Of the full bucket, in units. */
  readonly capacityUnits: number;
  readonly unitsPerUs: number;

  /**
   * `capacity`: weights, whole. `rate`: weights per second, a multiple of 0.001.
   * @throws ConfigError when either is out of its range.
   */
  constructor(capacity: number, rate: number) {
    const problem = limitProblem(capacity, rate);
    if (problem !== null) throw new ConfigError(problem, { capacity, rate });
    this.limit = capacity;
    this.capacityUnits = capacity * UNITS_PER_WEIGHT;
    this.unitsPerUs = Math.round(rate * 1000);
  }

  share(parts: number): TokenBucket {
    return new TokenBucket(Math.floor(this.limit / parts), Math.floor(this.unitsPerUs / parts) / 1000);
  }

  /** The same rate, another capacity. */
  withCapacity(capacity: number): TokenBucket {
    return new TokenBucket(capacity, this.rate);
  }

  /** In weights per second. */
  get rate(): number {
    return this.unitsPerUs / 1000;
  }

  fresh(now: Micros): BucketState {
    return { level: this.capacityUnits, at: now };
  }

  at(state: BucketState, now: Micros): BucketState {
    if (now <= state.at) return state;
    const missing = this.capacityUnits - state.level;
    const elapsed = now - state.at;
    // Compared by division first: the product could be too large to be exact, and then it is surely enough.
    if (elapsed > missing / this.unitsPerUs + 2) return { level: this.capacityUnits, at: now };
    return { level: Math.min(this.capacityUnits, state.level + elapsed * this.unitsPerUs), at: now };
  }

  spend(state: BucketState, weight: number): BucketState | null {
    if (weight > this.limit) return null;
    const level = state.level - weight * UNITS_PER_WEIGHT;
    return level < 0 ? null : { level, at: state.at };
  }

  /** Takes the weight whether it is there or not; the level falls no lower than `-debtMax` weights (at most DEBT_MAX). */
  charge(state: BucketState, weight: number, debtMax: number): BucketState {
    const lowest = Math.min(state.level, -debtMax * UNITS_PER_WEIGHT);
    const charged = Math.min(weight, this.limit + debtMax) * UNITS_PER_WEIGHT;
    return { level: Math.max(lowest, state.level - charged), at: state.at };
  }

  isFresh(state: BucketState): boolean {
    return state.level >= this.capacityUnits;
  }

  decision({ level }: BucketState, weight: number, admitted: boolean): Decision {
    const unitsPerMs = this.unitsPerUs * US_PER_MS;
    return {
      admitted,
      limit: this.limit,
      remaining: Math.max(0, Math.floor(level / UNITS_PER_WEIGHT)),
      waitMs: admitted
        ? 0
        : weight > this.limit
          ? Infinity
          : Math.ceil((weight * UNITS_PER_WEIGHT - level) / unitsPerMs),
      resetMs: Math.ceil((this.capacityUnits - level) / unitsPerMs),
    };
  }
}

/** Why they make no bucket; null: they do. */
export function limitProblem(capacity: number, rate: number): string | null {
  if (!Number.isSafeInteger(capacity) || capacity < 1 || capacity > CAPACITY_MAX) {
    return `a capacity must be a whole number from 1 to ${CAPACITY_MAX}`;
  }
  const steps = rate * 1000;
  const isExact = Math.abs(Math.round(steps) - steps) < 1e-4 && Math.round(steps) >= 1;
  return isExact && rate <= RATE_MAX ? null : `a rate must be from 0.001 to ${RATE_MAX}, in steps of 0.001`;
}
