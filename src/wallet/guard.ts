import type { Guard } from '../../consensus/api/effect.ts';
import type { Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/**
 * The signer's guard: the second of two nets under a validator, independent of the engine's own saved votes. It keeps,
 * per key and chain, the furthest place ever signed and what was said there.
 *
 * `once`: places (height, round, step) only move forward within a domain. `bft`: so do the places of round-based votes, and
 * at one height the round that a statement rests on (`lock`) never goes back: who has committed can not later join a change
 * of view as one that has prepared nothing, even if the engine has lost all its memory. `ffg`: the minimal strategy of
 * EIP-3076, targets only move forward and sources never back, which excludes double and surround votes.
 */

/** The record of a domain: the furthest place, and the digest signed there. */
export type GuardRecord =
  | {
      readonly kind: 'once';
      readonly height: number;
      readonly round: number;
      readonly step: number;
      readonly digest: Hash;
    }
  | {
      readonly kind: 'bft';
      readonly height: number;
      readonly round: number;
      readonly step: number;
      /** The highest of this height; -1: none. */
      readonly lock: number;
      readonly digest: Hash;
    }
  | { readonly kind: 'ffg'; readonly source: number; readonly target: number; readonly digest: Hash };

type Place = { readonly height: number; readonly round: number; readonly step: number };

export type GuardRuling =
  /** Nothing new is said: the same place, the same words. */
  | { readonly kind: 'repeat' }
  /** A new place: store `record` first, then sign. */
  | { readonly kind: 'advance'; readonly record: GuardRecord };

/** Under which name the record of a guard is kept. */
export function guardDomain(guard: Guard): string {
  return guard.kind === 'once' ? `once/${guard.domain}` : guard.kind;
}

/** Throws GUARD_REFUSED when signing would contradict `last`. */
export function ruleOn(last: GuardRecord | null, guard: Guard, digest: Hash): GuardRuling {
  const record = recordOf(last, guard, digest);
  if (last === null) return { kind: 'advance', record };
  if (last.kind === 'once' && record.kind === 'once') return ruleOnPlace(last, record, guard);
  if (last.kind === 'bft' && record.kind === 'bft') {
    const claimed = guard.kind === 'bft' ? guard.lock : null;
    const isBack = claimed !== null && last.height === record.height && claimed < last.lock;
    if (isBack) throw refused('has committed in a later round than this says', guard);
    return ruleOnPlace(last, record, guard);
  }
  if (last.kind === 'ffg' && record.kind === 'ffg') {
    if (record.target > last.target && record.source >= last.source) return { kind: 'advance', record };
    if (record.target === last.target && record.source === last.source && last.digest === digest) {
      return { kind: 'repeat' };
    }
    throw refused(record.target > last.target ? 'surrounds an earlier vote' : 'target already voted on', guard);
  }
  throw refused('record of another kind', guard);
}

function recordOf(last: GuardRecord | null, guard: Guard, digest: Hash): GuardRecord {
  if (guard.kind === 'ffg') return { ...guard, digest };
  const { height, round, step } = guard;
  if (guard.kind === 'once') return { kind: 'once', height, round, step, digest };
  const before = last?.kind === 'bft' && last.height === height ? last.lock : -1;
  return { kind: 'bft', height, round, step, lock: guard.lock ?? before, digest };
}

function ruleOnPlace(
  last: Place & { readonly digest: Hash },
  record: Extract<GuardRecord, Place>,
  guard: Guard,
): GuardRuling {
  const order = last.height - record.height || last.round - record.round || last.step - record.step;
  if (order < 0) return { kind: 'advance', record };
  if (order === 0 && last.digest === record.digest) return { kind: 'repeat' };
  throw refused(order === 0 ? 'already signed something else here' : 'already signed further on', guard);
}

function refused(reason: string, guard: Guard): ParleyError {
  return new ParleyError('GUARD_REFUSED', `the signer refuses: ${reason}`, { reason, guard: { ...guard } });
}

export function encodeGuardRecord(record: GuardRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

/** Throws GUARD_DAMAGED: a validator whose memory is unreadable must not sign. */
export function decodeGuardRecord(bytes: Uint8Array): GuardRecord {
  try {
    const record = JSON.parse(Buffer.from(bytes).toString()) as GuardRecord;
    const numbers =
      record.kind === 'ffg'
        ? [record.source, record.target]
        : [record.height, record.round, record.step, ...(record.kind === 'bft' ? [record.lock] : [])];
    if (numbers.every((n) => Number.isSafeInteger(n)) && typeof record.digest === 'string') return record;
  } catch {
    // Falls through to the refusal below.
  }
  throw new ParleyError(
    'GUARD_DAMAGED',
    'the signing guard of this validator is unreadable; restore it before signing again',
  );
}
