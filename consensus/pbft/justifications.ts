import type { Bytes, Hash } from '../../src/types/primitives.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { verifyCertificate, type CertificateFault } from './certificate.ts';
import type { Height } from './height.ts';

/** Checks proofs of decisions, a good one once: it is seen with the header, and again when its block is in. */
export class Justifications {
  readonly #good = new WeakMap<Bytes, Hash>();
  readonly #crypto: EngineCrypto;

  constructor(crypto: EngineCrypto) {
    this.#crypto = crypto;
  }

  /** What is wrong with the proof that this block is the decision of the height; null: nothing. */
  fault(height: Height, hash: Hash, justification: Bytes): CertificateFault | null {
    if (this.#good.get(justification) === hash) return null;
    const { validators, number } = height;
    const fault = verifyCertificate(validators, { hash, number }, justification, this.#crypto);
    if (fault === null) this.#good.set(justification, hash);
    return fault;
  }
}
