import { createHash } from 'node:crypto';
import type { Bytes } from '../../src/types/primitives.ts';
import type { SimClock } from './clock.ts';

const VIOLATIONS_MAX = 50;

export type Violation = { readonly atMs: number; readonly code: string; readonly details: string };

/**
 * What happened: a running hash over all of it (to compare two runs of one seed), a timeline for people, and whatever the
 * checkers found wrong.
 */
export class Trace {
  readonly violations: Violation[] = [];
  readonly #clock: SimClock;
  readonly #tell: ((line: string) => void) | null;
  readonly #hash = createHash('sha256');

  constructor(clock: SimClock, tell: ((line: string) => void) | null) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Into the hash. */
  note(...facts: readonly (string | number | Bytes)[]): void {
    this.#hash.update(`${this.#clock.elapsedMs}`);
    for (const fact of facts) this.#hash.update(typeof fact === 'number' ? `|${fact}` : fact);
  }

  /** Into the hash and the timeline. */
  tell(who: string, what: string): void {
    this.note(who, what);
    this.#tell?.(`${seconds(this.#clock.elapsedMs)} ${who.padEnd(4)} ${what}`);
  }

  /** Into the timeline only. */
  remark(who: string, what: string): void {
    this.#tell?.(`${seconds(this.#clock.elapsedMs)} ${who.padEnd(4)} ${what}`);
  }

  violated(code: string, details: string): void {
    if (this.violations.length >= VIOLATIONS_MAX) return;
    this.violations.push({ atMs: this.#clock.elapsedMs, code, details });
    this.tell('!!', `${code}: ${details}`);
  }

  /** Of everything so far. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3).padStart(9);
}
