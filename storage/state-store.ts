import { decodeAccount, encodeAccount } from '../src/codec/account.ts';
import type { BatchOp, KeyValueStore } from '../src/ports/kv.ts';
import type { StateChanges, StateStore } from '../src/ports/state.ts';
import { EMPTY_CODE_HASH, type Account } from '../src/types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../src/types/primitives.ts';
import { errorText, ParleyError } from '../src/util/errors.ts';
import { fromHex, toHex } from '../src/util/hex.ts';
import { keyOf } from './keyspace.ts';

/** About 400 bytes each: 13 MB when full. */
export const ACCOUNT_CACHE_ENTRIES_MAX = 32_768;

/**
 * The finalized state in the node's database: flat accounts, storage words and codes for reading, trie nodes by hash for
 * roots and proofs. It writes nothing itself: `ops` goes into the batch that moves the finalized pointer.
 */
export class LevelStateStore implements StateStore {
  readonly #kv: KeyValueStore;
  readonly #accounts: AccountCache;

  constructor(kv: KeyValueStore, options: { readonly accountCacheEntriesMax?: number } = {}) {
    this.#kv = kv;
    this.#accounts = new AccountCache(options.accountCacheEntriesMax ?? ACCOUNT_CACHE_ENTRIES_MAX);
  }

  account(address: Address): Account | undefined {
    const cached = this.#accounts.get(address);
    if (cached !== undefined) return cached ?? undefined;
    const bytes = this.#kv.get(keyOf('account', fromHex(address)));
    const account = bytes === undefined ? null : decodeStored(address, bytes);
    this.#accounts.set(address, account);
    return account ?? undefined;
  }

  storage(address: Address, slotHash: Hash): Hash {
    const word = this.#kv.get(keyOf('storage', fromHex(address), fromHex(slotHash)));
    return word === undefined ? ZERO_HASH : toHex(word);
  }

  code(codeHash: Hash): Bytes | undefined {
    return codeHash === EMPTY_CODE_HASH ? new Uint8Array(0) : this.#kv.get(keyOf('code', fromHex(codeHash)));
  }

  node(hash: Hash): Bytes | undefined {
    return this.#kv.get(keyOf('trieNode', fromHex(hash)));
  }

  ops(changes: StateChanges): BatchOp[] {
    const ops: BatchOp[] = [];
    for (const [address, account] of changes.accounts) {
      ops.push({ key: keyOf('account', fromHex(address)), value: account === null ? null : encodeAccount(account) });
    }
    for (const [address, words] of changes.storage) {
      const addressBytes = fromHex(address);
      for (const [slotHash, word] of words) {
        const key = keyOf('storage', addressBytes, fromHex(slotHash));
        ops.push({ key, value: word === ZERO_HASH ? null : fromHex(word) });
      }
    }
    for (const [hash, code] of changes.codes) ops.push({ key: keyOf('code', fromHex(hash)), value: code });
    for (const { hash, rlp } of changes.nodes) ops.push({ key: keyOf('trieNode', hash), value: rlp });
    return ops;
  }

  applied(changes: StateChanges): void {
    for (const [address, account] of changes.accounts) this.#accounts.set(address, account);
  }
}

/**
 * Accounts used of late, in two generations: when the young one is full it becomes the old one, and the old one goes. What
 * is used stays, as in an LRU, but a hit writes nothing, and nothing is ever deleted from a map: V8's maps grow slow when
 * their oldest entries are deleted one by one.
 */
class AccountCache {
  readonly #generationMax: number;
  /** null: known to be absent. */
  #young = new Map<Address, Account | null>();
  #old = new Map<Address, Account | null>();

  constructor(entriesMax: number) {
    this.#generationMax = Math.max(1, Math.floor(entriesMax / 2));
  }

  get(address: Address): Account | null | undefined {
    const young = this.#young.get(address);
    if (young !== undefined) return young;
    const old = this.#old.get(address);
    if (old !== undefined) this.set(address, old);
    return old;
  }

  set(address: Address, account: Account | null): void {
    if (this.#young.size >= this.#generationMax && !this.#young.has(address)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(address, account);
  }
}

function decodeStored(address: Address, bytes: Bytes): Account {
  try {
    return decodeAccount(bytes);
  } catch (error) {
    throw new ParleyError('STATE_DAMAGED', `the stored account ${address} is damaged: ${errorText(error)}`, {
      address,
    });
  }
}
