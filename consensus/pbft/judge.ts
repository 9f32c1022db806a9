import { encodeEvidence } from '../../src/codec/evidence.ts';
import { decodeMessage, encodeMessage } from '../../src/codec/message.ts';
import { EVIDENCE_SIZE_BYTES_MAX, type Evidence, type Offence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import { bytesEqual } from '../../src/util/hex.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { decodeStatement, encodeStatement, type Statement } from './messages.ts';

const DOUBLE_CODES: { readonly [kind in Statement['kind']]: string | null } = {
  'view-change': 'DOUBLE_VIEW_CHANGE',
  'new-view': 'DOUBLE_NEW_VIEW',
  'pre-prepare': 'DOUBLE_PRE_PREPARE',
  prepare: 'DOUBLE_PREPARE',
  commit: 'DOUBLE_COMMIT',
  certificate: null,
  status: null,
};

/**
 * What two statements of one validator prove; null where honest software may have made both. Either they stand in one
 * place and differ, or (LOCK_FORGOTTEN) one changes the view as if the other, a COMMIT in an earlier view, had never been.
 */
export function offenceOf(a: Statement, b: Statement): string | null {
  if (a.height !== b.height) return null;
  if (a.kind === b.kind) {
    return a.view === b.view && !bytesEqual(encodeStatement(a), encodeStatement(b)) ? DOUBLE_CODES[a.kind] : null;
  }
  return forgetsLock(a, b) || forgetsLock(b, a) ? 'LOCK_FORGOTTEN' : null;
}

function forgetsLock(commit: Statement, change: Statement): boolean {
  if (commit.kind !== 'commit' || change.kind !== 'view-change') return false;
  return change.view > commit.view && (change.prepared?.view ?? -1) < commit.view;
}

/** null for what is too large to be carried in a block. */
export function evidenceOf(first: SignedMessage, second: SignedMessage): Evidence | null {
  const evidence: Evidence = {
    kind: 'messages',
    offender: first.from,
    first: encodeMessage(first),
    second: encodeMessage(second),
  };
  return encodeEvidence(evidence).length <= EVIDENCE_SIZE_BYTES_MAX ? evidence : null;
}

/** Pure and total: null for anything that proves nothing. The chain is bound by what messages are signed over. */
export function judgePbft(evidence: Evidence, crypto: EngineCrypto): Offence | null {
  if (evidence.kind !== 'messages') return null;
  const first = signedStatement(evidence.first, evidence, crypto);
  const second = signedStatement(evidence.second, evidence, crypto);
  if (first === null || second === null) return null;
  const code = offenceOf(first, second);
  return code === null ? null : { offender: evidence.offender, code, height: first.height };
}

function signedStatement(bytes: Uint8Array, evidence: Evidence, crypto: EngineCrypto): Statement | null {
  let message: SignedMessage;
  try {
    message = decodeMessage(bytes);
  } catch {
    return null;
  }
  if (message.from !== evidence.offender) return null;
  if (crypto.recover(crypto.messageDigest(message.payload), message.signature) !== message.from) return null;
  return decodeStatement(message.payload);
}
