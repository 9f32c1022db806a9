import { EVIDENCE_SIZE_BYTES_MAX, type Evidence } from '../types/evidence.ts';
import type { Bytes } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import { asMalformed } from './malformed.ts';
import { encodeRlp, encodeUint, type RlpItem } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';

/** Numbers of the kinds on the wire. Never given a new meaning. */
const KIND_NUMBERS: { readonly [kind in Evidence['kind']]: number } = { headers: 1, messages: 2 };

/** RLP [kind, offender, first, second]. */
export function encodeEvidence(evidence: Evidence): Bytes {
  return encodeRlp(evidenceToRlp(evidence));
}

/** Throws CodecError EVIDENCE_TOO_LARGE or EVIDENCE_MALFORMED. What it claims is not checked here. */
export function decodeEvidence(bytes: Bytes): Evidence {
  return asMalformed('EVIDENCE_MALFORMED', () => {
    if (bytes.length > EVIDENCE_SIZE_BYTES_MAX) throw tooLarge(bytes.length);
    const reader = new RlpReader(bytes);
    const evidence = readEvidence(reader);
    reader.end();
    return evidence;
  });
}

/** As one item of a larger structure. */
export function evidenceToRlp(evidence: Evidence): RlpItem {
  return [encodeUint(KIND_NUMBERS[evidence.kind]), fromHex(evidence.offender), evidence.first, evidence.second];
}

/** As one item of a larger structure, under the same limit. */
export function readEvidence(reader: RlpReader): Evidence {
  const start = reader.position;
  const outer = reader.openList();
  const kindNumber = reader.uint();
  const offender = reader.address();
  const first = reader.ownBytes(EVIDENCE_SIZE_BYTES_MAX);
  const second = reader.ownBytes(EVIDENCE_SIZE_BYTES_MAX);
  reader.closeList(outer);
  if (reader.position - start > EVIDENCE_SIZE_BYTES_MAX) throw tooLarge(reader.position - start);
  if (kindNumber === KIND_NUMBERS.headers) return { kind: 'headers', offender, first, second };
  if (kindNumber === KIND_NUMBERS.messages) return { kind: 'messages', offender, first, second };
  throw new CodecError('EVIDENCE_MALFORMED', `unknown kind of evidence: ${kindNumber}`);
}

function tooLarge(sizeBytes: number): CodecError {
  return new CodecError('EVIDENCE_TOO_LARGE', `evidence has at most ${EVIDENCE_SIZE_BYTES_MAX} bytes`, { sizeBytes });
}
