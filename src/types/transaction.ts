import type { Address, Bytes, Hash, Hex } from './primitives.ts';

export type AccessList = readonly { readonly address: Address; readonly storageKeys: readonly Hash[] }[];

/** Fields of a signed transaction of type 0 (legacy), 1 (EIP-2930) or 2 (EIP-1559). */
export type TransactionFields = {
  readonly type: 0 | 1 | 2;
  /** null: a legacy transaction without replay protection (before EIP-155). */
  readonly chainId: number | null;
  readonly nonce: number;
  readonly gasLimit: number;
  /** Types 0 and 1: the gas price, in both fields. */
  readonly maxFeePerGas: bigint;
  readonly maxPriorityFeePerGas: bigint;
  /** null creates a contract. */
  readonly to: Address | null;
  readonly value: bigint;
  readonly data: Bytes;
  readonly accessList: AccessList;
  /** 0 or 1. */
  readonly yParity: 0 | 1;
  /** Legacy: the v of the wire (27, 28 or chainId * 2 + 35 + yParity); else yParity. */
  readonly v: bigint;
  readonly r: Hex;
  readonly s: Hex;
};

/** A decoded transaction whose sender is known. Recovered once per node, then passed around by reference. */
export type Transaction = TransactionFields & {
  readonly hash: Hash;
  readonly sender: Address;
  /** Canonical bytes, as gossiped, stored and hashed. */
  readonly raw: Bytes;
};

/** Where a transaction came from; only local ones are journalled. */
export type TransactionOrigin = 'local' | 'gossip' | 'reorg' | 'journal';

export const TRANSACTION_SIZE_BYTES_MAX = 128 * 1024;
