/**
 * ECDSA on secp256k1 with Ethereum's conventions: recoverable signatures, low s only (EIP-2), addresses for keys.
 *
 * Three libraries can do the work (`secp256k1/`); one is chosen when this module loads: native, else wasm, else noble,
 * or what the environment variable PARLEY_CRYPTO names. They differ in what they let through (the native one recovers
 * from a high s, each throws or returns null elsewhere), so every range is checked here and all three behave the same.
 */
import { randomBytes } from 'node:crypto';
import type { Address, Bytes, Hash, Signature } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import { keccak256 } from './keccak.ts';
import type { BackendName, Secp256k1Backend } from './secp256k1/backend.ts';
import { selectBackend } from './secp256k1/select.ts';

/** Order of the group (SEC 2, §2.4.1) and its half, big-endian. */
const ORDER = fromHex('0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141');
const HALF_ORDER = fromHex('0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0');

/** The calls of one backend behind the checks. Tests build one for each; the node uses the functions below. */
export class Secp256k1 {
  readonly #backend: Secp256k1Backend;

  constructor(backend: Secp256k1Backend) {
    this.#backend = backend;
  }

  get name(): BackendName {
    return this.#backend.name;
  }

  /** From a 32-byte digest, 64 bytes of r and s, and the recovery id. null on anything invalid. */
  recover(digest: Bytes, rs: Bytes, yParity: number): Address | null {
    if (digest.length !== 32 || (yParity !== 0 && yParity !== 1) || !isSignatureInRange(rs)) return null;
    const publicKey = this.#backend.recover(digest, rs, yParity);
    return publicKey === null ? null : addressOfPublicKey(publicKey);
  }

  /** Throws ParleyError CRYPTO_PRIVATE_KEY or CRYPTO_DIGEST. */
  sign(digest: Bytes, privateKey: Bytes): Signature {
    checkPrivateKey(privateKey);
    if (digest.length !== 32) throw new ParleyError('CRYPTO_DIGEST', 'a digest to be signed has 32 bytes');
    const signature = this.#backend.sign(digest, privateKey);
    // A recovery id of 2 or 3 (r wrapped over the order) has a chance of 2^-127 and no place on the wire.
    if ((signature[64] ?? 2) > 1) throw new ParleyError('CRYPTO_DIGEST', 'this digest cannot be signed with this key');
    return signature;
  }

  addressOf(privateKey: Bytes): Address {
    checkPrivateKey(privateKey);
    return addressOfPublicKey(this.#backend.publicKey(privateKey));
  }
}

const secp256k1 = new Secp256k1(await selectBackend(process.env['PARLEY_CRYPTO']));

/** Which library does the curve arithmetic in this process. */
export function backendName(): BackendName {
  return secp256k1.name;
}

/**
 * Who signed the digest. null on anything invalid: wrong lengths, r or s out of range, high s, recovery id above 1, no
 * such point.
 */
export function recoverAddress(digest: Hash, signature: Signature): Address | null {
  if (digest.length !== 66 || signature.length !== 65) return null;
  return secp256k1.recover(fromHex(digest), signature.subarray(0, 64), signature[64] ?? 2);
}

/** As `recoverAddress`, for callers that hold bytes: 32 of digest, 64 of r and s. */
export function recoverAddressFromBytes(digest: Bytes, rs: Bytes, yParity: number): Address | null {
  return secp256k1.recover(digest, rs, yParity);
}

/** Deterministic (RFC 6979), low s. Throws ParleyError CRYPTO_PRIVATE_KEY or CRYPTO_DIGEST. */
export function signDigest(digest: Hash, privateKey: Bytes): Signature {
  return secp256k1.sign(fromHex(digest), privateKey);
}

/** Throws ParleyError CRYPTO_PRIVATE_KEY. */
export function addressOf(privateKey: Bytes): Address {
  return secp256k1.addressOf(privateKey);
}

/** 32 bytes in [1, n). */
export function isPrivateKey(bytes: Bytes): boolean {
  return bytes.length === 32 && !isZero(bytes, 0) && compareWord(bytes, 0, ORDER) < 0;
}

/** 32 bytes from the system's generator. */
export function randomPrivateKey(): Bytes {
  for (;;) {
    // A fresh, unpooled array, so that no other value ever lies beside the key.
    const key = new Uint8Array(randomBytes(32));
    if (isPrivateKey(key)) return key;
  }
}

/** r (first 32 bytes) in [1, n) and s (last 32) in [1, n/2]: EIP-2. */
export function isSignatureInRange(rs: Bytes): boolean {
  return (
    rs.length === 64 &&
    !isZero(rs, 0) &&
    !isZero(rs, 32) &&
    compareWord(rs, 0, ORDER) < 0 &&
    compareWord(rs, 32, HALF_ORDER) <= 0
  );
}

function checkPrivateKey(privateKey: Bytes): void {
  if (!isPrivateKey(privateKey)) {
    throw new ParleyError(
      'CRYPTO_PRIVATE_KEY',
      'a private key has 32 bytes, is not zero and is below the order of secp256k1',
    );
  }
}

function addressOfPublicKey(publicKey: Bytes): Address {
  return `0x${keccak256(publicKey.subarray(1)).slice(26)}`;
}

function isZero(bytes: Bytes, start: number): boolean {
  for (let i = start; i < start + 32; i++) if (bytes[i] !== 0) return false;
  return true;
}

function compareWord(bytes: Bytes, start: number, word: Bytes): number {
  for (let i = 0; i < 32; i++) {
    const difference = (bytes[start + i] ?? 0) - (word[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
