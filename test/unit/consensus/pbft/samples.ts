import { preparedFault } from '../../../../consensus/pbft/certificate.ts';
import type { Certificate, Claim, Statement } from '../../../../consensus/pbft/messages.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../../src/types/validator.ts';
import { crypto, signed, validator } from './net.ts';

/** Statements and proofs of four validators about one height, for tests. */

export const HASH: Hash = `0x${'11'.repeat(32)}`;
export const OTHER: Hash = `0x${'22'.repeat(32)}`;
export const VALIDATORS: ValidatorSet = [0, 1, 2, 3].map((i) => ({ address: validator(i), power: 1n, jailed: false }));
export const HEIGHT = 7;

export const signatureOf = (from: Address, statement: Statement) => ({
  from,
  signature: signed(from, statement).signature,
});
export const commitBy = (index: number, view = 0, hash = HASH) =>
  signatureOf(validator(index), { kind: 'commit', height: HEIGHT, view, hash });

/** Prepared by these; the first of the list leads view 0, the next view 1, and so on. */
export function certificate(indexes: readonly number[], claim: Claim = { view: 0, hash: HASH }): Certificate {
  const signers = indexes.map((i) => {
    const kind = i === claim.view % 4 ? 'pre-prepare' : 'prepare';
    return signatureOf(validator(i), { kind, height: HEIGHT, ...claim });
  });
  return { ...claim, signers };
}

export const primary = (view: number): Address => validator(view % 4);
export const faultOf = (proof: Certificate): string | null =>
  preparedFault(VALIDATORS, HEIGHT, proof, primary(proof.view), crypto);
