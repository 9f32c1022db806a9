import { decodeFields, signTransaction, type UnsignedTransaction } from '../../../src/codec/transaction.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../../src/codec/rlp.ts';
import { accountsFromMnemonic } from '../../../src/crypto/mnemonic.ts';
import type { Address, Bytes, Hex } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';
import { MNEMONIC } from './devnet.ts';
import { CHAIN_ID } from './test-peer.ts';

export type Account = { readonly address: Address; readonly privateKey: Bytes };

export const GWEI = 10n ** 9n;
export const RECIPIENT: Address = '0x000000000000000000000000000000000000bead';

/** Funded accounts of a devnet. */
export function devAccount(index: number): Account {
  const account = accountsFromMnemonic(MNEMONIC, index + 1)[index];
  if (account === undefined) throw new Error(`no account ${index}`);
  return account;
}

/** Fields of a good transfer of one wei. */
export function transferFields(changes: Partial<UnsignedTransaction> = {}): UnsignedTransaction {
  return {
    type: 2,
    chainId: CHAIN_ID,
    nonce: 0,
    gasLimit: 21_000,
    maxFeePerGas: 100n * GWEI,
    maxPriorityFeePerGas: GWEI,
    to: RECIPIENT,
    value: 1n,
    data: new Uint8Array(0),
    accessList: [],
    ...changes,
  };
}

export function signedTransfer(account: Account, changes: Partial<UnsignedTransaction> = {}): Hex {
  return toHex(signTransaction(transferFields(changes), account.privateKey));
}

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature in its other form, which EIP-2 forbids. */
export function highS(raw: Bytes): Hex {
  const { yParity, s } = decodeFields(raw);
  const high = Buffer.from((CURVE_ORDER - BigInt(s)).toString(16).padStart(64, '0'), 'hex');
  const other = yParity === 1 ? new Uint8Array(0) : Uint8Array.of(1);
  return toHex(withField(withField(raw, 9, other), 11, high));
}

/** A type 2 transaction with one item of its list replaced. */
export function withField(raw: Bytes, index: number, item: RlpItem): Bytes {
  const items = [...(decodeRlp(raw.subarray(1)) as readonly RlpItem[])];
  items[index] = item;
  return Buffer.concat([Uint8Array.of(raw[0] ?? 2), encodeRlp(items)]);
}
