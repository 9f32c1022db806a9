import type { Account } from '../types/account.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Trie } from './trie.ts';

/** What a layer, or a row of layers, changed: a StateDiff whose accounts have their new storage roots. */
export type LayerMaps = {
  readonly accounts: Map<Address, Account | null>;
  readonly storage: Map<Address, ReadonlyMap<Hash, Hash>>;
  /** Storages dropped before `storage` applies; those of deleted accounts among them. */
  readonly cleared: Set<Address>;
  readonly codes: Map<Hash, Bytes>;
  /** Storage tries of the accounts in `storage` and `cleared`, as they are afterwards. */
  readonly tries: Map<Address, Trie>;
};

export function emptyMaps(): LayerMaps {
  return { accounts: new Map(), storage: new Map(), cleared: new Set(), codes: new Map(), tries: new Map() };
}

/** Adds to `newer` what an older layer changed and `newer` did not. */
export function mergeOlder(newer: LayerMaps, older: LayerMaps): void {
  addMissing(newer.accounts, older.accounts);
  addMissing(newer.codes, older.codes);
  addMissing(newer.tries, older.tries);
  for (const [address, olderWords] of older.storage) {
    if (newer.cleared.has(address)) continue;
    // Maps in layers are shared: extend a copy.
    const words = new Map(olderWords);
    for (const [slot, word] of newer.storage.get(address) ?? []) words.set(slot, word);
    newer.storage.set(address, words);
  }
  for (const address of older.cleared) newer.cleared.add(address);
}

function addMissing<K, V>(newer: Map<K, V>, older: ReadonlyMap<K, V>): void {
  for (const [key, value] of older) if (!newer.has(key)) newer.set(key, value);
}
