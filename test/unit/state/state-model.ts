import { keccak256 } from '../../../src/crypto/keccak.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import type { StateReader } from '../../../src/ports/state.ts';
import { EMPTY_ACCOUNT } from '../../../src/types/account.ts';
import { ZERO_HASH, type Address, type Hash } from '../../../src/types/primitives.ts';
import type { Rng } from '../../../src/util/rng.ts';

/** What the state should be, as plainly as it can be written. */
export type ModelAccount = {
  readonly nonce: number;
  readonly balance: bigint;
  readonly code: string;
  readonly slots: Map<Hash, Hash>;
};
export type Model = Map<Address, ModelAccount>;

export const addressAt = (n: number): Address => `0x${n.toString(16).padStart(40, 'a')}`;
export const slotAt = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;
export const wordAt = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;

export const ADDRESSES = Array.from({ length: 12 }, (_, i) => addressAt(i + 1));
export const SLOTS = Array.from({ length: 6 }, (_, i) => slotAt(i));

export function copyModel(model: Model): Model {
  return new Map([...model].map(([address, account]) => [address, { ...account, slots: new Map(account.slots) }]));
}

/** A random write to both. */
export function write(rng: Rng, overlay: StateOverlay, model: Model): void {
  const address = rng.pick(ADDRESSES);
  const known = model.get(address);
  const kind = rng.between(0, 9);
  if (known === undefined || kind <= 3) {
    const account = known ?? { nonce: 0, balance: 0n, code: '', slots: new Map<Hash, Hash>() };
    const next = { ...account, nonce: account.nonce + 1, balance: BigInt(rng.between(0, 1e6)) };
    overlay.setAccount(address, {
      ...(overlay.account(address) ?? EMPTY_ACCOUNT),
      nonce: next.nonce,
      balance: next.balance,
    });
    model.set(address, next);
  } else if (kind <= 6) {
    const slot = rng.pick(SLOTS);
    const word = rng.chance(0.3) ? ZERO_HASH : wordAt(rng.between(1, 1e9));
    overlay.setStorage(address, slot, word);
    if (word === ZERO_HASH) known.slots.delete(slot);
    else known.slots.set(slot, word);
  } else if (kind === 7) {
    overlay.clearStorage(address);
    known.slots.clear();
  } else if (kind === 8) {
    const code = `code ${rng.between(0, 3)}`;
    overlay.setCode(address, Buffer.from(code));
    model.set(address, { ...known, code });
  } else {
    overlay.deleteAccount(address);
    model.delete(address);
  }
}

/** Everything that can be read, in one value that compares. */
export function read(state: StateReader): unknown {
  return ADDRESSES.map((address) => {
    const account = state.account(address);
    const slots = SLOTS.map((slot) => state.storage(address, slot));
    if (account === undefined) return { slots };
    const code = Buffer.from(state.code(account.codeHash) ?? []).toString();
    return { nonce: account.nonce, balance: account.balance, code, slots };
  });
}

export function readModel(model: Model): unknown {
  return ADDRESSES.map((address) => {
    const account = model.get(address);
    const slots = SLOTS.map((slot) => account?.slots.get(slot) ?? ZERO_HASH);
    if (account === undefined) return { slots };
    return { nonce: account.nonce, balance: account.balance, code: account.code, slots };
  });
}

export const codeHashOf = (code: string): Hash => keccak256(Buffer.from(code));
