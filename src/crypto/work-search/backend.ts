import type { Bytes } from '../../types/primitives.ts';

export type BackendName = 'simd' | 'scalar';

/** Searches for nonces on the calling thread. */
export interface WorkSearchBackend {
  readonly name: BackendName;
  /**
   * The first of `count` nonces from `firstNonce` on (after 2^32-1 comes 0) with which SHA-256d of the 80 bytes, read as a
   * little-endian number, is at most `target`; null when there is none. The last four bytes of `data80` are not read.
   */
  search(data80: Bytes, target: bigint, firstNonce: number, count: number): number | null;
}

export const DATA_SIZE_BYTES = 80;
export const NONCES = 2 ** 32;
