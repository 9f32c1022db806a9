import { createCustomCommon, Hardfork, Mainnet } from '@ethereumjs/common';
import { createTx } from '@ethereumjs/tx';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveGasPrice, intrinsicGas, minimumGasLimit, nextBaseFee } from '../../../src/execution/fees.ts';
import { key, word } from './support.ts';

describe('nextBaseFee', () => {
  // go-ethereum, consensus/misc/eip1559/eip1559_test.go, TestCalcBaseFee.
  it.for([
    [1_000_000_000n, 20_000_000, 10_000_000, 1_000_000_000n],
    [1_000_000_000n, 20_000_000, 9_000_000, 987_500_000n],
    [1_000_000_000n, 20_000_000, 11_000_000, 1_012_500_000n],
  ] as const)('moves %i with %i gas, %i used, to %i', ([baseFeePerGas, gasLimit, gasUsed, expected]) => {
    expect(nextBaseFee({ baseFeePerGas, gasLimit, gasUsed })).toBe(expected);
  });

  it('moves by an eighth at most', () => {
    expect(nextBaseFee({ baseFeePerGas: 8_000n, gasLimit: 30_000_000, gasUsed: 0 })).toBe(7_000n);
    expect(nextBaseFee({ baseFeePerGas: 8_000n, gasLimit: 30_000_000, gasUsed: 30_000_000 })).toBe(9_000n);
  });

  it('rises from nothing and never falls below it', () => {
    expect(nextBaseFee({ baseFeePerGas: 0n, gasLimit: 30_000_000, gasUsed: 15_000_001 })).toBe(1n);
    expect(nextBaseFee({ baseFeePerGas: 7n, gasLimit: 30_000_000, gasUsed: 0 })).toBe(7n);
    expect(nextBaseFee({ baseFeePerGas: 0n, gasLimit: 30_000_000, gasUsed: 0 })).toBe(0n);
  });
});

describe('effectiveGasPrice', () => {
  it('is base fee and tip, capped', () => {
    expect(effectiveGasPrice({ maxFeePerGas: 30n, maxPriorityFeePerGas: 2n }, 10n)).toBe(12n);
    expect(effectiveGasPrice({ maxFeePerGas: 11n, maxPriorityFeePerGas: 2n }, 10n)).toBe(11n);
    expect(effectiveGasPrice({ maxFeePerGas: 30n, maxPriorityFeePerGas: 30n }, 10n)).toBe(30n);
  });
});

describe('intrinsic gas', () => {
  const common = createCustomCommon({ chainId: 1 }, Mainnet, { hardfork: Hardfork.Prague });
  const accessList = fc.array(
    fc.record({
      address: fc.constantFrom(key(0).address, key(1).address),
      storageKeys: fc.array(fc.bigInt(0n, 9n).map(word), { maxLength: 4 }),
    }),
    { maxLength: 4 },
  );
  const bytes = fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 255 })), { maxLength: 300 });

  it('and the calldata floor are those of @ethereumjs/tx', () => {
    fc.assert(
      fc.property(fc.constantFrom(null, key(0).address), bytes, accessList, (to, content, list) => {
        const data = Uint8Array.from(content);
        const ours = { to, data, accessList: list };
        const type = { type: 1, gasLimit: 10_000_000n, gasPrice: 1n, data };
        const theirs = createTx({ ...type, accessList: list, ...(to === null ? {} : { to }) }, { common });
        expect(BigInt(intrinsicGas(ours))).toBe(theirs.getIntrinsicGas());
        const least = BigInt(minimumGasLimit(ours));
        const valid = (gasLimit: bigint): boolean =>
          createTx({ ...type, gasLimit, accessList: list, ...(to === null ? {} : { to }) }, { common }).isValid();
        expect([valid(least), valid(least - 1n)]).toEqual([true, false]);
      }),
    );
  });
});
