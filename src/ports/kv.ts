import type { Bytes } from '../types/primitives.ts';

export type BatchOp = { readonly key: Bytes; readonly value: Bytes | null };
export type Range = {
  /** Inclusive. */
  readonly gte: Bytes;
  /** Exclusive. */
  readonly lt: Bytes;
  readonly reverse?: boolean;
  readonly limit?: number;
};

/**
 * An ordered key-value store with atomic batches. Implementations: `storage/level.ts` (LevelDB) and
 * `storage/memory.ts` (with faults, for simulation); one conformance suite judges both.
 */
export interface KeyValueStore {
  /** Synchronous, for hot paths (5 µs against 59 for a promise on LevelDB). */
  get(key: Bytes): Bytes | undefined;
  getMany(keys: readonly Bytes[]): (Bytes | undefined)[];
  /** All or nothing; `null` deletes. With `sync`, on disk when the promise resolves (survives power loss). */
  batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void>;
  /** A consistent view as of the call; entries in key order. */
  iterate(range: Range): AsyncIterable<readonly [Bytes, Bytes]>;
  close(): Promise<void>;
}
