import type { JournalStore } from '../ports/stores.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';

type Settled = { readonly headNumber: number; readonly passed: Transaction | null };

/**
 * Memory of what was answered with a hash. A transaction enters before the answer and leaves when its fate is final: finalized in a
 * block, replaced by its sender, or passed by a nonce in a finalized block. Until then a reorg or a restart can bring it back.
 * Without a store it remembers for the life of the process.
 */
export class PoolJournal {
  readonly #store: JournalStore | null;
  readonly #log: Log;
  readonly #hashes = new Set<Hash>();
  /** Out of the pool, fate not final. */
  readonly #settled = new Map<Hash, Settled>();

  constructor(store: JournalStore | null, log: Log) {
    this.#store = store;
    this.#log = log;
  }

  get size(): number {
    return this.#hashes.size;
  }

  /** Adding to it takes a write. */
  get isDurable(): boolean {
    return this.#store !== null;
  }

  has(hash: Hash): boolean {
    return this.#hashes.has(hash);
  }

  /** Resolves when the record can not be lost; on rejection nothing is remembered. */
  async add(hash: Hash, raw: Bytes): Promise<void> {
    if (this.#store !== null) await this.#store.add(hash, raw);
    this.#hashes.add(hash);
  }

  /** For what was promised by another transaction of the same nonce. */
  addLater(hash: Hash, raw: Bytes): void {
    this.#hashes.add(hash);
    this.#store?.add(hash, raw).catch((error: unknown) => {
      this.#log.warn('a journal record could not be written', { hash, reason: errorText(error) });
    });
  }

  /** The store has it already. */
  remember(hash: Hash): void {
    this.#hashes.add(hash);
  }

  forget(hashes: readonly Hash[]): void {
    const known = hashes.filter((hash) => this.#hashes.delete(hash));
    for (const hash of known) this.#settled.delete(hash);
    this.#erase(known);
  }

  /** Removes records of the store that were never taken into memory. */
  discard(hashes: readonly Hash[]): void {
    this.#erase(hashes);
  }

  /** Mined in the branch of a head with this number: a reorg hands it back with its block. */
  settleMined(hash: Hash, headNumber: number): void {
    if (this.#hashes.has(hash)) this.#settled.set(hash, { headNumber, passed: null });
  }

  /** Its nonce was used by another, or it was mined before this process began: kept, in case a reorg makes it valid again. */
  settlePassed(transaction: Transaction, headNumber: number): void {
    const { hash } = transaction;
    if (this.#hashes.has(hash)) this.#settled.set(hash, { headNumber, passed: transaction });
  }

  /** What `settlePassed` keeps. */
  passed(): Transaction[] {
    const transactions: Transaction[] = [];
    for (const { passed } of this.#settled.values()) if (passed !== null) transactions.push(passed);
    return transactions;
  }

  /** Back in the pool. */
  unsettle(hash: Hash): void {
    this.#settled.delete(hash);
  }

  /**
   * What is in finalized blocks needs no memory. Nor does what was settled at or below the finalized height: either that block is on the finalized
   * branch, or a reorg has brought it back and it is settled no more.
   */
  finalized(number: number, mined: readonly Hash[]): void {
    const done: Hash[] = [];
    for (const hash of mined) if (this.#hashes.has(hash)) done.push(hash);
    for (const [hash, { headNumber }] of this.#settled) if (headNumber <= number) done.push(hash);
    this.forget(done);
  }

  async *load(): AsyncIterable<{ readonly hash: Hash; readonly raw: Bytes }> {
    if (this.#store !== null) yield* this.#store.load();
  }

  /** A record that stays by accident is found no longer valid at the next start. */
  #erase(hashes: readonly Hash[]): void {
    if (this.#store === null || hashes.length === 0) return;
    this.#store.remove(hashes).catch((error: unknown) => {
      this.#log.warn('journal records could not be removed', { count: hashes.length, reason: errorText(error) });
    });
  }
}
