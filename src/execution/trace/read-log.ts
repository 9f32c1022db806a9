import type { StateReader } from '../../ports/state.ts';
import type { Account } from '../../types/account.ts';
import type { Address, Bytes, Hash } from '../../types/primitives.ts';

/** A state that does not change, and what of it was looked up since the last `forget`. That is read but once. */
export class ReadLog implements StateReader {
  readonly #state: StateReader;
  readonly #accounts = new Map<Address, Account | undefined>();
  readonly #slots = new Map<Address, Map<Hash, Hash>>();

  constructor(state: StateReader) {
    this.#state = state;
  }

  /** Those that are not there too. */
  addresses(): Iterable<Address> {
    return new Set([...this.#accounts.keys(), ...this.#slots.keys()]);
  }

  slots(address: Address): Iterable<Hash> {
    return [...(this.#slots.get(address)?.keys() ?? [])];
  }

  account(address: Address): Account | undefined {
    const known = this.#accounts.get(address);
    if (known !== undefined || this.#accounts.has(address)) return known;
    const account = this.#state.account(address);
    this.#accounts.set(address, account);
    return account;
  }

  storage(address: Address, slot: Hash): Hash {
    let slots = this.#slots.get(address);
    if (slots === undefined) this.#slots.set(address, (slots = new Map()));
    let word = slots.get(slot);
    if (word === undefined) slots.set(slot, (word = this.#state.storage(address, slot)));
    return word;
  }

  code(codeHash: Hash): Bytes | undefined {
    return this.#state.code(codeHash);
  }

  /** To be called whenever the state beneath has changed. */
  forget(): void {
    this.#accounts.clear();
    this.#slots.clear();
  }
}
