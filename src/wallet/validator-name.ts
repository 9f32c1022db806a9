import { Point } from '@noble/secp256k1';
import { isChecksumValid } from '../crypto/checksum.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { Address } from '../types/primitives.ts';
import { fromHex, isHex } from '../util/hex.ts';

const PUBLIC_KEY_SIZE_BYTES = 33;

/**
 * The address a validator is named by: as the address itself (all of one case, or with a right EIP-55 checksum), or as its
 * compressed public key (33 bytes of hex). null on anything else.
 */
export function parseValidatorName(text: string): Address | null {
  if (isHex(text, PUBLIC_KEY_SIZE_BYTES)) return addressOfCompressed(text);
  return isChecksumValid(text) ? (text.toLowerCase() as Address) : null;
}

function addressOfCompressed(text: `0x${string}`): Address | null {
  try {
    const uncompressed = Point.fromBytes(fromHex(text)).toBytes(false);
    return `0x${keccak256(uncompressed.subarray(1)).slice(26)}`;
  } catch {
    // No point of the curve.
    return null;
  }
}
