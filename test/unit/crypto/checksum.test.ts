import { getAddress } from 'ethers';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isChecksumValid, toChecksumAddress } from '../../../src/crypto/checksum.ts';
import type { Address } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';

/** https://eips.ethereum.org/EIPS/eip-55, test cases. */
const EIP_55 = [
  '0x52908400098527886E0F7030069857D2E4169EE7',
  '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
  '0xde709f2102306220921060314715629080e2fb77',
  '0x27b1fdb04752bbc536007a920d24acb045561c26',
  '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
  '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
  '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
  '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
];

describe('EIP-55', () => {
  it.each(EIP_55)('spells %s', (text) => {
    expect(toChecksumAddress(text.toLowerCase() as Address)).toBe(text);
    expect(isChecksumValid(text)).toBe(true);
  });

  it('agrees with ethers', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), (bytes) => {
        expect(toChecksumAddress(toHex(bytes))).toBe(getAddress(toHex(bytes)));
      }),
    );
  });

  it('accepts one case throughout, refuses a wrong mix and what is no address', () => {
    const right = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
    expect(isChecksumValid(right.toLowerCase())).toBe(true);
    expect(isChecksumValid(`0x${right.slice(2).toUpperCase()}`)).toBe(true);
    for (const wrong of [
      right.replace('A', 'a'),
      right.replace('e', 'E'),
      right.slice(0, -1),
      `${right}0`,
      right.slice(2),
      '0x',
      '',
    ]) {
      expect(isChecksumValid(wrong)).toBe(false);
    }
  });
});
