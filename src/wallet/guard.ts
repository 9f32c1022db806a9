import type { Guard } from '../../consensus/api/effect.ts';
import type { Address, Hash } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/**
 * The signer's guard: the second of two nets under a validator, independent of the engine's own saved votes. It keeps,
 * per key and chain, the furthest place ever signed and what was said there.
 *
 * `once`: places (height, round, step) only move forward within a domain. `bft`: so do the places of round-based votes, and
 * at one height the round that a statement rests on (`lock`) never goes back: who has committed can not later join a change
 * of view as one that has prepared nothing, even if the engine has lost all its memory. `ffg`: the minimal strategy of
 * EIP-3076, targets only move forward and sources never back, which excludes double and surround votes. `once` in the domain
 * `slot` is its rule for blocks: one for a slot, and slots only move forward. The complete strategy is in history.ts.
 */

/** Of `once`: blocks by slot, which EIP-3076 speaks of. A slot has no rounds and no steps. */
export const SLOT_DOMAIN = 'slot';

/**
 * The record of a domain: the furthest place, and the digest signed there. Of finality votes and slots the digest is null
 * where it is not known, or where no single statement reached that far: then nothing there can be signed again.
 */
export type GuardRecord =
  | {
      readonly kind: 'once';
      readonly height: number;
      readonly round: number;
      readonly step: number;
      readonly digest: Hash | null;
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
  | { readonly kind: 'ffg'; readonly source: number; readonly target: number; readonly digest: Hash | null };

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

/** Under this the records of one key on one chain begin. */
export function guardPrefix(genesisHash: Hash, address: Address): string {
  return `${genesisHash}/${address}/`;
}

/** Throws GUARD_REFUSED when signing would contradict `last`, or when the guard makes no sense in itself. */
export function ruleOn(last: GuardRecord | null, guard: Guard, digest: Hash): GuardRuling {
  checkSense(guard);
  const record = recordOf(last, guard, digest);
  if (last === null) return { kind: 'advance', record };
  if (last.kind === 'once' && record.kind === 'once') return ruleOnPlace(last, record, guard);
  if (last.kind === 'bft' && record.kind === 'bft') {
    const claimed = guard.kind === 'bft' ? guard.lock : null;
    const isBack = claimed !== null && last.height === record.height && claimed < last.lock;
    if (isBack) throw refusedBy('has committed in a later round than this says', guard);
    return ruleOnPlace(last, record, guard);
  }
  if (last.kind === 'ffg' && record.kind === 'ffg') {
    if (record.target > last.target && record.source >= last.source) return { kind: 'advance', record };
    if (record.target === last.target && record.source === last.source && last.digest === digest) {
      return { kind: 'repeat' };
    }
    throw refusedBy(record.target > last.target ? 'surrounds an earlier vote' : 'target already voted on', guard);
  }
  throw refusedBy('record of another kind', guard);
}

/** Throws GUARD_REFUSED on what no honest engine asks for in the domains that EIP-3076 speaks of. */
export function checkSense(guard: Guard): void {
  if (guard.kind === 'ffg') {
    if (!isPlace(guard.source) || !isPlace(guard.target)) throw refusedBy('epochs are whole numbers from 0', guard);
    if (guard.source > guard.target) throw refusedBy('the source lies after the target', guard);
  } else if (guard.kind === 'once' && guard.domain === SLOT_DOMAIN) {
    if (!isPlace(guard.height)) throw refusedBy('slots are whole numbers from 0', guard);
    if (guard.round !== 0 || guard.step !== 0) throw refusedBy('a slot has no rounds and no steps', guard);
  }
}

function isPlace(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function recordOf(last: GuardRecord | null, guard: Guard, digest: Hash): GuardRecord {
  if (guard.kind === 'ffg') return { ...guard, digest };
  const { height, round, step } = guard;
  if (guard.kind === 'once') return { kind: 'once', height, round, step, digest };
  const before = last?.kind === 'bft' && last.height === height ? last.lock : -1;
  return { kind: 'bft', height, round, step, lock: guard.lock ?? before, digest };
}

function ruleOnPlace(
  last: Place & { readonly digest: Hash | null },
  record: Extract<GuardRecord, Place>,
  guard: Guard,
): GuardRuling {
  const order = last.height - record.height || last.round - record.round || last.step - record.step;
  if (order < 0) return { kind: 'advance', record };
  if (order === 0 && last.digest === record.digest) return { kind: 'repeat' };
  throw refusedBy(order === 0 ? 'already signed something else here' : 'already signed further on', guard);
}

export function refusedBy(reason: string, guard: Guard): ParleyError {
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
    const digest: unknown = record.digest;
    const hasDigest = typeof digest === 'string' || (digest === null && record.kind !== 'bft');
    if (numbers.every((n) => Number.isSafeInteger(n)) && hasDigest) return record;
  } catch {
    // Falls through to the refusal below.
  }
  throw damagedGuard();
}

export function damagedGuard(): ParleyError {
  return new ParleyError(
    'GUARD_DAMAGED',
    'the signing guard of this validator is unreadable; restore it before signing again',
  );
}
