import type { Decision } from './rate-limiter.ts';

/** Microseconds, whole, of any clock that does not jump: only differences count. */
export type Micros = number;

/**
 * How the use of one client is counted. Holds the rule alone; what is counted of a client is a `State`, which is never changed but
 * replaced. All methods are pure.
 */
export interface Algorithm<State> {
  /** The most that is ever admitted at once, in weights. */
  readonly limit: number;
  /** The rule for one of `parts` that know nothing of each other: together they never admit more than the whole. */
  share(parts: number): Algorithm<State>;
  /** Of a client that has used nothing. */
  fresh(now: Micros): State;
  /** The state moved on to `now`; a `now` before the state's own gives nothing. */
  at(state: State, now: Micros): State;
  /** The state with the weight taken from it; null: it does not suffice. `state` must be of now. */
  spend(state: State, weight: number): State | null;
  /** Nothing would change if the client were forgotten. `state` must be of now. */
  isFresh(state: State): boolean;
  /** `state`: of now, after the weight was taken from it if it was. */
  decision(state: State, weight: number, admitted: boolean): Decision;
}

/** Largest capacity, in weights: a million million of its smallest units are still exact as a number. */
export const CAPACITY_MAX = 1_000_000;
/** Largest rate, in weights per second; the smallest, and the step, is a thousandth. */
export const RATE_MAX = 1_000_000;
