import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { toRlp } from 'viem';
import { describe, expect, it } from 'vitest';
import {
  decodeBigint,
  decodeRlp,
  decodeUint,
  encodeRlp,
  encodeUint,
  RLP_DEPTH_MAX,
  RLP_ITEMS_MAX,
  type RlpItem,
} from '../../../src/codec/rlp.ts';
import type { Hex } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { bytes, mutation, uint, word } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

type Input = string | number | Input[];
type Vectors = { readonly valid: Record<string, { in: Input; out: Hex }>; readonly invalid: Record<string, Hex> };
const vectors = JSON.parse(readFileSync(new URL('../../vectors/rlp.json', import.meta.url), 'utf8')) as Vectors;

function itemOf(input: Input): RlpItem {
  if (Array.isArray(input)) return input.map(itemOf);
  if (typeof input === 'number') return encodeUint(input);
  return input.startsWith('#') ? encodeUint(BigInt(input.slice(1))) : Buffer.from(input, 'latin1');
}

const item: fc.Arbitrary<RlpItem> = fc.letrec<{ node: RlpItem }>((tie) => ({
  node: fc.oneof({ maxDepth: 5 }, bytes(70), bytes(2), fc.array(tie('node'), { maxLength: 6 })),
})).node;

describe('the published vectors', () => {
  it.each(Object.entries(vectors.valid))('%s', (_name, vector) => {
    expect(toHex(encodeRlp(itemOf(vector.in)))).toBe(vector.out);
    expect(toHex(encodeRlp(decodeRlp(fromHex(vector.out))))).toBe(vector.out);
    expect(asHex(decodeRlp(fromHex(vector.out)))).toEqual(asHex(itemOf(vector.in)));
  });

  it.each(Object.entries(vectors.invalid))('refuses %s', (_name, text) => {
    expect(codecCodeOf(() => decodeRlp(fromHex(text)))).toMatch(/^RLP_/);
  });
});

describe('encodeRlp and decodeRlp', () => {
  it('agree with viem and are each other’s inverse', () => {
    fc.assert(
      fc.property(item, (value) => {
        const encoded = encodeRlp(value);
        expect(toHex(encoded)).toBe(toRlp(value as Uint8Array, 'hex'));
        expect(asHex(decodeRlp(encoded))).toEqual(asHex(value));
      }),
    );
  });

  it('cross the borders of the prefix sizes', () => {
    for (const length of [0, 1, 55, 56, 255, 256, 65_535, 65_536, 70_000]) {
      const string = new Uint8Array(length).fill(0xaa);
      for (const value of [string, [string], [[string], string]]) {
        const encoded = encodeRlp(value);
        expect(toHex(encoded)).toBe(toRlp(value as Uint8Array, 'hex'));
        expect(asHex(decodeRlp(encoded))).toEqual(asHex(value));
      }
    }
  });

  it('decode whatever bytes to what encodes to the same, or throw a CodecError', () => {
    const anything = fc.oneof(
      bytes(60),
      fc.tuple(item, mutation).map(([value, mutate]) => mutate(encodeRlp(value))),
    );
    fc.assert(
      fc.property(anything, (input) => {
        expectStrict(input, decodeRlp, encodeRlp);
      }),
      { numRuns: 2000 },
    );
  });

  it('read a view of a larger buffer', () => {
    const whole = Buffer.concat([new Uint8Array(7).fill(9), encodeRlp([Buffer.from('cat')]), new Uint8Array(3)]);
    expect(asHex(decodeRlp(whole.subarray(7, 12)))).toEqual(['0x636174']);
  });

  it.each([
    ['RLP_EMPTY', ''],
    ['RLP_TRAILING_BYTES', '8000'],
    ['RLP_TRAILING_BYTES', 'c0c0'],
    ['RLP_TRUNCATED', '83aabb'],
    ['RLP_TRUNCATED', 'c3aa'],
    ['RLP_TRUNCATED', 'c28383'],
    ['RLP_TRUNCATED', 'b9ff'],
    ['RLP_TRUNCATED', 'bfffffffffffffffff'],
    ['RLP_TRUNCATED', 'ffffffffffffffffff'],
    ['RLP_NON_CANONICAL', '8105'],
    ['RLP_NON_CANONICAL', 'b90010'],
  ])('%s for %s', (code, digits) => {
    expect(codecCodeOf(() => decodeRlp(fromHex(`0x${digits}`)))).toBe(code);
  });

  it('bound the depth', () => {
    const nested = (depth: number): RlpItem => (depth === 0 ? [] : [nested(depth - 1)]);
    expect(decodeRlp(encodeRlp(nested(RLP_DEPTH_MAX - 1)))).toBeDefined();
    expect(codecCodeOf(() => decodeRlp(encodeRlp(nested(RLP_DEPTH_MAX))))).toBe('RLP_TOO_DEEP');
    // A megabyte of open lists would overflow the stack of a careless decoder.
    const bomb = fromHex(`0xfa0186a0${'c1'.repeat(100_000)}`);
    expect(codecCodeOf(() => decodeRlp(bomb))).toMatch(/^RLP_/);
  });

  it('bound the number of items', () => {
    const list = Array.from({ length: RLP_ITEMS_MAX - 1 }, () => Uint8Array.of(1));
    expect(decodeRlp(encodeRlp(list))).toHaveLength(list.length);
    expect(codecCodeOf(() => decodeRlp(encodeRlp([...list, Uint8Array.of(1)])))).toBe('RLP_TOO_MANY_ITEMS');
  });
});

