/** The 2048-bit filter over addresses and topics of logs (yellow paper §4.3.1): three bits for each item. */
import { keccak256Bytes } from '../crypto/keccak.ts';
import type { Bytes, Hex } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import { fromHex, toHex } from '../util/hex.ts';

export const BLOOM_SIZE_BYTES = 256;
export const EMPTY_BLOOM: Hex = `0x${'00'.repeat(BLOOM_SIZE_BYTES)}`;

export function logsBloom(logs: readonly Log[]): Hex {
  if (logs.length === 0) return EMPTY_BLOOM;
  const bloom = new Uint8Array(BLOOM_SIZE_BYTES);
  for (const log of logs) {
    addItem(bloom, fromHex(log.address));
    for (const topic of log.topics) addItem(bloom, fromHex(topic));
  }
  return toHex(bloom);
}

/** Whether an address or topic may be in it; false is certain, true is not. */
export function bloomHas(bloom: Hex, item: Bytes): boolean {
  const hash = keccak256Bytes(item);
  for (let pair = 0; pair < 6; pair += 2) {
    const bit = bitAt(hash, pair);
    const byte = Number.parseInt(bloom.slice(2 + byteOf(bit) * 2, 4 + byteOf(bit) * 2), 16);
    if ((byte & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

/** The filter of all together, as a header has it. */
export function orBlooms(list: readonly Hex[]): Hex {
  const bloom = new Uint8Array(BLOOM_SIZE_BYTES);
  for (const one of list) {
    if (one === EMPTY_BLOOM) continue;
    const bytes = fromHex(one);
    for (let i = 0; i < BLOOM_SIZE_BYTES; i++) bloom[i] = (bloom[i] ?? 0) | (bytes[i] ?? 0);
  }
  return toHex(bloom);
}

function addItem(bloom: Bytes, item: Bytes): void {
  const hash = keccak256Bytes(item);
  for (let pair = 0; pair < 6; pair += 2) {
    const bit = bitAt(hash, pair);
    bloom[byteOf(bit)] = (bloom[byteOf(bit)] ?? 0) | (1 << (bit & 7));
  }
}

/** The low 11 bits of a pair of bytes of the hash. */
function bitAt(hash: Bytes, pair: number): number {
  return (((hash[pair] ?? 0) << 8) | (hash[pair + 1] ?? 0)) & 0x7ff;
}

/** Bit 0 is the lowest bit of the last byte. */
function byteOf(bit: number): number {
  return BLOOM_SIZE_BYTES - 1 - (bit >> 3);
}
