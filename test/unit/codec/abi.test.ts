import * as fc from 'fast-check';
import { decodeAbiParameters, encodeAbiParameters, encodeErrorResult, parseAbi, toFunctionSelector } from 'viem';
import { describe, expect, it } from 'vitest';
import {
  decodeAbi,
  decodeRevertReason,
  encodeAbi,
  encodeRevertReason,
  type AbiParameter,
  type AbiValue,
} from '../../../src/codec/abi.ts';
import { canonicalSignature, functionSelector, parseAbiItem } from '../../../src/codec/abi-signature.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { address, hex, mutation } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

type Typed = { readonly type: AbiParameter; readonly value: AbiValue };

const uint = fc
  .integer({ min: 1, max: 32 })
  .chain((size) =>
    fc
      .bigInt({ min: 0n, max: 2n ** BigInt(8 * size) - 1n })
      .map((value) => ({ type: named(`uint${8 * size}`), value })),
  );
const simple: fc.Arbitrary<Typed> = fc.oneof(
  uint,
  address.map((value) => ({ type: named('address'), value })),
  fc.boolean().map((value) => ({ type: named('bool'), value })),
  fc.integer({ min: 1, max: 32 }).chain((size) => hex(size).map((value) => ({ type: named(`bytes${size}`), value }))),
  fc.uint8Array({ maxLength: 70 }).map((value) => ({ type: named('bytes'), value })),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map((value) => ({ type: named('string'), value })),
);
const typed: fc.Arbitrary<Typed> = fc.letrec<{ any: Typed; tuple: Typed; array: Typed }>((tie) => ({
  any: fc.oneof({ depthSize: 'small' }, simple, tie('tuple'), tie('array')),
  tuple: fc.array(tie('any'), { minLength: 1, maxLength: 3 }).map((parts) => ({
    type: { ...named('tuple'), components: parts.map(({ type }) => type) },
    value: parts.map(({ value }) => value),
  })),
  array: fc.tuple(tie('any'), fc.integer({ min: 0, max: 3 }), fc.boolean()).map(([{ type, value }, count, isOpen]) => ({
    type: { ...type, type: `${type.type}[${isOpen || count === 0 ? '' : count}]` },
    value: Array<AbiValue>(count).fill(value),
  })),
})).any;
const list = fc.array(typed, { maxLength: 4 });

function named(type: string): AbiParameter {
  return { name: '', type };
}

/** viem takes and gives hex where we have bytes, numbers for small integers, and checksummed addresses. */
function forViem(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  return Array.isArray(value) ? value.map(forViem) : value;
}

function plain(value: unknown): unknown {
  if (typeof value === 'number') return BigInt(value);
  if (typeof value === 'string' && /^0x[0-9a-fA-F]{40}$/.test(value)) return value.toLowerCase();
  return Array.isArray(value) ? value.map(plain) : value;
}

/** viem leaves out names that are empty, and what is not indexed. */
function withoutDefaults(item: unknown): unknown {
  return JSON.parse(JSON.stringify(item, (_, value: unknown) => (value === '' || value === false ? undefined : value)));
}

