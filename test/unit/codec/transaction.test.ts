import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRlp, encodeRlp, encodeUint, type RlpItem } from '../../../src/codec/rlp.ts';
import {
  decodeFields,
  encodeSigned,
  recoverTransaction,
  signingDigest,
  signTransaction,
  type UnsignedTransaction,
} from '../../../src/codec/transaction.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../../../src/types/transaction.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { bytes, mutation, privateKey, unsignedTransaction } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const KEY = fromHex('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const base: UnsignedTransaction = {
  type: 2,
  chainId: 31337,
  nonce: 3,
  gasLimit: 21_000,
  maxFeePerGas: 20n,
  maxPriorityFeePerGas: 2n,
  to: '0x70997970c51812dc3a010c7d01b50e0d17dc79c8',
  value: 5n,
  data: new Uint8Array(0),
  accessList: [],
};
const legacy: UnsignedTransaction = { ...base, type: 0, maxPriorityFeePerGas: 20n };
const type1: UnsignedTransaction = { ...base, type: 1, maxPriorityFeePerGas: 20n };

/** A signed transaction of the type with some of its items replaced by position. */
function altered(tx: UnsignedTransaction, changes: { readonly [index: number]: RlpItem | undefined }): Bytes {
  const raw = signTransaction(tx, KEY);
  const items = [...(decodeRlp(tx.type === 0 ? raw : raw.subarray(1)) as RlpItem[])];
  for (const [index, item] of Object.entries(changes)) if (item !== undefined) items[Number(index)] = item;
  const list = encodeRlp(items);
  return tx.type === 0 ? list : Buffer.concat([Uint8Array.of(tx.type), list]);
}

/** Every decoder of signed bytes must answer alike. */
function refusal(raw: Bytes): string {
  const code = codecCodeOf(() => decodeFields(raw));
  expect(codecCodeOf(() => recoverTransaction(raw))).toBe(code);
  return code;
}

describe('EIP-155’s example', () => {
  const example: UnsignedTransaction = {
    type: 0,
    chainId: 1,
    nonce: 9,
    gasLimit: 21_000,
    maxFeePerGas: 20n * 10n ** 9n,
    maxPriorityFeePerGas: 20n * 10n ** 9n,
    to: '0x3535353535353535353535353535353535353535',
    value: 10n ** 18n,
    data: new Uint8Array(0),
    accessList: [],
  };

  it('has the digest and the bytes that the EIP prints', () => {
    expect(signingDigest(example)).toBe('0xdaf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53');
    const raw = signTransaction(example, fromHex(`0x${'46'.repeat(32)}`));
    expect(toHex(raw)).toBe(
      '0xf86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d' +
        '3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83',
    );
    const decoded = recoverTransaction(raw);
    expect(decoded).toMatchObject({
      ...example,
      v: 37n,
      yParity: 0,
      sender: '0x9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f',
    });
    expect(decoded.r).toBe('0x28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276');
  });

  it('without a chain id is signed as before the EIP', () => {
    const raw = signTransaction({ ...example, chainId: null }, KEY);
    const decoded = recoverTransaction(raw);
    expect([27n, 28n]).toContain(decoded.v);
    expect(decoded).toMatchObject({ chainId: null, sender: '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266' });
  });
});

