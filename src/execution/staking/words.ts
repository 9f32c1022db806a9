/** Small numbers in 32-byte words of storage. */
import { ZERO_HASH, type Hash } from '../../types/primitives.ts';
import { assert } from '../../util/assert.ts';

const DIGITS_PER_UINT64 = 16;
const AMOUNT_DIGITS = 48;
const WORD_END = 2n ** 256n;
const NEVER = 'f'.repeat(DIGITS_PER_UINT64);

export function wordOf(value: bigint): Hash {
  assert(value >= 0n && value < WORD_END, 'an amount has no place in a word');
  return value === 0n ? ZERO_HASH : `0x${value.toString(16).padStart(64, '0')}`;
}

/** Four numbers of 64 bits, the first in front. null: an epoch that has not come about. */
export type FourNumbers = readonly [number | null, number | null, number | null, number | null];

export function packFour(numbers: FourNumbers): Hash {
  return `0x${numbers.map(packNumber).join('')}`;
}

export function unpackFour(word: Hash): FourNumbers {
  return [unpackNumber(word, 0), unpackNumber(word, 1), unpackNumber(word, 2), unpackNumber(word, 3)];
}

/** 16 digits. */
export function packNumber(value: number | null): string {
  return value === null ? NEVER : value.toString(16).padStart(DIGITS_PER_UINT64, '0');
}

/** The `index`-th 8 bytes of the word. */
export function unpackNumber(word: Hash, index: number): number | null {
  const digits = word.slice(2 + index * DIGITS_PER_UINT64, 2 + (index + 1) * DIGITS_PER_UINT64);
  return digits === NEVER ? null : Number.parseInt(digits, 16);
}

/** A number of 64 bits before an amount below 2^192. */
export function packAmount(number: number, wei: bigint): Hash {
  const digits = wei.toString(16).padStart(AMOUNT_DIGITS, '0');
  assert(digits.length === AMOUNT_DIGITS, 'an amount has no place beside a number');
  return `0x${packNumber(number)}${digits}`;
}

export function unpackAmount(word: Hash): { readonly number: number; readonly wei: bigint } {
  return { number: unpackNumber(word, 0) ?? 0, wei: BigInt(`0x${word.slice(2 + DIGITS_PER_UINT64)}`) };
}
