import type { Guard } from '../../consensus/api/effect.ts';
import type { GuardStore, GuardWrite } from '../ports/stores.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import { isHex } from '../util/hex.ts';
import {
  damagedGuard,
  decodeGuardRecord,
  encodeGuardRecord,
  guardDomain,
  guardPrefix,
  SLOT_DOMAIN,
  type GuardRecord,
} from './guard.ts';
import type { Bound, History, Signed } from './history.ts';

/** The two things that EIP-3076 keeps a history of. */
export type Track = 'blocks' | 'votes';

export const TRACKS: readonly Track[] = ['blocks', 'votes'];

const RECORD_DOMAIN: Readonly<Record<Track, string>> = {
  blocks: guardDomain({ kind: 'once', domain: SLOT_DOMAIN, height: 0, round: 0, step: 0 }),
  votes: guardDomain({ kind: 'ffg', source: 0, target: 0 }),
};
const HISTORY = 'history/';
/** Digits of the largest safe integer, so that keys sort as numbers. */
const TARGET_DIGITS = 16;

/** null: the guard is of a kind of which only the furthest place is kept. */
export function trackOf(guard: Guard): Track | null {
  if (guard.kind === 'ffg') return 'votes';
  return guard.kind === 'once' && guard.domain === SLOT_DOMAIN ? 'blocks' : null;
}

export function signedOf(guard: Guard, root: Hash): Signed {
  if (guard.kind === 'ffg') return { source: guard.source, target: guard.target, root };
  return { source: 0, target: guard.height, root };
}

/** Whether the key, less the prefix of its validator, belongs to a history or to the record that sums it up. */
export function isOfHistory(name: string): boolean {
  return name.startsWith(HISTORY) || Object.values(RECORD_DOMAIN).includes(name);
}

/**
 * The histories of one validator on one chain, in the guard's store: the record of the minimal strategy where it always
 * was, the floor and each entry under keys of their own, so that a signature writes three values and not thousands.
 */
export class HistoryStore {
  readonly #store: GuardStore;
  readonly #prefix: string;

  constructor(key: { readonly genesisHash: Hash; readonly address: Address }, modules: { readonly store: GuardStore }) {
    this.#store = modules.store;
    this.#prefix = guardPrefix(key.genesisHash, key.address);
  }

  /** As stored: perhaps with a gap. Throws GUARD_DAMAGED. */
  async read(track: Track): Promise<History> {
    const floor = this.#store.get(this.#floorKey(track));
    const entries = await this.#store.list(this.#entryKey(track, ''));
    return {
      top: this.top(track),
      floor: floor === undefined ? null : decodeBound(floor),
      entries: entries.map(({ value }) => decodeSigned(value)),
    };
  }

  /** The record of the minimal strategy. Throws GUARD_DAMAGED. */
  top(track: Track): Signed | null {
    const saved = this.#store.get(this.#recordKey(track));
    if (saved === undefined) return null;
    const record = decodeGuardRecord(saved);
    if (record.kind === 'bft') throw damagedGuard();
    return record.kind === 'ffg'
      ? { source: record.source, target: record.target, root: record.digest }
      : { source: 0, target: record.height, root: record.digest };
  }

  /** What turns one stored history into another; to be written in one batch. */
  writes(track: Track, before: History, after: History): readonly GuardWrite[] {
    const writes: GuardWrite[] = [];
    const put = (key: string, value: unknown): void => {
      writes.push({ key, value: Buffer.from(JSON.stringify(value)) });
    };
    if (after.top !== null && !isSameTop(before.top, after.top)) {
      writes.push({ key: this.#recordKey(track), value: encodeGuardRecord(recordOf(track, after.top)) });
    }
    if (after.floor !== null && !isSameBound(before.floor, after.floor)) put(this.#floorKey(track), after.floor);
    const [old, kept] = [new Set(before.entries), new Set(after.entries)];
    for (const entry of before.entries) {
      if (!kept.has(entry)) writes.push({ key: this.#entryKey(track, entry.target), value: null });
    }
    for (const entry of after.entries) if (!old.has(entry)) put(this.#entryKey(track, entry.target), entry);
    return writes;
  }

  #recordKey(track: Track): string {
    return this.#prefix + RECORD_DOMAIN[track];
  }

  #floorKey(track: Track): string {
    return `${this.#prefix}${HISTORY}${track}/floor`;
  }

  #entryKey(track: Track, target: number | ''): string {
    const digits = target === '' ? '' : String(target).padStart(TARGET_DIGITS, '0');
    return `${this.#prefix}${HISTORY}${track}/at/${digits}`;
  }
}

export function isSameTop(a: Signed | null, b: Signed | null): boolean {
  return isSameBound(a, b) && a?.root === b?.root;
}

function isSameBound(a: Bound | null, b: Bound | null): boolean {
  return a?.source === b?.source && a?.target === b?.target;
}

function recordOf(track: Track, { source, target, root }: Signed): GuardRecord {
  if (track === 'votes') return { kind: 'ffg', source, target, digest: root };
  return { kind: 'once', height: target, round: 0, step: 0, digest: root };
}

function decodeBound(bytes: Bytes): Bound {
  try {
    const { source, target } = JSON.parse(Buffer.from(bytes).toString()) as Bound;
    if (Number.isSafeInteger(source) && Number.isSafeInteger(target)) return { source, target };
  } catch {
    // Falls through to the refusal below.
  }
  throw damagedGuard();
}

function decodeSigned(bytes: Bytes): Signed {
  const bound = decodeBound(bytes);
  const { root } = JSON.parse(Buffer.from(bytes).toString()) as Signed;
  if (root !== null && !isHex(root, 32)) throw damagedGuard();
  return { ...bound, root };
}
