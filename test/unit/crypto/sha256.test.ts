import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256 } from '../../../src/crypto/sha256.ts';
import { toHex } from '../../../src/util/hex.ts';

it('gives the known answer of FIPS 180-4', () => {
  expect(toHex(sha256(Buffer.from('abc')))).toBe('0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
});

it('agrees with noble', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(toHex(sha256(bytes))).toBe(toHex(nobleSha256(bytes)));
    }),
  );
});
