import { decodeHeader } from '../../src/codec/block.ts';
import type { Header } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { Address } from '../../src/types/primitives.ts';
import { CodecError } from '../../src/util/errors.ts';
import type { EngineCrypto } from '../api/engine.ts';

/** Of engines whose seal is the author's signature of the header without it. Throws CodecError SEAL_INVALID. */
export function sealAuthor(header: Header, crypto: EngineCrypto): Address {
  const author = crypto.recover(crypto.sealHash(header), header.seal);
  if (author === null) throw new CodecError('SEAL_INVALID', 'the seal is not a signature of this header');
  return author;
}

/**
 * The two headers of evidence, each sealed by the offender, in different words: one under another signature of the same key is no second
 * block. Pure and total: null for anything else. What they prove is for the engine to say.
 */
export function sealedTwice(evidence: Evidence, crypto: EngineCrypto): readonly [Header, Header] | null {
  const [first, second] = [sealedBy(evidence.first, evidence, crypto), sealedBy(evidence.second, evidence, crypto)];
  if (first === null || second === null || crypto.sealHash(first) === crypto.sealHash(second)) return null;
  return [first, second];
}

function sealedBy(bytes: Uint8Array, { offender }: Evidence, crypto: EngineCrypto): Header | null {
  try {
    const header = decodeHeader(bytes);
    return sealAuthor(header, crypto) === offender ? header : null;
  } catch {
    return null;
  }
}
