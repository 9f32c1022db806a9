/**
 * libsecp256k1 compiled to WebAssembly (`tiny-secp256k1`): runs on every platform, at a quarter of the native speed.
 */
import { joinSignature, type Secp256k1Backend } from './backend.ts';

export async function loadWasm(): Promise<Secp256k1Backend> {
  const secp256k1 = await import('tiny-secp256k1');
  return {
    name: 'wasm',
    recover(digest, rs, yParity) {
      try {
        return secp256k1.recover(digest, rs, yParity, false);
      } catch {
        return null;
      }
    },
    sign(digest, privateKey) {
      const { signature, recoveryId } = secp256k1.signRecoverable(digest, privateKey);
      return joinSignature(signature, recoveryId);
    },
    publicKey(privateKey) {
      const key = secp256k1.pointFromScalar(privateKey, false);
      if (key === null) throw new Error('tiny-secp256k1 gave no public key for a private key in range');
      return key;
    },
  };
}