describe('integers', () => {
  it('survive the round trip', () => {
    fc.assert(
      fc.property(uint, word, (n, big) => {
        expect(decodeUint(encodeUint(n))).toBe(n);
        expect(decodeBigint(encodeUint(big))).toBe(big);
        expect(toHex(encodeUint(BigInt(n)))).toBe(toHex(encodeUint(n)));
      }),
    );
  });

  it('are minimal', () => {
    expect(encodeUint(0)).toHaveLength(0);
    expect(encodeUint(0n)).toHaveLength(0);
    expect(toHex(encodeUint(256))).toBe('0x0100');
    expect(toHex(encodeUint(2n ** 64n))).toBe('0x010000000000000000');
  });

  it('have limits', () => {
    expect(decodeUint(fromHex('0x1fffffffffffff'))).toBe(Number.MAX_SAFE_INTEGER);
    for (const digits of ['20000000000000', 'ffffffffffffff', '0100000000000000', 'ff'.repeat(40)] as const) {
      expect(codecCodeOf(() => decodeUint(fromHex(`0x${digits}`)))).toBe('RLP_INTEGER_TOO_LARGE');
    }
    expect(decodeBigint(fromHex('0xff'), 8)).toBe(255n);
    expect(codecCodeOf(() => decodeBigint(fromHex('0x0100'), 8))).toBe('RLP_INTEGER_TOO_LARGE');
    expect(decodeBigint(fromHex('0x7f'), 7)).toBe(127n);
    expect(codecCodeOf(() => decodeBigint(fromHex('0x80'), 7))).toBe('RLP_INTEGER_TOO_LARGE');
    expect(codecCodeOf(() => decodeBigint(new Uint8Array(33).fill(1)))).toBe('RLP_INTEGER_TOO_LARGE');
  });

  it('have no leading zeros', () => {
    for (const digits of ['00', '0001'] as const) {
      expect(codecCodeOf(() => decodeUint(fromHex(`0x${digits}`)))).toBe('RLP_NON_CANONICAL');
      expect(codecCodeOf(() => decodeBigint(fromHex(`0x${digits}`)))).toBe('RLP_NON_CANONICAL');
    }
  });

  it('refuse to encode what is none', () => {
    for (const bad of [-1, 1.5, NaN, Infinity, 2 ** 53, -1n])
      expect(codecCodeOf(() => encodeUint(bad))).toBe('RLP_INTEGER');
  });
});

function asHex(value: RlpItem): unknown {
  return value instanceof Uint8Array ? toHex(value) : value.map(asHex);
}
