import * as fc from 'fast-check';
import { numberToHex, toRlp } from 'viem';
import { describe, expect, it } from 'vitest';
import { decodeStoredReceipts, encodeReceipt, encodeStoredReceipts } from '../../../src/codec/receipt.ts';
import type { Bytes, Hex } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { mutation, receipt as anyReceipt } from './arbitraries.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { codecCodeOf } from './expect-strict.ts';

describe('the consensus form', () => {
  it('is the type byte and RLP of status, gas, bloom and logs', () => {
    fc.assert(
      fc.property(anyReceipt, (receipt) => {
        const list = toRlp([
          receipt.status === 1 ? '0x01' : '0x',
          quantity(receipt.cumulativeGasUsed),
          receipt.logsBloom,
          receipt.logs.map((log) => [log.address, [...log.topics], log.data]),
        ]);
        const expected: Hex = receipt.type === 0 ? list : `0x0${receipt.type}${list.slice(2)}`;
        expect(toHex(encodeReceipt(receipt))).toBe(expected);
      }),
    );
  });
});

describe('the stored form', () => {
  it('keeps every field', () => {
    fc.assert(
      fc.property(fc.array(anyReceipt, { maxLength: 5 }), (receipts) => {
        expect(decodeStoredReceipts(encodeStoredReceipts(receipts))).toEqual(receipts);
      }),
    );
  });

  it('spends no bloom on a plain transfer', () => {
    const transfer = {
      type: 2,
      status: 1,
      cumulativeGasUsed: 21_000,
      logsBloom: `0x${'00'.repeat(256)}`,
      logs: [],
      gasUsed: 21_000,
      effectiveGasPrice: 1_000_000_000n,
      contractAddress: null,
    } as const;
    expect(encodeStoredReceipts([transfer]).length).toBeLessThan(32);
  });

  it('throws a CodecError on damage', () => {
    for (const text of ['0x', '0x80', '0xc1', '0xc180', '0xc1c0', '0xffffffffffffffffff'] as const) {
      expect(codecCodeOf(() => decodeStoredReceipts(fromHex(text)))).toBe('RECEIPT_MALFORMED');
    }
    fc.assert(
      fc.property(
        fc.array(anyReceipt, { minLength: 1, maxLength: 3 }),
        fc.array(mutation, { minLength: 1, maxLength: 3 }),
        (receipts, mutations) => {
          const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeStoredReceipts(receipts));
          expectCodecErrorOrValue(changed);
        },
      ),
      { numRuns: 800 },
    );
  });
});

/** Damage may pass (an empty bloom has two spellings on disk), but nothing other than a CodecError may be thrown. */
function expectCodecErrorOrValue(bytes: Bytes): void {
  let error: unknown = new CodecError('NONE', '');
  try {
    decodeStoredReceipts(bytes);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(CodecError);
}

function quantity(n: number): Hex {
  if (n === 0) return '0x';
  const text = numberToHex(n);
  return text.length % 2 === 0 ? text : `0x0${text.slice(2)}`;
}