describe('the Solidity ABI', () => {
  it('is encoded and decoded as by viem', () => {
    fc.assert(
      fc.property(list, (items) => {
        const types = items.map(({ type }) => type);
        const values = items.map(({ value }) => value);
        const encoded = encodeAbi(types, values);
        expect(toHex(encoded)).toBe(encodeAbiParameters(types, forViem(values) as unknown[]));
        expect(decodeAbi(types, encoded)).toEqual(values);
        if (types.length > 0) {
          expect(plain(decodeAbiParameters(types, toHex(encoded)))).toEqual(plain(forViem(values)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('has one encoding of a value: anything else throws a CodecError', () => {
    fc.assert(
      fc.property(list, fc.array(mutation, { minLength: 1, maxLength: 3 }), (items, mutations) => {
        const types = items.map(({ type }) => type);
        const encoded = encodeAbi(
          types,
          items.map(({ value }) => value),
        );
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encoded);
        expectStrict(
          changed,
          (bytes) => decodeAbi(types, bytes),
          (values) => encodeAbi(types, values),
        );
      }),
      { numRuns: 500 },
    );
  });

  it.for([
    ['short input', 'uint256', '0x01'],
    ['trailing bytes', 'bool', `0x${'00'.repeat(31)}0100`],
    ['a dirty address', 'address', `0x01${'00'.repeat(31)}`],
    ['a bool of 2', 'bool', `0x${'00'.repeat(31)}02`],
    ['a uint16 of 65536', 'uint16', `0x${'00'.repeat(29)}010000`],
    ['dirty padding', 'bytes4', `0x01020304${'00'.repeat(27)}01`],
    ['an offset into the head', 'bytes', `0x${'00'.repeat(64)}`],
    ['a huge length', 'uint256[]', `0x${'00'.repeat(31)}20${'ff'.repeat(32)}`],
    ['text that is no UTF-8', 'string', `0x${'00'.repeat(31)}20${'00'.repeat(31)}01ff${'00'.repeat(31)}`],
  ] as const)('refuses %s', ([, type, input]) => {
    expect(codecCodeOf(() => decodeAbi([{ type }], fromHex(input)))).toBe('ABI_MALFORMED');
  });

  it.for([
    ['uint8', 256n],
    ['uint256', -1n],
    ['address', '0x01'],
    ['bytes4', '0x0102030405'],
    ['uint256[2]', [1n]],
    ['bool', 1n],
  ] as const)('does not encode as %s what does not fit', ([type, value]) => {
    expect(codecCodeOf(() => encodeAbi([{ type }], [value]))).toBe('ABI_VALUE');
  });

  it.for(['uint', 'uint7', 'uint264', 'int8', 'bytes33', 'tuple', 'uint8[0]', 'function', ''])(
    'knows no type %s',
    (type) => {
      expect(codecCodeOf(() => encodeAbi([{ type }], [[]]))).toBe('ABI_TYPE');
      expect(codecCodeOf(() => decodeAbi([{ type }], new Uint8Array(64)))).toBe('ABI_TYPE');
    },
  );

  it('says why a call reverts', () => {
    const reason = 'OWNER_ONLY: nicht du – она';
    const expected = encodeErrorResult({ abi: parseAbi(['error Error(string)']), errorName: 'Error', args: [reason] });
    expect(toHex(encodeRevertReason(reason))).toBe(expected);
    expect(decodeRevertReason(fromHex(expected))).toBe(reason);
    expect(decodeRevertReason(fromHex('0x08c379a001'))).toBeNull();
    expect(decodeRevertReason(new Uint8Array(0))).toBeNull();
  });
});

describe('a human-readable signature', () => {
  it.for([
    'function f()',
    'function deposit(address validator, bytes proof, uint16 commissionBps) payable',
    'function g(uint256[] a, (bool b, bytes32[2] c)[3] d) view returns ((address x, (uint8 y) z) r, string)',
    'event E(address indexed who, uint256 amount, bytes data)',
  ])('is read as by viem: %s', (text) => {
    const item = parseAbiItem(text);
    expect(withoutDefaults(item)).toEqual(withoutDefaults(parseAbi([text])[0]));
    if (item.type === 'function') expect(functionSelector(item)).toBe(toFunctionSelector(text));
  });

  it('is spelled out for hashing', () => {
    const item = parseAbiItem('function g(uint256[] a, (bool b, bytes32[2] c)[3] d)');
    expect(canonicalSignature(item)).toBe('g(uint256[],(bool,bytes32[2])[3])');
  });

  it.for([
    '',
    'f()',
    'function f',
    'function f(',
    'function f(uint8',
    'function f(uint8 a b)',
    'function f() pure x',
    'event E()[2]',
  ])('is refused when broken: %s', (text) => {
    expect(codecCodeOf(() => parseAbiItem(text))).toBe('ABI_SIGNATURE');
  });
});
