import { createKeccak } from 'hash-wasm';
import type { Bytes, Hash } from '../types/primitives.ts';

// One hasher for the thread. It is not re-entrant, and need not be: both functions below run to their end synchronously.
const hasher = await createKeccak(256);

/** Keccak-256 as Ethereum uses it (the padding from before FIPS 202), as lower-case hex. */
export function keccak256(bytes: Bytes): Hash {
  return `0x${hasher.init().update(bytes).digest()}`;
}

/** The same as 32 fresh bytes. */
export function keccak256Bytes(bytes: Bytes): Bytes {
  return hasher.init().update(bytes).digest('binary');
}
