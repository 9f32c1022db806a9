/** Plain JavaScript (`@noble/secp256k1`): the last resort, and the oracle of the other two in tests. */
import * as secp256k1 from '@noble/secp256k1';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { joinSignature, type Secp256k1Backend } from './backend.ts';

export function loadNoble(): Secp256k1Backend {
  // The package ships without hashes; its synchronous calls need these two.
  secp256k1.hashes.sha256 = sha256;
  secp256k1.hashes.hmacSha256 = (key, message) => hmac(sha256, key, message);
  return {
    name: 'noble',
    recover(digest, rs, yParity) {
      // Its own format puts the recovery id first.
      const signature = new Uint8Array(65);
      signature[0] = yParity;
      signature.set(rs, 1);
      try {
        return secp256k1.recoverPublicKey(signature, digest, { prehash: false, isCompressed: false });
      } catch {
        return null;
      }
    },
    sign(digest, privateKey) {
      const signature = secp256k1.sign(digest, privateKey, { prehash: false, lowS: true, format: 'recovered' });
      return joinSignature(signature.subarray(1), signature[0] ?? 0);
    },
    publicKey: (privateKey) => secp256k1.getPublicKey(privateKey, false),
  };
}
