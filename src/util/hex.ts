import type { Bytes, Hex } from '../types/primitives.ts';

/** Bytes to lower-case hex with prefix. */
export function toHex(bytes: Bytes): Hex {
  return `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`;
}

/** Hex with prefix to bytes. Trusts its input: text from outside goes through `isHex` first. */
export function fromHex(hex: Hex): Bytes {
  return Buffer.from(hex.slice(2), 'hex');
}

/** `0x` and an even number of hex digits of either case; exactly `sizeBytes` bytes where given. */
export function isHex(value: unknown, sizeBytes?: number): value is Hex {
  if (typeof value !== 'string') return false;
  if (sizeBytes !== undefined && value.length !== 2 + sizeBytes * 2) return false;
  return value.length % 2 === 0 && /^0x[0-9a-fA-F]*$/.test(value);
}

export function bytesEqual(a: Bytes, b: Bytes): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
