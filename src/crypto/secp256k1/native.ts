/**
 * libsecp256k1 through the `secp256k1` package, the fastest by far. `bindings` is loaded by name because the package's
 * main module turns into a slow JavaScript library in silence where no binary fits the platform; this one throws.
 */
import { createRequire } from 'node:module';
import { randomBytes } from 'node:crypto';
import { joinSignature, type Secp256k1Backend } from './backend.ts';

type Bindings = typeof import('secp256k1');

export function loadNative(): Secp256k1Backend {
  const secp256k1 = createRequire(import.meta.url)('secp256k1/bindings') as Bindings;
  // Blinds the multiplications with the private key against side channels.
  secp256k1.contextRandomize(randomBytes(32));
  return {
    name: 'native',
    recover(digest, rs, yParity) {
      try {
        return secp256k1.ecdsaRecover(rs, yParity, digest, false);
      } catch {
        // It throws where no key fits; lengths and ranges were checked before.
        return null;
      }
    },
    sign(digest, privateKey) {
      const { signature, recid } = secp256k1.ecdsaSign(digest, privateKey);
      return joinSignature(signature, recid);
    },
    publicKey: (privateKey) => secp256k1.publicKeyCreate(privateKey, false),
  };
}
