/** The codec against three libraries that wallets are made of, on the same generated transactions. */
import { createTxFromRLP } from '@ethereumjs/tx';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { Transaction as EthersTransaction, Wallet } from 'ethers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keccak256, parseTransaction, type Hex as ViemHex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import {
  decodeFields,
  encodeSigned,
  recoverTransaction,
  signingDigest,
  signTransaction,
  type UnsignedTransaction,
} from '../../../src/codec/transaction.ts';
import { addressOf } from '../../../src/crypto/secp256k1.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { privateKey, unsignedTransaction } from './arbitraries.ts';

/** viem and ethers bound fees and gas as a network would; ours are wider. */
const tame = unsignedTransaction.map((tx) => ({
  ...tx,
  maxFeePerGas: tx.maxFeePerGas % 2n ** 64n,
  maxPriorityFeePerGas:
    tx.type === 2 ? tx.maxPriorityFeePerGas % ((tx.maxFeePerGas % 2n ** 64n) + 1n) : tx.maxFeePerGas % 2n ** 64n,
}));

function ethersOf(tx: UnsignedTransaction): EthersTransaction {
  return EthersTransaction.from({
    type: tx.type,
    chainId: tx.chainId ?? 0,
    nonce: tx.nonce,
    gasLimit: tx.gasLimit,
    to: tx.to,
    value: tx.value,
    data: toHex(tx.data),
    ...(tx.type === 2
      ? { maxFeePerGas: tx.maxFeePerGas, maxPriorityFeePerGas: tx.maxPriorityFeePerGas }
      : { gasPrice: tx.maxFeePerGas }),
    ...(tx.type === 0
      ? {}
      : { accessList: tx.accessList.map((e) => ({ address: e.address, storageKeys: [...e.storageKeys] })) }),
  });
}

async function signedByViem(tx: UnsignedTransaction, key: Bytes): Promise<ViemHex> {
  const account = privateKeyToAccount(toHex(key));
  const common = { nonce: tx.nonce, gas: BigInt(tx.gasLimit), to: tx.to, value: tx.value, data: toHex(tx.data) };
  const accessList = tx.accessList.map((e) => ({ address: e.address, storageKeys: [...e.storageKeys] }));
  if (tx.type === 0) {
    return account.signTransaction({
      ...common,
      type: 'legacy',
      gasPrice: tx.maxFeePerGas,
      ...(tx.chainId === null ? {} : { chainId: tx.chainId }),
    });
  }
  const chainId = tx.chainId ?? 0;
  if (tx.type === 1)
    return account.signTransaction({ ...common, type: 'eip2930', chainId, accessList, gasPrice: tx.maxFeePerGas });
  const { maxFeePerGas, maxPriorityFeePerGas } = tx;
  return account.signTransaction({
    ...common,
    type: 'eip1559',
    chainId,
    accessList,
    maxFeePerGas,
    maxPriorityFeePerGas,
  });
}

describe('against ethers', () => {
  it('signs to the same bytes and digest, and reads back hash and sender', async () => {
    await fc.assert(
      fc.asyncProperty(tame, privateKey, async (tx, key) => {
        const oracle = ethersOf(tx);
        expect(signingDigest(tx)).toBe(oracle.unsignedHash);
        oracle.signature = new Wallet(toHex(key)).signingKey.sign(oracle.unsignedHash);
        const raw = signTransaction(tx, key);
        expect(toHex(raw)).toBe(oracle.serialized);
        const recovered = recoverTransaction(fromHex(oracle.serialized as ViemHex));
        expect(recovered.hash).toBe(oracle.hash);
        expect(recovered.sender).toBe(oracle.from?.toLowerCase());
      }),
      { numRuns: 50 },
    );
  });
});

describe('against viem', () => {
  it('signs to the same bytes and reads the same fields', async () => {
    await fc.assert(
      fc.asyncProperty(tame, privateKey, async (tx, key) => {
        const serialized = await signedByViem(tx, key);
        expect(toHex(signTransaction(tx, key))).toBe(serialized);
        const ours = recoverTransaction(fromHex(serialized));
        const theirs = parseTransaction(serialized) as Record<string, unknown>;
        expect(ours.hash).toBe(keccak256(serialized));
        expect(ours.nonce).toBe(theirs['nonce'] ?? 0);
        expect(BigInt(ours.gasLimit)).toBe(theirs['gas'] ?? 0n);
        expect(ours.value).toBe(theirs['value'] ?? 0n);
        expect(toHex(ours.data)).toBe(theirs['data'] ?? '0x');
        expect(ours.to).toBe(theirs['to'] ?? null);
        expect(ours.chainId ?? undefined).toBe(theirs['chainId']);
        expect(BigInt(ours.r)).toBe(BigInt(theirs['r'] as string));
        expect(BigInt(ours.s)).toBe(BigInt(theirs['s'] as string));
        expect(ours.yParity).toBe(theirs['yParity']);
      }),
      { numRuns: 40 },
    );
  });
});

describe('against @ethereumjs/tx', () => {
  it('reads our bytes to the same fields, hash and sender', () => {
    fc.assert(
      fc.property(unsignedTransaction, privateKey, (tx, key) => {
        // It multiplies gas by fee and refuses more than 256 bits of that, and computes v in floating point.
        const small = {
          ...tx,
          ...cappedFees(tx),
          gasLimit: tx.gasLimit % 2 ** 40,
          chainId: tx.chainId === null ? null : tx.chainId % 2 ** 50,
        };
        const raw = signTransaction(small, key);
        const common = new Common({ chain: { ...Mainnet, chainId: small.chainId ?? 1 }, hardfork: Hardfork.London });
        const theirs = createTxFromRLP(raw, { common });
        expect(toHex(theirs.hash())).toBe(recoverTransaction(raw).hash);
        expect(theirs.getSenderAddress().toString()).toBe(recoverTransaction(raw).sender);
        const ours = decodeFields(raw);
        expect(theirs.nonce).toBe(BigInt(ours.nonce));
        expect(theirs.gasLimit).toBe(BigInt(ours.gasLimit));
        expect(theirs.value).toBe(ours.value);
        expect(toHex(theirs.data)).toBe(toHex(ours.data));
        expect(theirs.to?.toString() ?? null).toBe(ours.to);
        expect(theirs.v).toBe(ours.v);
        expect(theirs.r).toBe(BigInt(ours.r));
        expect(theirs.s).toBe(BigInt(ours.s));
      }),
      { numRuns: 40 },
    );
  });
});

describe('the codec on its own', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(unsignedTransaction, privateKey, (tx, key) => {
        const raw = signTransaction(tx, key);
        const { yParity, v, r, s, ...fields } = decodeFields(raw);
        expect({ ...fields, data: toHex(fields.data) }).toEqual({ ...tx, data: toHex(tx.data) });
        expect(toHex(encodeSigned({ ...fields, yParity, v, r, s }))).toBe(toHex(raw));
        const recovered = recoverTransaction(raw);
        expect(recovered.sender).toBe(addressOf(key));
        expect(toHex(recovered.raw)).toBe(toHex(raw));
      }),
      { numRuns: 200 },
    );
  });
});

function cappedFees(tx: UnsignedTransaction): Pick<UnsignedTransaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'> {
  const maxFeePerGas = tx.maxFeePerGas % 2n ** 200n;
  const priority = tx.maxPriorityFeePerGas % 2n ** 200n;
  if (tx.type !== 2) return { maxFeePerGas, maxPriorityFeePerGas: maxFeePerGas };
  return { maxFeePerGas, maxPriorityFeePerGas: priority < maxFeePerGas ? priority : maxFeePerGas };
}
