import type { Account } from '../types/account.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { BatchOp } from './kv.ts';

/** A read view of the world state at one point. Synchronous: hot paths read LevelDB without a promise. */
export interface StateReader {
  /** undefined: no such account. */
  account(address: Address): Account | undefined;
  /** A 32-byte word; ZERO_HASH where nothing is stored. */
  storage(address: Address, slot: Hash): Hash;
  /** undefined only for an unknown hash; EMPTY_CODE_HASH gives no bytes. */
  code(codeHash: Hash): Bytes | undefined;
}

/**
 * What a block changed. `accounts`: the new value, or null where deleted; the `storageRoot` in it is that of before
 * (the layer computes the new one). `storage`: changed words per account, ZERO_HASH deletes. `cleared`: accounts whose
 * whole storage is dropped before `storage` applies (self-destruct, re-creation).
 */
export type StateDiff = {
  readonly accounts: ReadonlyMap<Address, Account | null>;
  readonly storage: ReadonlyMap<Address, ReadonlyMap<Hash, Hash>>;
  readonly cleared: ReadonlySet<Address>;
  readonly codes: ReadonlyMap<Hash, Bytes>;
};

/** What finalizing writes: new values, not differences, so that writing them twice does no harm. */
export type StateChanges = {
  /** null: deleted. */
  readonly accounts: ReadonlyMap<Address, Account | null>;
  /** Changed words per account, by keccak256 of the slot; ZERO_HASH deletes. */
  readonly storage: ReadonlyMap<Address, ReadonlyMap<Hash, Hash>>;
  readonly codes: ReadonlyMap<Hash, Bytes>;
  readonly nodes: readonly { readonly hash: Bytes; readonly rlp: Bytes }[];
};

/** Durable finalized state. Implemented by storage/state-store.ts over a KeyValueStore. */
export interface StateStore {
  /** Flat values of the last finalized block. */
  account(address: Address): Account | undefined;
  /** `slotHash`: keccak256 of the slot, as in the account's storage trie. ZERO_HASH where nothing is stored. */
  storage(address: Address, slotHash: Hash): Hash;
  code(codeHash: Hash): Bytes | undefined;
  /** RLP of a trie node by its keccak256; every root ever finalized stays readable. */
  node(hash: Hash): Bytes | undefined;
  /** What a batch must hold to make the changes. Nothing is written. */
  ops(changes: StateChanges): BatchOp[];
  /** The batch with these changes is durable: caches follow. */
  applied(changes: StateChanges): void;
}
