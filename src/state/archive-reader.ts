import { decodeAccount } from '../codec/account.ts';
import type { StateReader, StateStore } from '../ports/state.ts';
import { EMPTY_CODE_HASH, EMPTY_ROOT, type Account } from '../types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../types/primitives.ts';
import { decodeWord, secureKey } from './secure.ts';
import { Trie } from './trie.ts';

/**
 * The state at any root that was ever finalized, read through its tries alone: slower than the flat values, and right
 * whatever has been finalized since. Throws ParleyError STATE_PRUNED where a node is not stored.
 */
export class ArchiveReader implements StateReader {
  readonly root: Hash;
  readonly #store: StateStore;

  constructor(store: StateStore, root: Hash) {
    this.#store = store;
    this.root = root;
  }

  account(address: Address): Account | undefined {
    const value = this.accountTrie().get(secureKey(address));
    return value === undefined ? undefined : decodeAccount(value);
  }

  storage(address: Address, slot: Hash): Hash {
    const value = this.storageTrie(address).get(secureKey(slot));
    return value === undefined ? ZERO_HASH : decodeWord(value);
  }

  code(codeHash: Hash): Bytes | undefined {
    return codeHash === EMPTY_CODE_HASH ? new Uint8Array(0) : this.#store.code(codeHash);
  }

  accountTrie(): Trie {
    return Trie.open(this.root, (hash) => this.#store.node(hash));
  }

  storageTrie(address: Address): Trie {
    return Trie.open(this.account(address)?.storageRoot ?? EMPTY_ROOT, (hash) => this.#store.node(hash));
  }
}