describe('what is refused', () => {
  it.each([3, 4, 5, 0, 0x7f])('type %i', (type) => {
    const raw = signTransaction(base, KEY);
    expect(refusal(Buffer.concat([Uint8Array.of(type), raw.subarray(1)]))).toBe('TX_TYPE_UNSUPPORTED');
  });

  it('no list, nothing, or a byte string', () => {
    for (const text of ['0x', '0x80', '0xb7', '0xbf', '0xc0', '0x01', '0x02', '0x02c0', '0x0280', '0xff'] as const) {
      expect(refusal(fromHex(text))).toBe('TX_MALFORMED');
    }
  });

  it('a nonce, gas limit or chain id above 2^53-1, but not that itself', () => {
    const above = encodeUint(2n ** 53n);
    const huge = new Uint8Array(40).fill(0xff);
    for (const large of [above, encodeUint(2n ** 64n), huge]) {
      expect(refusal(altered(legacy, { 0: large }))).toBe('TX_NONCE_TOO_LARGE');
      expect(refusal(altered(legacy, { 2: large }))).toBe('TX_GAS_TOO_LARGE');
      expect(refusal(altered(base, { 0: large }))).toBe('TX_CHAIN_ID_TOO_LARGE');
      expect(refusal(altered(base, { 1: large }))).toBe('TX_NONCE_TOO_LARGE');
      expect(refusal(altered(base, { 4: large }))).toBe('TX_GAS_TOO_LARGE');
    }
    const most = {
      ...base,
      nonce: Number.MAX_SAFE_INTEGER,
      gasLimit: Number.MAX_SAFE_INTEGER,
      chainId: Number.MAX_SAFE_INTEGER,
    };
    expect(recoverTransaction(signTransaction(most, KEY))).toMatchObject(most);
    const mostLegacy = { ...legacy, chainId: Number.MAX_SAFE_INTEGER };
    expect(recoverTransaction(signTransaction(mostLegacy, KEY))).toMatchObject(mostLegacy);
    expect(refusal(altered(legacy, { 6: encodeUint(2n ** 54n + 35n) }))).toBe('TX_CHAIN_ID_TOO_LARGE');
  });

  it('fees and values above 2^256-1', () => {
    const above = encodeUint(2n ** 256n);
    for (const index of [2, 3, 6]) expect(refusal(altered(base, { [index]: above }))).toBe('TX_VALUE_TOO_LARGE');
    for (const index of [1, 4]) expect(refusal(altered(legacy, { [index]: above }))).toBe('TX_VALUE_TOO_LARGE');
    expect(decodeFields(altered(base, { 6: encodeUint(2n ** 256n - 1n) })).value).toBe(2n ** 256n - 1n);
  });

  it('a priority fee above the maximum', () => {
    expect(refusal(altered(base, { 2: encodeUint(21) }))).toBe('TX_PRIORITY_FEE_ABOVE_MAX');
    expect(decodeFields(altered(base, { 2: encodeUint(20) })).maxPriorityFeePerGas).toBe(20n);
  });

  it('a recipient that is no address', () => {
    for (const size of [1, 19, 21, 32]) {
      expect(refusal(altered(base, { 5: new Uint8Array(size).fill(0xaa) }))).toBe('TX_MALFORMED');
      expect(refusal(altered(legacy, { 3: new Uint8Array(size).fill(0xaa) }))).toBe('TX_MALFORMED');
    }
    expect(decodeFields(altered(base, { 5: new Uint8Array(0) })).to).toBeNull();
    expect(decodeFields(altered(base, { 5: new Uint8Array(20) })).to).toBe(`0x${'00'.repeat(20)}`);
  });

  it('leading zeros in any integer', () => {
    const zero = Uint8Array.of(0);
    for (const index of [0, 1, 2, 3, 4, 6, 9, 10, 11]) {
      expect(refusal(altered(base, { [index]: zero }))).toBe('TX_MALFORMED');
      expect(refusal(altered(base, { [index]: Uint8Array.of(0, 1) }))).toBe('TX_MALFORMED');
    }
    for (const index of [0, 1, 2, 4, 6, 7, 8]) expect(refusal(altered(legacy, { [index]: zero }))).toBe('TX_MALFORMED');
  });

  it('a list where bytes belong and the other way round', () => {
    for (let index = 0; index < 12; index++) {
      expect(refusal(altered(base, { [index]: index === 8 ? Uint8Array.of(1) : [] }))).toBe('TX_MALFORMED');
    }
  });

  it('a field too few, too many, or bytes behind', () => {
    for (const tx of [legacy, type1, base]) {
      const raw = signTransaction(tx, KEY);
      const prefix = tx.type === 0 ? new Uint8Array(0) : Uint8Array.of(tx.type);
      const items = decodeRlp(raw.subarray(prefix.length)) as RlpItem[];
      for (const list of [items.slice(0, -1), [...items, Uint8Array.of(1)], []]) {
        expect(refusal(Buffer.concat([prefix, encodeRlp(list)]))).toBe('TX_MALFORMED');
      }
      expect(refusal(Buffer.concat([raw, Uint8Array.of(0)]))).toBe('TX_MALFORMED');
    }
  });

  it('damaged access lists', () => {
    const key = new Uint8Array(32);
    const address = new Uint8Array(20);
    const bad: RlpItem[] = [
      [address],
      [[address]],
      [[address, key]],
      [[address, [], []]],
      [[new Uint8Array(19), []]],
      [[address, [new Uint8Array(31)]]],
      [[]],
    ];
    for (const list of bad) {
      expect(refusal(altered(base, { 8: list }))).toBe('TX_MALFORMED');
      expect(refusal(altered(type1, { 7: list }))).toBe('TX_MALFORMED');
    }
    expect(
      decodeFields(
        altered(base, {
          8: [
            [address, [key, key]],
            [address, []],
          ],
        }),
      ).accessList,
    ).toHaveLength(2);
  });

  it('v that no signature has', () => {
    for (const v of [0, 1, 26, 29, 34])
      expect(refusal(altered(legacy, { 6: encodeUint(v) }))).toBe('TX_SIGNATURE_INVALID');
    for (const v of [2, 27, 28, 2 ** 40])
      expect(refusal(altered(base, { 9: encodeUint(v) }))).toBe('TX_SIGNATURE_INVALID');
  });

  it('r or s out of range, and a high s', () => {
    const bad = [0n, ORDER, ORDER + 1n, 2n ** 256n - 1n, 2n ** 256n];
    for (const n of bad) {
      expect(refusal(altered(base, { 10: encodeUint(n) }))).toBe('TX_SIGNATURE_INVALID');
      expect(refusal(altered(legacy, { 8: encodeUint(n) }))).toBe('TX_SIGNATURE_INVALID');
    }
    const { s, yParity } = decodeFields(signTransaction(base, KEY));
    const high = altered(base, { 9: encodeUint(1 - yParity), 11: encodeUint(ORDER - BigInt(s)) });
    expect(refusal(high)).toBe('TX_SIGNATURE_INVALID');
  });

  it('an r that is on no curve point: only recovery can tell', () => {
    const raw = altered(base, { 10: encodeUint(5) });
    expect(decodeFields(raw).r).toBe(`0x${'00'.repeat(31)}05`);
    expect(codecCodeOf(() => recoverTransaction(raw))).toBe('TX_SIGNATURE_INVALID');
  });

  it('more than the limit of bytes', () => {
    const overhead = signTransaction({ ...base, data: new Uint8Array(100_000) }, KEY).length - 100_000;
    const fits = { ...base, data: new Uint8Array(TRANSACTION_SIZE_BYTES_MAX - overhead) };
    const raw = signTransaction(fits, KEY);
    expect(raw).toHaveLength(TRANSACTION_SIZE_BYTES_MAX);
    expect(recoverTransaction(raw).sender).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    expect(refusal(Buffer.concat([raw, Uint8Array.of(0)]))).toBe('TX_TOO_LARGE');
    const longer = { ...base, data: new Uint8Array(fits.data.length + 1) };
    expect(codecCodeOf(() => signTransaction(longer, KEY))).toBe('TX_TOO_LARGE');
  });
});

