import type { Clock } from '../ports/clock.ts';
import type { BlockRef } from '../types/block.ts';
import type { Millis, PeerId } from '../types/primitives.ts';
import { Lru } from '../util/lru.ts';
import type { StatusMessage } from './status-message.ts';

export const PEER_REST_MS = 10_000;
/** Whose answer did not come may be good, and the connection bad. */
export const SILENT_REST_MS = 2_000;
/** Ten minutes and a half, or two for the silent. */
const PEER_REST_DOUBLINGS_MAX = 6;
/** A peer that failed so often in a row is not believed to be ahead. */
const DOUBTED_FAILURES_MIN = 3;
/** Peers that left, whose repute waits for them. */
const REMEMBERED_MAX = 1024;

/** What a peer showed itself to be; it outlives the connection. */
type Repute = {
  restUntil: Millis;
  /** Fetches in a row that brought nothing. */
  failures: number;
  /** Its last answer took long and brought little. */
  isSlow: boolean;
  /** Its chain left ours at or below our finalized block. */
  isApart: boolean;
  /** The last time it was asked for blocks. */
  askedAt: Millis;
};
type Peer = { status: StatusMessage | null; readonly repute: Repute };

export type PeerHead = { readonly id: PeerId; readonly head: BlockRef };

/** The peers as sync sees them: what they claim, how they kept their word, and whose turn it is. */
export class SyncPeers {
  readonly #clock: Clock;
  readonly #peers = new Map<PeerId, Peer>();
  readonly #gone = new Lru<PeerId, Repute>(REMEMBERED_MAX);

  constructor(modules: { readonly clock: Clock }) {
    this.#clock = modules.clock;
  }

  connected(id: PeerId): void {
    const fresh: Repute = { restUntil: 0, failures: 0, isSlow: false, isApart: false, askedAt: 0 };
    this.#peers.set(id, { status: null, repute: this.#gone.get(id) ?? fresh });
  }

  disconnected(id: PeerId): void {
    const peer = this.#peers.get(id);
    if (peer !== undefined) this.#gone.set(id, peer.repute);
    this.#peers.delete(id);
  }

  has(id: PeerId): boolean {
    return this.#peers.has(id);
  }

  ids(): readonly PeerId[] {
    return [...this.#peers.keys()];
  }

  status(id: PeerId): StatusMessage | null {
    return this.#peers.get(id)?.status ?? null;
  }

  /** `isKnown`: its head is here. Says whether it is the peer's first; false of a peer that is not connected. */
  takeStatus(id: PeerId, status: StatusMessage, isKnown: boolean): boolean {
    const peer = this.#peers.get(id);
    if (peer === undefined) return false;
    const isFirst = peer.status === null;
    peer.status = status;
    if (isKnown) peer.repute.isApart = false;
    return isFirst;
  }

  /** The greatest height that somebody claims who is to be believed; 0 without one. */
  highest(): number {
    let highest = 0;
    for (const { status, repute } of this.#peers.values()) {
      if (repute.failures >= DOUBTED_FAILURES_MIN || repute.isApart) continue;
      highest = Math.max(highest, status?.head.number ?? 0);
    }
    return highest;
  }

  /** Those whose chain left ours below finality. */
  apart(): readonly PeerId[] {
    return [...this.#peers].flatMap(([id, { repute }]) => (repute.isApart ? [id] : []));
  }

  isApart(id: PeerId): boolean {
    return this.#peers.get(id)?.repute.isApart === true;
  }

  /** Connected, and not at rest. */
  isFit(id: PeerId): boolean {
    const peer = this.#peers.get(id);
    return peer !== undefined && peer.repute.restUntil <= this.#clock.now();
  }

  /**
   * Whom to follow: a fit peer whose head is wanted. The most reliable first, the quick before the slow, of those the
   * furthest, and the slow in turn.
   */
  best(isWanted: (head: BlockRef, id: PeerId) => boolean): PeerHead | null {
    let best: (PeerHead & { readonly repute: Repute }) | null = null;
    for (const [id, { status, repute }] of this.#peers) {
      if (status === null || !this.isFit(id) || !isWanted(status.head, id)) continue;
      const candidate = { id, head: status.head, repute };
      if (best === null || order(candidate, best) < 0) best = candidate;
    }
    return best;
  }

  /** `random`: uniform in [0, 1). One that always stands first could be in everybody's way. */
  standIn(random: () => number, isFree: (id: PeerId) => boolean): PeerId | null {
    const fit = this.ids().filter((id) => isFree(id) && !this.isApart(id));
    return fit[Math.floor(random() * fit.length)] ?? null;
  }

  asked(id: PeerId, isSlow: boolean): void {
    const repute = this.#repute(id);
    if (repute === undefined) return;
    repute.askedAt = this.#clock.now();
    repute.isSlow = isSlow;
  }

  /** It brought something new. */
  forgive(id: PeerId): void {
    const repute = this.#repute(id);
    if (repute !== undefined) repute.failures = 0;
  }

  rest(id: PeerId, restMs: Millis): void {
    const repute = this.#repute(id);
    if (repute !== undefined) repute.restUntil = this.#clock.now() + restMs;
  }

  /** It brought nothing: it rests, longer each time. */
  fail(id: PeerId, restMs: Millis = PEER_REST_MS): void {
    const repute = this.#repute(id);
    if (repute === undefined) return;
    this.rest(id, restMs * 2 ** Math.min(repute.failures, PEER_REST_DOUBLINGS_MAX));
    repute.failures++;
  }

  /** Its chain left ours below finality. Says whether that is news. */
  setApart(id: PeerId): boolean {
    const repute = this.#repute(id);
    if (repute === undefined || repute.isApart) return false;
    repute.isApart = true;
    return true;
  }

  #repute(id: PeerId): Repute | undefined {
    return this.#peers.get(id)?.repute ?? this.#gone.get(id);
  }
}

type Candidate = PeerHead & { readonly repute: Repute };

function order(a: Candidate, b: Candidate): number {
  const byRepute = a.repute.failures - b.repute.failures || Number(a.repute.isSlow) - Number(b.repute.isSlow);
  if (byRepute !== 0) return byRepute;
  return a.repute.isSlow ? a.repute.askedAt - b.repute.askedAt : b.head.number - a.head.number;
}
