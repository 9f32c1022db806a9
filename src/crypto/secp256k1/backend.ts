import type { Bytes } from '../../types/primitives.ts';

export type BackendName = 'native' | 'wasm' | 'noble';

/**
 * ECDSA on secp256k1 by one library. The caller (`../secp256k1.ts`) has checked every argument: 32-byte digests,
 * private keys in [1, n), r and s in range, s low. So a backend only answers what needs the curve.
 */
export interface Secp256k1Backend {
  readonly name: BackendName;
  /** The signer's public key, 65 bytes (0x04, x, y); null when no point of the curve fits or it would be infinity. */
  recover(digest: Bytes, rs: Bytes, yParity: 0 | 1): Bytes | null;
  /** Deterministic (RFC 6979, SHA-256), low s: r, s and the recovery id, 65 bytes. */
  sign(digest: Bytes, privateKey: Bytes): Bytes;
  /** 65 bytes, uncompressed. */
  publicKey(privateKey: Bytes): Bytes;
}

/** Joins r||s and the recovery id into the 65 bytes of a Signature. */
export function joinSignature(rs: Bytes, recoveryId: number): Bytes {
  const signature = new Uint8Array(65);
  signature.set(rs);
  signature[64] = recoveryId;
  return signature;
}
