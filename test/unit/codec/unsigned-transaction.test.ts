import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { createTx } from '@ethereumjs/tx';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeFields, encodeUnsigned, type UnsignedTransaction } from '../../../src/codec/transaction.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';
import { unsignedTransaction } from './arbitraries.ts';

const common = new Common({ chain: { ...Mainnet, chainId: 31_337 }, hardfork: Hardfork.Prague });

/** What the library takes: fees and gas as a network has them. */
const tame = unsignedTransaction.map((tx): UnsignedTransaction => {
  const maxFeePerGas = tx.maxFeePerGas % 2n ** 64n;
  const maxPriorityFeePerGas = tx.type === 2 ? maxFeePerGas / 2n : maxFeePerGas;
  return { ...tx, chainId: 31_337, gasLimit: tx.gasLimit % 2 ** 32, maxFeePerGas, maxPriorityFeePerGas };
});

describe('a transaction that nobody signed', () => {
  it('has the bytes that @ethereumjs/tx gives it: v, r and s are nothing', () => {
    fc.assert(
      fc.property(tame, (tx) => {
        const { type, nonce, gasLimit, maxFeePerGas, maxPriorityFeePerGas, to, value, data, accessList } = tx;
        const fees = type === 2 ? { maxFeePerGas, maxPriorityFeePerGas } : { gasPrice: maxFeePerGas };
        const list = accessList.map(({ address, storageKeys }) => ({ address, storageKeys: [...storageKeys] }));
        const fields = { type, chainId: 31_337, nonce, gasLimit, value, data: toHex(data), accessList: list };
        const theirs = createTx(
          { ...fields, ...(to !== null && { to }), ...fees },
          {
            common,
            allowUnlimitedInitCodeSize: true,
          },
        );
        expect(toHex(encodeUnsigned(tx))).toBe(toHex(theirs.serialize()));
      }),
    );
  });

  it('is no transaction to a decoder', () => {
    fc.assert(
      fc.property(unsignedTransaction, (tx) => {
        expect(() => decodeFields(encodeUnsigned(tx))).toThrow(CodecError);
      }),
    );
  });

  it('may not have fields that none can have', () => {
    const tx = fc.sample(unsignedTransaction, { numRuns: 1, seed: 1 })[0] as UnsignedTransaction;
    expect(() => encodeUnsigned({ ...tx, nonce: 2 ** 53 })).toThrow(CodecError);
  });
});
