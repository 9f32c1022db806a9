import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import { fromHex, isHex, toHex } from '../util/hex.ts';
import { keccak256 } from './keccak.ts';
import { recoverAddress, signDigest } from './secp256k1.ts';

/** What is signed for a message of version 0x45 of EIP-191: its text can be no transaction's. */
export function personalMessageDigest(message: Bytes): Hash {
  const prefix = Buffer.from(`\u0019Ethereum Signed Message:\n${message.length}`);
  return keccak256(Buffer.concat([prefix, message]));
}

/** 65 bytes as wallets write them: r, s and v, which is 27 or 28. Throws as `signDigest`. */
export function signDigestForWallet(digest: Hash, privateKey: Bytes): Hex {
  const signature = Buffer.from(signDigest(digest, privateKey));
  signature[64] = (signature[64] ?? 0) + 27;
  return toHex(signature);
}

/** Who signed a message with `signDigestForWallet`. null on anything invalid, a v that is neither 27 nor 28 included. */
export function recoverPersonalMessage(message: Bytes, signature: Hex): Address | null {
  if (!isHex(signature, 65)) return null;
  const bytes = Buffer.from(fromHex(signature));
  const v = bytes[64] ?? 0;
  if (v !== 27 && v !== 28) return null;
  bytes[64] = v - 27;
  return recoverAddress(personalMessageDigest(message), bytes);
}
