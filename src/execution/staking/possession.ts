import { encodeRlp, encodeUint } from '../../codec/rlp.ts';
import { keccak256 } from '../../crypto/keccak.ts';
import { recoverAddressFromBytes } from '../../crypto/secp256k1.ts';
import type { Address, Bytes, Hash } from '../../types/primitives.ts';
import { fromHex } from '../../util/hex.ts';

/**
 * What a validator's key signs so that `owner` may deposit for it: keccak256(rlp(['parley/staking/possession/1', chainId, owner])). It
 * names the owner, so that nobody else can use a proof that was seen in the pool.
 */
export function possessionDigest(chainId: number, owner: Address): Hash {
  return keccak256(encodeRlp([Buffer.from('parley/staking/possession/1'), encodeUint(chainId), fromHex(owner)]));
}

/** `proof`: r (32 bytes), s (32, low), v (27 or 28, or 0 or 1). */
export function isPossessionProven(chainId: number, owner: Address, validator: Address, proof: Bytes): boolean {
  if (proof.length !== 65) return false;
  const v = proof[64] ?? 2;
  const digest = fromHex(possessionDigest(chainId, owner));
  return recoverAddressFromBytes(digest, proof.subarray(0, 64), v >= 27 ? v - 27 : v) === validator;
}
