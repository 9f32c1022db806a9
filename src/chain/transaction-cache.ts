import { recoverTransaction } from '../codec/transaction.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';

export const TRANSACTION_CACHE_ENTRIES_MAX = 32_768;
export const TRANSACTION_CACHE_BYTES_MAX = 32 * 1024 * 1024;

export type TransactionCacheLimits = { readonly entriesMax?: number; readonly bytesMax?: number };

/**
 * Transactions this node has seen, with their senders. Recovering the sender is what a transaction costs most, so pool,
 * import and RPC all ask here and it is done once. The least recently used leave when there are too many, or too many bytes.
 */
export class TransactionCache {
  readonly #entries = new Map<Hash, Transaction>();
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #bytes = 0;

  constructor(limits: TransactionCacheLimits = {}) {
    this.#entriesMax = limits.entriesMax ?? TRANSACTION_CACHE_ENTRIES_MAX;
    this.#bytesMax = limits.bytesMax ?? TRANSACTION_CACHE_BYTES_MAX;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Sum of the canonical bytes held. */
  get sizeBytes(): number {
    return this.#bytes;
  }

  /** Decodes and recovers, unless this was done before. Throws CodecError (TX_*); failures are not remembered. */
  resolve(raw: Bytes): Transaction {
    const known = this.get(keccak256(raw));
    if (known !== undefined) return known;
    // A view keeps the whole message alive that it came in.
    const own = raw.byteLength === raw.buffer.byteLength ? raw : new Uint8Array(raw);
    const transaction = recoverTransaction(own);
    this.add(transaction);
    return transaction;
  }

  get(hash: Hash): Transaction | undefined {
    const transaction = this.#entries.get(hash);
    if (transaction === undefined) return undefined;
    this.#entries.delete(hash);
    this.#entries.set(hash, transaction);
    return transaction;
  }

  add(transaction: Transaction): void {
    const { hash } = transaction;
    if (this.#entries.has(hash)) return;
    this.#entries.set(hash, transaction);
    this.#bytes += transaction.raw.length;
    for (const [oldest, { raw }] of this.#entries) {
      if (this.#entries.size <= this.#entriesMax && this.#bytes <= this.#bytesMax) return;
      this.#entries.delete(oldest);
      this.#bytes -= raw.length;
    }
  }
}
