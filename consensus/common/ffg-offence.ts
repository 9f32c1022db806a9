import { decodeMessage, encodeMessage } from '../../src/codec/message.ts';
import type { Evidence, Offence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { decodeVote, sameCheckpoint, type FfgVote } from './ffg-vote.ts';

/** What two votes of one validator prove; null where honest software may have said both. */
export function voteOffence(a: FfgVote, b: FfgVote): 'DOUBLE_VOTE' | 'SURROUND_VOTE' | null {
  if (a.target.epoch === b.target.epoch) {
    return isSame(a, b) ? null : 'DOUBLE_VOTE';
  }
  const [inner, outer] = a.target.epoch < b.target.epoch ? [a, b] : [b, a];
  return outer.source.epoch < inner.source.epoch ? 'SURROUND_VOTE' : null;
}

export function voteEvidence(first: SignedMessage, second: SignedMessage): Evidence {
  return { kind: 'messages', offender: first.from, first: encodeMessage(first), second: encodeMessage(second) };
}

function isSame(a: FfgVote, b: FfgVote): boolean {
  if (!sameCheckpoint(a.target, b.target) || !sameCheckpoint(a.source, b.source)) return false;
  return a.attested?.slot === b.attested?.slot && a.attested?.head === b.attested?.head;
}

/**
 * Pure and total: null for anything that proves nothing. The height is that of the lower target where every `distance`-th
 * block is a checkpoint; else, with distance 1, its epoch.
 */
export function judgeVotes(evidence: Evidence, crypto: EngineCrypto, distance: number): Offence | null {
  const first = signedVote(evidence.first, evidence, crypto);
  const second = signedVote(evidence.second, evidence, crypto);
  if (first === null || second === null) return null;
  const code = voteOffence(first, second);
  if (code === null) return null;
  return { offender: evidence.offender, code, height: Math.min(first.target.epoch, second.target.epoch) * distance };
}

function signedVote(bytes: Uint8Array, evidence: Evidence, crypto: EngineCrypto): FfgVote | null {
  let message: SignedMessage;
  try {
    message = decodeMessage(bytes);
  } catch {
    return null;
  }
  if (message.from !== evidence.offender) return null;
  if (crypto.recover(crypto.messageDigest(message.payload), message.signature) !== message.from) return null;
  return decodeVote(message.payload);
}
