import type { Address } from '../types/primitives.ts';
import { isHex } from '../util/hex.ts';
import { keccak256 } from './keccak.ts';

/** EIP-55: a digit is upper case where the matching digit of keccak256(lower-case address text) is 8 or more. */
export function toChecksumAddress(address: Address): string {
  const digits = address.slice(2).toLowerCase();
  const hash = keccak256(Buffer.from(digits, 'ascii')).slice(2);
  let text = '0x';
  for (let i = 0; i < digits.length; i++) {
    const digit = digits.charAt(i);
    text += hash.charCodeAt(i) >= 0x38 ? digit.toUpperCase() : digit;
  }
  return text;
}

/** An address spelt as EIP-55 allows: all lower, all upper (no checksum in it), or mixed and right. */
export function isChecksumValid(text: string): boolean {
  if (!isHex(text, 20)) return false;
  const digits = text.slice(2);
  if (digits === digits.toLowerCase() || digits === digits.toUpperCase()) return true;
  return toChecksumAddress(`0x${digits.toLowerCase()}`) === text;
}
