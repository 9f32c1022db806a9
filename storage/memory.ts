import type { BatchOp, KeyValueStore, Range } from '../src/ports/kv.ts';
import type { Bytes } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Rng } from '../src/util/rng.ts';

/**
 * A KeyValueStore in memory, with the faults of a disk.
 *
 * The model is a write-ahead log: batches take effect in the order of the calls, each whole or not at all. A synced batch
 * makes itself and everything before it durable. `crash` keeps what is durable and a prefix of the rest: batches written
 * but not synced, then batches still in flight (a write may reach the disk and its answer be lost).
 */
export type MemoryOptions = {
  /** What a crashed store left behind. */
  readonly content?: MemoryContent;
  /** Decides when a batch is done. `done` may come at any time and in any order; effects keep the order of calls. */
  readonly latency?: (done: () => void) => void;
};

/** Keys as latin-1 text: its order is the order of the bytes. */
export type MemoryContent = ReadonlyMap<string, Bytes>;

/** Unsynced batches remembered; older ones count as durable, as an operating system writes its cache back in time. */
export const UNSYNCED_BATCHES_MAX = 1024;

type Flight = {
  readonly ops: readonly { readonly key: string; readonly value: Bytes | null }[];
  readonly sync: boolean;
  done: boolean;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
};
type Undo = readonly { readonly key: string; readonly value: Bytes | undefined }[];

export class MemoryStore implements KeyValueStore {
  readonly #content: Map<string, Bytes>;
  readonly #latency: (done: () => void) => void;
  #flights: Flight[] = [];
  /** How to take each unsynced batch back, oldest first. */
  #unsynced: Undo[] = [];
  #closed: ParleyError | null = null;
  #closeWaiters: (() => void)[] = [];

  constructor(options: MemoryOptions = {}) {
    this.#content = new Map(options.content);
    this.#latency = options.latency ?? queueMicrotask;
  }

  /** Number of keys. */
  get size(): number {
    return this.#content.size;
  }

  get(key: Bytes): Bytes | undefined {
    this.#assertOpen();
    const value = this.#content.get(textOf(key));
    return value === undefined ? undefined : Buffer.from(value);
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    return keys.map((key) => this.get(key));
  }

  batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void> {
    if (this.#closed !== null) return Promise.reject(this.#closed);
    const copies = ops.map(({ key, value }) => ({
      key: textOf(key),
      value: value === null ? null : Buffer.from(value),
    }));
    return new Promise((resolve, reject) => {
      const flight: Flight = { ops: copies, sync: options.sync, done: false, resolve, reject };
      this.#flights.push(flight);
      this.#latency(() => {
        flight.done = true;
        this.#land();
      });
    });
  }

  iterate(range: Range): AsyncIterable<readonly [Bytes, Bytes]> {
    this.#assertOpen();
    const entries = this.#entries(range);
    return (async function* () {
      for (const [key, value] of entries) yield [Buffer.from(key, 'latin1'), Buffer.from(value)] as const;
    })();
  }

  async close(): Promise<void> {
    if (this.#flights.length > 0) await new Promise<void>((resolve) => this.#closeWaiters.push(resolve));
    this.#closed ??= new ParleyError('STORE_CLOSED', 'the store is closed');
  }

  /**
   * The machine dies. Returns what is on the disk afterwards: the durable part and, when a generator is given, as much more
   * as it draws (without one, nothing more). Calls from now on fail with STORE_CLOSED, those in flight too.
   */
  crash(rng?: Rng): MemoryContent {
    const flights = this.#flights;
    const open = this.#unsynced.length + flights.length;
    const kept = rng === undefined ? 0 : rng.between(0, open);
    for (let i = this.#unsynced.length - 1; i >= kept; i--) this.#takeBack(this.#unsynced[i] ?? []);
    for (const flight of flights.slice(0, Math.max(0, kept - this.#unsynced.length))) this.#apply(flight);
    this.#flights = [];
    this.#closed = new ParleyError('STORE_CLOSED', 'the store crashed');
    for (const flight of flights) flight.reject(this.#closed);
    this.#wakeClosers();
    return new Map(this.#content);
  }

  #assertOpen(): void {
    if (this.#closed !== null) throw this.#closed;
  }

  /** Batches that are done take effect, as long as none before them is still in flight. */
  #land(): void {
    while (this.#flights[0]?.done === true) {
      const flight = this.#flights.shift() as Flight;
      const undo = this.#apply(flight);
      if (flight.sync) this.#unsynced = [];
      else this.#unsynced.push(undo);
      if (this.#unsynced.length > UNSYNCED_BATCHES_MAX) this.#unsynced.shift();
      flight.resolve();
    }
    if (this.#flights.length === 0) this.#wakeClosers();
  }

  #apply(flight: Flight): Undo {
    const undo = flight.ops.map(({ key, value }) => {
      const before = { key, value: this.#content.get(key) };
      if (value === null) this.#content.delete(key);
      else this.#content.set(key, value);
      return before;
    });
    return undo.reverse();
  }

  #takeBack(undo: Undo): void {
    for (const { key, value } of undo) {
      if (value === undefined) this.#content.delete(key);
      else this.#content.set(key, value);
    }
  }

  #entries(range: Range): readonly (readonly [string, Bytes])[] {
    const low = textOf(range.gte);
    const high = textOf(range.lt);
    const entries = [...this.#content].filter(([key]) => key >= low && key < high);
    entries.sort(([a], [b]) => (a < b ? -1 : 1));
    if (range.reverse === true) entries.reverse();
    return range.limit === undefined ? entries : entries.slice(0, range.limit);
  }

  #wakeClosers(): void {
    const waiters = this.#closeWaiters;
    this.#closeWaiters = [];
    for (const wake of waiters) wake();
  }
}

function textOf(key: Bytes): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1');
}
