import type { BatchOp, KeyValueStore } from '../src/ports/kv.ts';
import type { JournalStore } from '../src/ports/stores.ts';
import type { Bytes, Hash } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { fromHex, toHex } from '../src/util/hex.ts';
import { keyOf, spaceRange } from './keyspace.ts';

/** Entries waiting for the write in flight; past it `add` is refused, so that a slow disk is felt by who sends. */
export const JOURNAL_WAITING_MAX = 65_536;

export type JournalOptions = {
  /** true: on the disk when `add` resolves (survives power loss); false: with the operating system (survives kill -9). */
  readonly sync: boolean;
  /** Waits for the others of this turn, so that they share one write. Default: a microtask. */
  readonly gather?: () => Promise<void>;
};

/**
 * Accepted local transactions until they are final. What is added or removed in one turn, or while a write is in flight,
 * goes to disk in one batch, in the order of the calls.
 */
export class KeyValueJournalStore implements JournalStore {
  readonly #kv: KeyValueStore;
  readonly #sync: boolean;
  readonly #gather: () => Promise<void>;
  #waiting: BatchOp[] = [];
  /** The write that takes what is waiting now; null when none is planned. */
  #next: Promise<void> | null = null;
  #writing: Promise<void> = Promise.resolve();

  constructor(kv: KeyValueStore, options: JournalOptions) {
    this.#kv = kv;
    this.#sync = options.sync;
    this.#gather = options.gather ?? (() => Promise.resolve());
  }

  /** Rejects with ParleyError JOURNAL_BUSY when too many wait. */
  async add(hash: Hash, raw: Bytes): Promise<void> {
    if (this.#waiting.length >= JOURNAL_WAITING_MAX) {
      throw new ParleyError('JOURNAL_BUSY', 'too many transactions wait for the disk; send again later');
    }
    await this.#write([{ key: keyOf('journal', fromHex(hash)), value: raw }]);
  }

  async remove(hashes: readonly Hash[]): Promise<void> {
    if (hashes.length === 0) return;
    await this.#write(hashes.map((hash) => ({ key: keyOf('journal', fromHex(hash)), value: null })));
  }

  async *load(): AsyncIterable<{ readonly hash: Hash; readonly raw: Bytes }> {
    for await (const [key, value] of this.#kv.iterate(spaceRange('journal'))) {
      yield { hash: toHex(key.subarray(1)), raw: value };
    }
  }

  #write(ops: readonly BatchOp[]): Promise<void> {
    for (const op of ops) this.#waiting.push(op);
    this.#next ??= this.#flush();
    return this.#next;
  }

  async #flush(): Promise<void> {
    await Promise.all([this.#writing, this.#gather()]);
    const ops = this.#waiting;
    this.#waiting = [];
    this.#next = null;
    const write = this.#kv.batch(ops, { sync: this.#sync });
    this.#writing = write.catch(() => {});
    await write;
  }
}