describe('encoding', () => {
  it.each<[string, Partial<UnsignedTransaction>]>([
    ['TX_NONCE_TOO_LARGE', { nonce: 2 ** 53 }],
    ['TX_NONCE_TOO_LARGE', { nonce: -1 }],
    ['TX_GAS_TOO_LARGE', { gasLimit: 0.5 }],
    ['TX_VALUE_TOO_LARGE', { value: 2n ** 256n }],
    ['TX_VALUE_TOO_LARGE', { value: -1n }],
    ['TX_PRIORITY_FEE_ABOVE_MAX', { maxPriorityFeePerGas: 21n }],
    ['TX_MALFORMED', { type: 1 }],
    ['TX_MALFORMED', { chainId: null }],
    ['TX_MALFORMED', { to: '0x12' }],
    ['TX_MALFORMED', { accessList: [{ address: '0x12', storageKeys: [] }] }],
    ['TX_MALFORMED', { accessList: [{ address: base.to ?? '0x', storageKeys: ['0x12'] }] }],
    [
      'TX_MALFORMED',
      { type: 0, maxPriorityFeePerGas: 20n, accessList: [{ address: base.to ?? '0x', storageKeys: [] }] },
    ],
  ])('refuses what it would not decode: %s %o', (code, change) => {
    expect(codecCodeOf(() => signTransaction({ ...base, ...change }, KEY))).toBe(code);
  });

  it('refuses a signature out of range', () => {
    const fields = decodeFields(signTransaction(base, KEY));
    for (const s of [`0x${'00'.repeat(32)}`, `0x${'ff'.repeat(32)}`, `0x01${'00'.repeat(32)}`] as const) {
      expect(codecCodeOf(() => encodeSigned({ ...fields, s }))).toBe('TX_SIGNATURE_INVALID');
    }
  });
});

it('keeps bytes of its own', () => {
  const big = new Uint8Array(1_000_000);
  const signed = signTransaction(base, KEY);
  big.set(signed, 500);
  const transaction = recoverTransaction(big.subarray(500, 500 + signed.length));
  expect(transaction.raw.buffer.byteLength).toBe(signed.length);
  big.fill(0);
  expect(toHex(transaction.raw)).toBe(toHex(signed));
});

it('gives every transaction the same keys in the same order', () => {
  const keys = [legacy, { ...legacy, chainId: null }, type1, base].map((tx) =>
    Object.keys(recoverTransaction(signTransaction(tx, KEY))),
  );
  for (const other of keys) expect(other).toEqual(keys[0]);
});

describe('whatever the bytes', () => {
  it('a changed transaction decodes to itself or throws a CodecError', () => {
    const input = fc.tuple(unsignedTransaction, privateKey, fc.array(mutation, { minLength: 1, maxLength: 3 }));
    fc.assert(
      fc.property(input, ([tx, key, mutations]) => {
        const raw = mutations.reduce((current: Bytes, mutate) => mutate(current), signTransaction(tx, key));
        expectStrict(raw, decodeFields, encodeSigned);
        expectStrict(raw, recoverTransaction, encodeSigned);
      }),
      { numRuns: 1500 },
    );
  });

  it('random items in a list of the right length do too', () => {
    const item = fc.oneof(bytes(33), bytes(3), fc.constant<RlpItem>([]));
    fc.assert(
      fc.property(fc.constantFrom(0, 1, 2), fc.array(item, { minLength: 9, maxLength: 12 }), (type, items) => {
        const list = encodeRlp(items);
        expectStrict(type === 0 ? list : Buffer.concat([Uint8Array.of(type), list]), decodeFields, encodeSigned);
      }),
      { numRuns: 1500 },
    );
  });
});
