import type { Header, UnsealedHeader } from '../../src/types/block.ts';
import type { Bytes } from '../../src/types/primitives.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { decodeExtra } from './extra.ts';

/**
 * The 80 bytes that are hashed, Bitcoin's block header: version (4, little-endian), previous block (32), commitment (32),
 * time in seconds (4, LE), nBits (4, LE), nonce (4, LE). For our blocks the previous block is the parent's hash and the
 * commitment the hash of the header without its seal, so the work covers everything in it.
 */
export type WorkHeader = {
  readonly version: number;
  readonly previous: Bytes;
  readonly commitment: Bytes;
  readonly timeSeconds: number;
  readonly bits: number;
  readonly nonce: number;
};

/** What our header does not say itself: version (4, LE) and nonce (4, LE). */
export const SEAL_SIZE_BYTES = 8;
export const NONCE_SIZE_BYTES = 4;
const WORK_HEADER_SIZE_BYTES = 80;
const NONCE_OFFSET = WORK_HEADER_SIZE_BYTES - NONCE_SIZE_BYTES;
const UINT32S = 2 ** 32;

export function encodeWorkHeader(header: WorkHeader): Bytes {
  const bytes = new Uint8Array(WORK_HEADER_SIZE_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, header.version, true);
  bytes.set(header.previous, 4);
  bytes.set(header.commitment, 36);
  view.setUint32(68, header.timeSeconds, true);
  view.setUint32(72, header.bits, true);
  view.setUint32(NONCE_OFFSET, header.nonce, true);
  return bytes;
}

/** SHA-256d of a work header as the number that is held against the target. */
export function workHash(work: Bytes, sha256: EngineCrypto['sha256']): bigint {
  return BigInt(toHex(new Uint8Array(sha256(sha256(work))).reverse()));
}

/** What is searched for a block that is not sealed yet; the nonce is zero. */
export function workData(header: UnsealedHeader, bits: number, version: number, crypto: EngineCrypto): Bytes {
  return encodeWorkHeader({
    version,
    previous: fromHex(header.parentHash),
    commitment: fromHex(crypto.sealHash(header)),
    // As many bits as Bitcoin has; the block's own time, in milliseconds, is under the commitment.
    timeSeconds: Math.floor(header.timeMs / 1000) % UINT32S,
    bits,
    nonce: 0,
  });
}

export function withNonce(data: Bytes, nonce: Bytes): Bytes {
  const work = new Uint8Array(data);
  work.set(nonce, NONCE_OFFSET);
  return work;
}

export function encodeSeal(version: number, nonce: Bytes): Bytes {
  const seal = new Uint8Array(SEAL_SIZE_BYTES);
  new DataView(seal.buffer).setUint32(0, version, true);
  seal.set(nonce, 4);
  return seal;
}

/** The number that a sealed block's work comes to; null when seal or extra are not of the right form. */
export function sealedWorkHash(header: Header, crypto: EngineCrypto): bigint | null {
  const extra = decodeExtra(header.extra);
  if (extra === null || header.seal.length !== SEAL_SIZE_BYTES) return null;
  const { seal } = header;
  const version = new DataView(seal.buffer, seal.byteOffset).getUint32(0, true);
  return workHash(withNonce(workData(header, extra.bits, version, crypto), seal.subarray(4)), crypto.sha256);
}
