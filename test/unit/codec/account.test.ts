import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAccount, encodeAccount } from '../../../src/codec/account.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, EMPTY_ROOT } from '../../../src/types/account.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { hash, mutation, uint, word } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const account = fc.record({ nonce: uint, balance: word, storageRoot: hash, codeHash: hash });

describe('accounts', () => {
  it('have the form of the yellow paper', () => {
    expect(toHex(encodeAccount(EMPTY_ACCOUNT))).toBe(`0xf8448080a0${EMPTY_ROOT.slice(2)}a0${EMPTY_CODE_HASH.slice(2)}`);
    expect(toHex(encodeAccount({ ...EMPTY_ACCOUNT, nonce: 1, balance: 256n })).slice(0, 14)).toBe('0xf84601820100');
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(account, (value) => {
        expect(decodeAccount(encodeAccount(value))).toEqual(value);
      }),
    );
  });

  it('decode from whatever bytes to what encodes to the same, or throw a CodecError', () => {
    fc.assert(
      fc.property(account, fc.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeAccount(value));
        expectStrict(changed, decodeAccount, encodeAccount);
      }),
      { numRuns: 800 },
    );
    expect(codecCodeOf(() => decodeAccount(fromHex('0xc0')))).toBe('ACCOUNT_MALFORMED');
  });
});
