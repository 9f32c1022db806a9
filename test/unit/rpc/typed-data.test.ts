/** Against viem and ethers, and against the example of EIP-712 itself. */
import { TypedDataEncoder } from 'ethers';
import { hashTypedData, type TypedDataDefinition } from 'viem';
import { describe, expect, it } from 'vitest';
import { typedDataDigest } from '../../../rpc/typed-data.ts';
import type { JsonObject } from '../../../src/types/primitives.ts';

const DOMAIN_TYPE = [
  { name: 'name', type: 'string' },
  { name: 'version', type: 'string' },
  { name: 'chainId', type: 'uint256' },
  { name: 'verifyingContract', type: 'address' },
];
const PERSON = [
  { name: 'name', type: 'string' },
  { name: 'wallet', type: 'address' },
];
const DOMAIN = {
  name: 'Ether Mail',
  version: '1',
  chainId: 1,
  verifyingContract: '0xcccccccccccccccccccccccccccccccccccccccc',
};
const COW = { name: 'Cow', wallet: '0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826' };
const BOB = { name: 'Bob', wallet: '0xbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' };

const MAIL = {
  types: {
    EIP712Domain: DOMAIN_TYPE,
    Person: PERSON,
    Mail: [
      { name: 'from', type: 'Person' },
      { name: 'to', type: 'Person' },
      { name: 'contents', type: 'string' },
    ],
  },
  primaryType: 'Mail',
  domain: DOMAIN,
  message: { from: COW, to: BOB, contents: 'Hello, Bob!' },
};
const EVERYTHING = {
  types: {
    EIP712Domain: DOMAIN_TYPE,
    Person: PERSON,
    All: [
      { name: 'people', type: 'Person[]' },
      { name: 'grid', type: 'uint8[2][]' },
      { name: 'small', type: 'int8' },
      { name: 'large', type: 'uint256' },
      { name: 'flag', type: 'bool' },
      { name: 'four', type: 'bytes4' },
      { name: 'bytes', type: 'bytes' },
    ],
  },
  primaryType: 'All',
  domain: DOMAIN,
  message: {
    people: [COW, BOB],
    grid: [
      [1, 2],
      [3, 4],
    ],
    small: -5,
    large: '0xffffffffffffffffffffffffffffffff',
    flag: true,
    four: '0x01020304',
    bytes: '0x0102',
  },
};

describe('EIP-712', () => {
  it('gives the digest of its own example', () => {
    const digest = typedDataDigest(MAIL, 1);
    expect(digest).toBe('0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2');
  });

  it.each([MAIL, EVERYTHING])('agrees with viem and ethers', (data) => {
    const { EIP712Domain: _, ...types } = data.types as Record<string, { name: string; type: string }[]>;
    const digest = typedDataDigest(data, 1);
    expect(digest).toBe(TypedDataEncoder.hash(data.domain, types, data.message));
    expect(digest).toBe(hashTypedData(data as unknown as TypedDataDefinition));
  });

  const withMessage = (message: JsonObject): JsonObject => ({
    ...EVERYTHING,
    message: { ...EVERYTHING.message, ...message },
  });
  it.each<[string, JsonObject]>([
    ['out of range', withMessage({ small: 128 })],
    ['out of range', withMessage({ large: -1 })],
    ['an integer', withMessage({ large: 1.5 })],
    ['must have 4 bytes', withMessage({ four: '0x01' })],
    ['must have 2 items', withMessage({ grid: [[1]] })],
    ['true or false', withMessage({ flag: 1 })],
    ['does not define', { ...MAIL, primaryType: 'Letter' }],
    ['does not define', { ...MAIL, primaryType: '__proto__' }],
    ['unknown type', { ...MAIL, types: { ...MAIL.types, Mail: [{ name: 'from', type: 'uint7' }] } }],
    ['unknown type', { ...MAIL, types: { ...MAIL.types, Mail: [{ name: 'from', type: 'word' }] } }],
    ['types', { ...MAIL, types: [] }],
  ])('refuses: %s', (text, data) => {
    expect(() => typedDataDigest(data, 1)).toThrow(text);
  });

  it('is bounded in depth and in work', () => {
    let list: JsonObject = {};
    for (let i = 0; i < 100; i++) list = { next: list };
    const types = { EIP712Domain: DOMAIN_TYPE, List: [{ name: 'next', type: 'List' }] };
    expect(() => typedDataDigest({ types, primaryType: 'List', domain: DOMAIN, message: list }, 1)).toThrow('deeper');
    const wide = Array.from({ length: 2000 }, (_, i) => ({ name: `f${i}`, type: 'Wide' }));
    const bomb = { EIP712Domain: DOMAIN_TYPE, Wide: wide, Top: [{ name: 'items', type: 'Wide[]' }] };
    const items = Array.from({ length: 2000 }, () => ({}));
    const message = { types: bomb, primaryType: 'Top', domain: DOMAIN, message: { items } };
    expect(() => typedDataDigest(message, 1)).toThrow('members');
  });
});
