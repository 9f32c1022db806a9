import { keccak_256 } from '@noble/hashes/sha3.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keccak256, keccak256Bytes } from '../../../src/crypto/keccak.ts';
import { toHex } from '../../../src/util/hex.ts';

describe('keccak256', () => {
  it('gives the known answers', () => {
    // Yellow paper's KEC(()) and KEC(RLP(())), and the signature hash of an ERC-20 transfer.
    expect(keccak256(new Uint8Array(0))).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
    expect(keccak256(Uint8Array.of(0x80))).toBe('0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421');
    expect(keccak256(Uint8Array.of(0xc0))).toBe('0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347');
    expect(keccak256(Buffer.from('transfer(address,uint256)')).slice(0, 10)).toBe('0xa9059cbb');
  });

  it('agrees with noble, in both forms', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        const expected = toHex(keccak_256(bytes));
        expect(keccak256(bytes)).toBe(expected);
        expect(toHex(keccak256Bytes(bytes))).toBe(expected);
      }),
    );
  });

  it('agrees around the sponge rate and for input above the hasher’s own buffer', () => {
    for (const length of [135, 136, 137, 271, 272, 273, 16 * 1024, 16 * 1024 + 1, 300_000]) {
      const bytes = new Uint8Array(length).fill(0xa5);
      expect(keccak256(bytes)).toBe(toHex(keccak_256(bytes)));
    }
  });

  it('hashes a view, not the buffer behind it', () => {
    const whole = Uint8Array.from({ length: 100 }, (_, i) => i);
    expect(keccak256(whole.subarray(10, 42))).toBe(keccak256(whole.slice(10, 42)));
  });

  it('gives fresh bytes each time and survives a call that threw', () => {
    const first = keccak256Bytes(Uint8Array.of(1));
    expect(() => keccak256(null as unknown as Uint8Array)).toThrow(Error);
    const second = keccak256Bytes(Uint8Array.of(2));
    expect(toHex(first)).toBe(toHex(keccak_256(Uint8Array.of(1))));
    expect(toHex(second)).toBe(toHex(keccak_256(Uint8Array.of(2))));
  });
});
