import type { Micros } from './algorithm.ts';

/** Places of clients that are looked at for one that wants in. */
const LOOKS_MAX = 16;

/**
 * What is remembered of clients, at most `clientsMax` of them. Only who is idle (forgetting changes nothing: the allowance is whole) is ever
 * forgotten, or else whoever commands many addresses could drive the own record out and begin anew. When all places are in use
 * there is none for a new client; the owner of the table says what it gets.
 */
export class ClientTable<Value> {
  readonly #clientsMax: number;
  readonly #isIdle: (value: Value, now: Micros) => boolean;
  /** By name; who was used longest ago comes first. */
  readonly #values = new Map<string, Value>();

  constructor(clientsMax: number, isIdle: (value: Value, now: Micros) => boolean) {
    this.#clientsMax = clientsMax;
    this.#isIdle = isIdle;
  }

  get size(): number {
    return this.#values.size;
  }

  /** Counts as a use. */
  get(name: string): Value | undefined {
    const value = this.#values.get(name);
    if (value === undefined) return undefined;
    this.#values.delete(name);
    this.#values.set(name, value);
    return value;
  }

  set(name: string, value: Value): void {
    this.#values.set(name, value);
  }

  values(): IterableIterator<Value> {
    return this.#values.values();
  }

  /** Forgets some that are idle, so that the table shrinks when more ask than are new. False: all places are in use. */
  makeRoom(now: Micros): boolean {
    let looks = 0;
    for (const [name, value] of this.#values) {
      if (looks++ >= LOOKS_MAX) break;
      if (this.#isIdle(value, now)) this.#values.delete(name);
      else if (this.#values.size < this.#clientsMax) break;
    }
    return this.#values.size < this.#clientsMax;
  }
}
