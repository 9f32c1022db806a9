import type { StateDiff, StateReader } from '../ports/state.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, type Account } from '../types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../types/primitives.ts';
import { keccak256 } from '../crypto/keccak.ts';
import { assert } from '../util/assert.ts';

type Words = Map<Hash, Hash>;

/** How to take one write back. `undefined`: there was no entry. */
type Undo =
  | { readonly kind: 'account'; readonly address: Address; readonly before: Account | null | undefined }
  | { readonly kind: 'word'; readonly words: Words; readonly slot: Hash; readonly before: Hash | undefined }
  | {
      readonly kind: 'storage';
      readonly address: Address;
      readonly before: Words | undefined;
      readonly cleared: boolean;
    }
  | { readonly kind: 'code'; readonly codeHash: Hash };

/** Empty as EIP-161 means it: such an account, once touched, is deleted. Storage does not count. */
export function isEmptyAccount(account: Account): boolean {
  return account.nonce === 0 && account.balance === 0n && account.codeHash === EMPTY_CODE_HASH;
}

/**
 * Writes over a state that stays as it is. Checkpoints nest (EVM call frames): `revert` takes back everything since the
 * last one, `commit` leaves it to the one before. Undo records are kept only while a checkpoint is open, so a plain
 * transfer costs two map writes.
 *
 * EIP-161 is the caller's business: nothing is deleted unless told.
 */
export class StateOverlay implements StateReader {
  /** The state beneath. */
  readonly parent: StateReader;
  readonly #accounts = new Map<Address, Account | null>();
  readonly #storage = new Map<Address, Words>();
  readonly #cleared = new Set<Address>();
  readonly #codes = new Map<Hash, Bytes>();
  readonly #journal: Undo[] = [];
  /** Length of the journal at each open checkpoint. */
  readonly #checkpoints: number[] = [];

  constructor(parent: StateReader) {
    this.parent = parent;
  }

  account(address: Address): Account | undefined {
    const account = this.#accounts.get(address);
    return account === undefined ? this.parent.account(address) : (account ?? undefined);
  }

  storage(address: Address, slot: Hash): Hash {
    const word = this.#storage.get(address)?.get(slot);
    if (word !== undefined) return word;
    return this.#cleared.has(address) ? ZERO_HASH : this.parent.storage(address, slot);
  }

  code(codeHash: Hash): Bytes | undefined {
    return this.#codes.get(codeHash) ?? this.parent.code(codeHash);
  }

  /** `storageRoot` is passed on as it was read; the layer works out the new one. */
  setAccount(address: Address, account: Account): void {
    this.#putAccount(address, account);
  }

  /** The account, its storage with it. */
  deleteAccount(address: Address): void {
    this.#putAccount(address, null);
    this.clearStorage(address);
  }

  /** EIP-161 for one touched account. Says whether it was deleted. */
  deleteIfEmpty(address: Address): boolean {
    const account = this.account(address);
    if (account === undefined || !isEmptyAccount(account)) return false;
    this.deleteAccount(address);
    return true;
  }

  setStorage(address: Address, slot: Hash, word: Hash): void {
    let words = this.#storage.get(address);
    if (words === undefined) {
      words = new Map();
      this.#storage.set(address, words);
    }
    if (this.#checkpoints.length > 0) this.#journal.push({ kind: 'word', words, slot, before: words.get(slot) });
    words.set(slot, word);
  }

  /** Every slot reads as zero from now on, whatever the state beneath holds. */
  clearStorage(address: Address): void {
    if (this.#checkpoints.length > 0) {
      const before = this.#storage.get(address);
      this.#journal.push({ kind: 'storage', address, before, cleared: this.#cleared.has(address) });
    }
    this.#storage.delete(address);
    this.#cleared.add(address);
  }

  /** Stores the code and names it in the account, which is created where there is none. */
  setCode(address: Address, code: Bytes): Hash {
    const codeHash = keccak256(code);
    if (code.length > 0) this.#putCode(codeHash, code);
    this.#putAccount(address, { ...(this.account(address) ?? EMPTY_ACCOUNT), codeHash });
    return codeHash;
  }

  checkpoint(): void {
    this.#checkpoints.push(this.#journal.length);
  }

  revert(): void {
    const start = this.#checkpoints.pop();
    assert(start !== undefined, 'revert without a checkpoint');
    while (this.#journal.length > start) this.#undo(this.#journal.pop() as Undo);
  }

  commit(): void {
    assert(this.#checkpoints.pop() !== undefined, 'commit without a checkpoint');
    if (this.#checkpoints.length === 0) this.#journal.length = 0;
  }

  /** Everything written so far, as a copy. No checkpoint may be open. */
  diff(): StateDiff {
    assert(this.#checkpoints.length === 0, 'diff with an open checkpoint');
    const storage = new Map<Address, ReadonlyMap<Hash, Hash>>();
    for (const [address, words] of this.#storage) if (words.size > 0) storage.set(address, new Map(words));
    return {
      accounts: new Map(this.#accounts),
      storage,
      cleared: new Set(this.#cleared),
      codes: new Map(this.#codes),
    };
  }

  /** As `diff`; it is as new afterwards, for when the state beneath has what was written. */
  take(): StateDiff {
    const diff = this.diff();
    this.#accounts.clear();
    this.#storage.clear();
    this.#cleared.clear();
    this.#codes.clear();
    return diff;
  }

  /** What was written over this state elsewhere becomes its own. */
  absorb(diff: StateDiff): void {
    for (const address of diff.cleared) this.clearStorage(address);
    for (const [address, words] of diff.storage) {
      for (const [slot, word] of words) this.setStorage(address, slot, word);
    }
    for (const [codeHash, code] of diff.codes) this.#putCode(codeHash, code);
    for (const [address, account] of diff.accounts) this.#putAccount(address, account);
  }

  #putCode(codeHash: Hash, code: Bytes): void {
    if (this.#codes.has(codeHash)) return;
    this.#codes.set(codeHash, code);
    if (this.#checkpoints.length > 0) this.#journal.push({ kind: 'code', codeHash });
  }

  #putAccount(address: Address, account: Account | null): void {
    if (this.#checkpoints.length > 0) {
      this.#journal.push({ kind: 'account', address, before: this.#accounts.get(address) });
    }
    this.#accounts.set(address, account);
  }

  #undo(undo: Undo): void {
    switch (undo.kind) {
      case 'account':
        restore(this.#accounts, undo.address, undo.before);
        return;
      case 'word':
        restore(undo.words, undo.slot, undo.before);
        return;
      case 'storage':
        restore(this.#storage, undo.address, undo.before);
        if (!undo.cleared) this.#cleared.delete(undo.address);
        return;
      case 'code':
        this.#codes.delete(undo.codeHash);
    }
  }
}

function restore<K, V>(map: Map<K, V>, key: K, before: V | undefined): void {
  if (before === undefined) map.delete(key);
  else map.set(key, before);
}
