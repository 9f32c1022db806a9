import type { Block } from '../types/block.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import type { BatchOp } from './kv.ts';

export type FinalizedPointer = {
  readonly hash: Hash;
  readonly number: number;
  /** State root of that block. */
  readonly stateRoot: Hash;
  /** The engine's opaque value of that moment. */
  readonly anchor: Bytes | null;
};

export type TransactionLocation = { readonly blockHash: Hash; readonly index: number };

/** What the chain keeps on disk. Implemented by storage/block-store.ts. */
export interface BlockStore {
  block(hash: Hash): Block | undefined;
  canonicalHash(number: number): Hash | undefined;
  receipts(hash: Hash): readonly Receipt[] | undefined;
  transaction(hash: Hash): TransactionLocation | undefined;
  justification(hash: Hash): Bytes | undefined;
  finalized(): FinalizedPointer | undefined;
  /** Stored, not synced: a lost one is fetched again from peers. */
  putUnfinalized(block: Block, hash: Hash): Promise<void>;
  /** Stored blocks above finality, parents before children. */
  unfinalized(): Promise<readonly { readonly hash: Hash; readonly block: Block }[]>;
  /**
   * Everything one step of finality changes, in ONE atomic synced batch: `blocks` (newly canonical, ascending, with receipts),
   * the pointer, the engine's proof, removal of `dead` forks, and `stateOps` from src/state.
   */
  finalize(step: FinalizeStep): Promise<void>;
  /** Schema version, genesis hash and the like, by name. */
  meta(name: string): Bytes | undefined;
  putMeta(name: string, value: Bytes): Promise<void>;
}

export type FinalizeStep = {
  readonly blocks: readonly {
    readonly hash: Hash;
    readonly block: Block;
    readonly receipts: readonly Receipt[];
    /** Of the body's transactions, in their order. */
    readonly transactionHashes: readonly Hash[];
  }[];
  readonly pointer: FinalizedPointer;
  readonly justification: Bytes | null;
  readonly dead: readonly { readonly hash: Hash; readonly number: number }[];
  readonly stateOps: readonly BatchOp[];
  /** Singletons written in the same batch. */
  readonly metas?: readonly { readonly name: string; readonly value: Bytes }[];
};

/** The engine's own votes (`persist`). Implemented by storage/vote-store.ts; always synced. */
export interface VoteStore {
  load(): Promise<ReadonlyMap<string, Bytes>>;
  put(entries: readonly { readonly key: string; readonly value: Bytes | null }[]): Promise<void>;
}

/**
 * The signer's memory, in a database of its own that a chain reset never touches. Implemented by storage/guard-store.ts.
 * Keys are chosen by src/wallet (guard.ts, history-store.ts); always synced.
 */
export interface GuardStore {
  get(key: string): Bytes | undefined;
  put(key: string, value: Bytes): Promise<void>;
  /** All of it or nothing. */
  putAll(writes: readonly GuardWrite[]): Promise<void>;
  /** Every record whose key begins with `prefix` (ASCII), by key. */
  list(prefix: string): Promise<readonly { readonly key: string; readonly value: Bytes }[]>;
}

/** null deletes. */
export type GuardWrite = { readonly key: string; readonly value: Bytes | null };

/** Accepted local transactions until they are final, so that an answered hash survives kill -9. storage/journal-store.ts. */
export interface JournalStore {
  /** Resolves when the write reached the operating system (`sync`: the disk). Concurrent calls share one batch. */
  add(hash: Hash, raw: Bytes): Promise<void>;
  remove(hashes: readonly Hash[]): Promise<void>;
  load(): AsyncIterable<{ readonly hash: Hash; readonly raw: Bytes }>;
}
