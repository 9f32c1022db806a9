/**
 * Storage of the staking account, with what the EVM would charge for it: 2100 gas for the first read of a slot in a call (EIP-2929) and
 * 100 for each after it; 20000 more to fill an empty slot, 2900 to change or empty one (EIP-2200). Nothing is refunded. What a block
 * does at its end costs nobody gas; it is counted all the same.
 *
 * Gas is charged before the work that it pays for: who has none left gets none done.
 */
import { encodeRlp, type RlpItem } from '../../codec/rlp.ts';
import { keccak256 } from '../../crypto/keccak.ts';
import type { StateOverlay } from '../../state/overlay.ts';
import { EMPTY_ACCOUNT } from '../../types/account.ts';
import { ZERO_HASH, type Address, type Hash } from '../../types/primitives.ts';
import { credit } from '../apply-transaction.ts';
import { STAKING_ADDRESS } from '../rules.ts';

const COLD_READ_GAS = 2_100;
const WARM_READ_GAS = 100;
const FILL_GAS = 20_000;
const CHANGE_GAS = 2_900;
const PAYMENT_GAS = 9_000;
const NEW_ACCOUNT_GAS = 25_000;

/** More was charged than there is. The call ends here; the frame that made it takes its writes back. */
export class OutOfGas extends Error {}

/** One for all: to record a stack is more work than a call without gas pays for. */
const OUT_OF_GAS = new OutOfGas('out of gas');

export class StakingStorage {
  readonly #overlay: StateOverlay;
  readonly #gasLimit: number;
  readonly #warm = new Set<Hash>();
  #gasUsed = 0;

  constructor(overlay: StateOverlay, gasLimit: number) {
    this.#overlay = overlay;
    this.#gasLimit = gasLimit;
  }

  get gasUsed(): number {
    return this.#gasUsed;
  }

  /** Throws OutOfGas. */
  charge(gas: number): void {
    this.#gasUsed += gas;
    if (this.#gasUsed > this.#gasLimit) throw OUT_OF_GAS;
  }

  read(slot: Hash): Hash {
    this.charge(this.#warm.has(slot) ? WARM_READ_GAS : COLD_READ_GAS);
    this.#warm.add(slot);
    return this.#overlay.storage(STAKING_ADDRESS, slot);
  }

  readAmount(slot: Hash): bigint {
    return BigInt(this.read(slot));
  }

  write(slot: Hash, word: Hash): void {
    const before = this.read(slot);
    if (before === word) return;
    this.charge(before === ZERO_HASH ? FILL_GAS : CHANGE_GAS);
    this.#overlay.setStorage(STAKING_ADDRESS, slot, word);
  }

  /** The account's balance changes without anybody paying or being paid: coins that are issued or, negative, burned. */
  issue(amountWei: bigint): void {
    credit(this.#overlay, STAKING_ADDRESS, amountWei);
  }

  /** From the contract's balance. Nothing runs at the receiver. */
  pay(to: Address, amountWei: bigint): void {
    this.charge(PAYMENT_GAS);
    if (this.#overlay.account(to) === undefined) this.charge(NEW_ACCOUNT_GAS);
    credit(this.#overlay, STAKING_ADDRESS, -amountWei);
    credit(this.#overlay, to, amountWei);
  }

  /** Nonce 1 keeps the account from counting as empty (EIP-161). */
  open(): void {
    this.#overlay.setAccount(STAKING_ADDRESS, { ...EMPTY_ACCOUNT, nonce: 1 });
  }
}

/** keccak256(rlp(['parley/staking/<tag>', …keys])). */
export function slotOf(tag: string, ...keys: readonly RlpItem[]): Hash {
  return keccak256(encodeRlp([Buffer.from(`parley/staking/${tag}`), ...keys]));
}
