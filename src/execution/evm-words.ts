/** Words of the EVM, as those who watch it read them. */
import type { Address, Bytes, Hash } from '../types/primitives.ts';

export function wordOf(value: bigint): Hash {
  return `0x${value.toString(16).padStart(64, '0')}`;
}

/** The last 20 bytes. */
export function addressOf(word: bigint): Address {
  return `0x${wordOf(word).slice(26)}`;
}

/** A copy; memory that was not written yet is zero. The caller bounds `length`. */
export function extended(memory: Bytes, offset: number, length: number): Bytes {
  const data = new Uint8Array(length);
  data.set(memory.subarray(offset, offset + length));
  return data;
}

/** What a frame can get at most of so much gas (EIP-150). */
export function allButOne64th(gas: bigint): bigint {
  return gas - gas / 64n;
}
