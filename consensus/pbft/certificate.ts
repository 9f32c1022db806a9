import { JUSTIFICATION_SIZE_BYTES_MAX } from '../../src/codec/block.ts';
import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { fromHex } from '../../src/util/hex.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { readList } from '../common/ffg-codec.ts';
import { hasQuorum } from '../common/quorum.ts';
import { encodeStatement, readSigner, type BlockVote, type Certificate, type SignedBy } from './messages.ts';

/**
 * Proofs by signatures: that a block is decided (the justification that travels beside it), and that a block is prepared
 * (inside view changes). What was signed is not in them, it follows from the block and the view.
 */

export type CertificateFault =
  | 'TOO_LARGE'
  | 'MALFORMED'
  | 'SIGNER_REPEATED'
  | 'SIGNER_UNKNOWN'
  | 'SIGNATURE_FORGED'
  | 'POWER_TOO_LITTLE';

/** RLP [view, [[address, signature] …]] of COMMITs, by address. null for one too large to travel. */
export function encodeJustification(view: number, commits: readonly SignedBy[]): Bytes | null {
  const signers = commits.toSorted((a, b) => (a.from < b.from ? -1 : 1));
  const bytes = encodeRlp([encodeUint(view), signers.map(({ from, signature }) => [fromHex(from), signature])]);
  return bytes.length <= JUSTIFICATION_SIZE_BYTES_MAX ? bytes : null;
}

/**
 * What is wrong with a justification; null when it proves that this block is decided. `validators`: the active ones after
 * the block's parent. Anybody who has them can check a decision with this and nothing else.
 */
export function verifyCertificate(
  validators: ValidatorSet,
  block: BlockRef,
  justification: Bytes,
  crypto: EngineCrypto,
): CertificateFault | null {
  if (justification.length > JUSTIFICATION_SIZE_BYTES_MAX) return 'TOO_LARGE';
  const proof = decodeJustification(justification);
  if (proof === null) return 'MALFORMED';
  const commit = { kind: 'commit', height: block.number, view: proof.view, hash: block.hash } as const;
  return signersFault(validators, proof.signers, () => commit, crypto);
}

/** What is wrong with a prepared certificate; null: a quorum has prepared that block. `primary`: of the certificate's view. */
export function preparedFault(
  validators: ValidatorSet,
  height: number,
  certificate: Certificate,
  primary: Address | null,
  crypto: EngineCrypto,
): CertificateFault | null {
  const { view, hash, signers } = certificate;
  // Without the primary's word nobody can have prepared.
  if (!signers.some(({ from }) => from === primary)) return 'POWER_TOO_LITTLE';
  const kindOf = (from: Address): BlockVote['kind'] => (from === primary ? 'pre-prepare' : 'prepare');
  return signersFault(validators, signers, (from) => ({ kind: kindOf(from), height, view, hash }), crypto);
}

/** Cheap checks first: a signature costs more than all the rest. */
function signersFault(
  validators: ValidatorSet,
  signers: readonly SignedBy[],
  voteOf: (from: Address) => BlockVote,
  crypto: EngineCrypto,
): CertificateFault | null {
  const named = new Set(signers.map(({ from }) => from));
  if (named.size < signers.length) return 'SIGNER_REPEATED';
  const known = new Set(validators.map(({ address }) => address));
  if (signers.some(({ from }) => !known.has(from))) return 'SIGNER_UNKNOWN';
  if (!hasQuorum(validators, (address) => named.has(address))) return 'POWER_TOO_LITTLE';
  const isSigned = ({ from, signature }: SignedBy): boolean =>
    crypto.recover(crypto.messageDigest(encodeStatement(voteOf(from))), signature) === from;
  return signers.every(isSigned) ? null : 'SIGNATURE_FORGED';
}

function decodeJustification(bytes: Bytes): { readonly view: number; readonly signers: readonly SignedBy[] } | null {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const proof = { view: reader.uint(), signers: readList(reader, readSigner) };
    reader.closeList(outer);
    reader.end();
    return proof;
  } catch {
    return null;
  }
}
