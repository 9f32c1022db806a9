/**
 * Recursive Length Prefix (yellow paper, appendix B). Decoding is strict: every value has exactly one accepted
 * encoding, so whatever decodes encodes to the same bytes again, and nothing can be changed in transit without changing
 * its hash.
 */
import type { Bytes } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { RlpReader } from './rlp-reader.ts';

export type RlpItem = Bytes | readonly RlpItem[];

/** Deepest nesting of lists that `decodeRlp` follows. */
export const RLP_DEPTH_MAX = 32;
/**
 * Most items, lists among them, in one `decodeRlp`: hostile bytes could otherwise become a hundred times their size in
 * objects.
 */
export const RLP_ITEMS_MAX = 262_144;

const EMPTY: Bytes = new Uint8Array(0);

export function encodeRlp(item: RlpItem): Bytes {
  // Lengths of the lists in the order in which writing meets them, so that each list is measured once.
  const lengths: number[] = [];
  const out = new Uint8Array(measure(item, lengths));
  write(item, out, 0, { lengths, next: 0 });
  return out;
}

/**
 * Byte strings come as views of `bytes`, not copies. Throws CodecError RLP_EMPTY, RLP_TRUNCATED, RLP_TRAILING_BYTES,
 * RLP_NON_CANONICAL, RLP_TOO_DEEP or RLP_TOO_MANY_ITEMS.
 */
export function decodeRlp(bytes: Bytes): RlpItem {
  const reader = new RlpReader(bytes);
  const item = readItem(reader, 0, { left: RLP_ITEMS_MAX });
  reader.end();
  return item;
}

/** Minimal big-endian, no bytes for zero. Throws CodecError RLP_INTEGER for a negative, fractional or unsafe number. */
export function encodeUint(n: number | bigint): Bytes {
  if (typeof n === 'bigint') return encodeBigint(n);
  if (!Number.isSafeInteger(n) || n < 0) throw new CodecError('RLP_INTEGER', `not an unsigned safe integer: ${n}`);
  if (n === 0) return EMPTY;
  const bytes = new Uint8Array(byteLengthOf(n));
  for (let i = bytes.length - 1, rest = n; i >= 0; i--, rest = Math.floor(rest / 256)) bytes[i] = rest % 256;
  return bytes;
}

/** Throws CodecError RLP_NON_CANONICAL for leading zeros and RLP_INTEGER_TOO_LARGE above 2^53-1. */
export function decodeUint(bytes: Bytes): number {
  if (bytes.length > 0 && bytes[0] === 0) throw new CodecError('RLP_NON_CANONICAL', 'an integer has leading zeros');
  let value = 0;
  // Seven bytes stay exact enough to be compared with the limit below.
  if (bytes.length <= 7) for (const byte of bytes) value = value * 256 + byte;
  else value = Infinity;
  if (value > Number.MAX_SAFE_INTEGER) throw new CodecError('RLP_INTEGER_TOO_LARGE', 'an integer is above 2^53-1');
  return value;
}

/** Throws CodecError RLP_NON_CANONICAL for leading zeros and RLP_INTEGER_TOO_LARGE above 2^bitsMax-1. */
export function decodeBigint(bytes: Bytes, bitsMax = 256): bigint {
  if (bytes.length === 0) return 0n;
  if (bytes[0] === 0) throw new CodecError('RLP_NON_CANONICAL', 'an integer has leading zeros');
  if (bytes.length > 0 && bytes.length * 8 - Math.clz32(bytes[0] ?? 0) + 24 > bitsMax) {
    throw new CodecError('RLP_INTEGER_TOO_LARGE', `an integer has more than ${bitsMax} bits`);
  }
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')}`);
}

function encodeBigint(n: bigint): Bytes {
  if (n < 0n) throw new CodecError('RLP_INTEGER', 'a negative number has no encoding');
  if (n <= Number.MAX_SAFE_INTEGER) return encodeUint(Number(n));
  const digits = n.toString(16);
  return new Uint8Array(Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex'));
}

function byteLengthOf(n: number): number {
  let length = 1;
  for (let rest = n; rest >= 256; rest = Math.floor(rest / 256)) length++;
  return length;
}

function prefixLength(contentLength: number): number {
  return contentLength < 56 ? 1 : 1 + byteLengthOf(contentLength);
}

function measure(item: RlpItem, lengths: number[]): number {
  if (item instanceof Uint8Array) {
    return item.length === 1 && (item[0] ?? 0) < 0x80 ? 1 : prefixLength(item.length) + item.length;
  }
  const slot = lengths.push(0) - 1;
  let length = 0;
  for (const child of item) length += measure(child, lengths);
  lengths[slot] = length;
  return prefixLength(length) + length;
}

function write(item: RlpItem, out: Bytes, at: number, lists: { readonly lengths: number[]; next: number }): number {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && (item[0] ?? 0) < 0x80) {
      out[at] = item[0] ?? 0;
      return at + 1;
    }
    const start = writePrefix(0x80, item.length, out, at);
    out.set(item, start);
    return start + item.length;
  }
  let position = writePrefix(0xc0, lists.lengths[lists.next++] ?? 0, out, at);
  for (const child of item) position = write(child, out, position, lists);
  return position;
}

/** `base`: 0x80 for a byte string, 0xc0 for a list. Returns where the content starts. */
export function writePrefix(base: 0x80 | 0xc0, length: number, out: Bytes, at: number): number {
  if (length < 56) {
    out[at] = base + length;
    return at + 1;
  }
  const lengthOfLength = byteLengthOf(length);
  out[at] = base + 55 + lengthOfLength;
  for (let i = lengthOfLength, rest = length; i > 0; i--, rest = Math.floor(rest / 256)) out[at + i] = rest % 256;
  return at + 1 + lengthOfLength;
}

function readItem(reader: RlpReader, depth: number, budget: { left: number }): RlpItem {
  if (budget.left-- === 0) throw new CodecError('RLP_TOO_MANY_ITEMS', `more than ${RLP_ITEMS_MAX} items`);
  if (!reader.nextIsList()) return reader.bytes();
  if (depth === RLP_DEPTH_MAX) throw new CodecError('RLP_TOO_DEEP', `lists nested more than ${RLP_DEPTH_MAX} deep`);
  const items: RlpItem[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) items.push(readItem(reader, depth + 1, budget));
  reader.closeList(outer);
  return items;
}
