import type { Millis } from '../src/types/primitives.ts';

const ENTRIES_MAX = 65_536;

/** What was met in the last `keepMs`; the oldest goes first when there is too much of it. */
export class SeenCache {
  readonly #keepMs: Millis;
  readonly #now: () => Millis;
  readonly #entries = new Map<string, Millis>();

  constructor(keepMs: Millis, now: () => Millis) {
    this.#keepMs = keepMs;
    this.#now = now;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Remembers the id; true when it was not known. */
  add(id: string): boolean {
    const now = this.#now();
    for (const [oldest, at] of this.#entries) {
      if (now - at < this.#keepMs && this.#entries.size < ENTRIES_MAX) break;
      this.#entries.delete(oldest);
    }
    if (this.#entries.has(id)) return false;
    this.#entries.set(id, now);
    return true;
  }
}
