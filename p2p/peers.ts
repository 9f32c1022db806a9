import type { Millis, PeerId } from '../src/types/primitives.ts';

/** At or below this a peer is dropped and refused. */
export const BAN_SCORE = -100;

export type BlameWeight = 'minor' | 'major' | 'fatal';

const BLAME_POINTS: Readonly<Record<BlameWeight, number>> = { minor: 5, major: 25, fatal: 100 };

export type PeersOptions = {
  readonly banMs: Millis;
  /** One point of blame is forgiven in this time. */
  readonly forgiveMs: Millis;
  /** Peers remembered; past it the longest known is forgotten, banned ones last. */
  readonly recordsMax: number;
};

export const DEFAULT_PEERS_OPTIONS: PeersOptions = { banMs: 600_000, forgiveMs: 6_000, recordsMax: 4_096 };

type Record_ = { score: number; at: Millis; bannedUntil: Millis };

/**
 * Scores by peer id. A score starts at 0 and falls with blame (minor 5, major 25, fatal 100); time heals it. At BAN_SCORE
 * the peer is banned for `banMs` and comes back with half the score gone, so that the second ban is quicker.
 *
 * `now` must not jump: it measures durations.
 */
export class Peers {
  readonly #options: PeersOptions;
  readonly #now: () => Millis;
  readonly #records = new Map<PeerId, Record_>();

  constructor(options: Partial<PeersOptions>, now: () => Millis) {
    this.#options = { ...DEFAULT_PEERS_OPTIONS, ...options };
    this.#now = now;
  }

  get banMs(): Millis {
    return this.#options.banMs;
  }

  get size(): number {
    return this.#records.size;
  }

  /** Lowers the score. True: the peer is banned as of now and must be dropped. */
  blame(peer: PeerId, weight: BlameWeight): boolean {
    if (this.isBanned(peer)) return true;
    const now = this.#now();
    const known = this.#records.get(peer);
    const score = Math.max(BAN_SCORE, this.score(peer) - BLAME_POINTS[weight]);
    const banned = score <= BAN_SCORE;
    const bannedUntil = now + this.#options.banMs;
    // A part of a point not yet forgiven is not lost to the next blame.
    const since = known === undefined || known.at > now ? now : now - ((now - known.at) % this.#options.forgiveMs);
    const record = banned
      ? { score: BAN_SCORE / 2, at: bannedUntil, bannedUntil }
      : { score, at: since, bannedUntil: 0 };
    this.#remember(peer, record);
    return banned;
  }

  /** From BAN_SCORE (banned) to 0 (nothing held against it). */
  score(peer: PeerId): number {
    const record = this.#records.get(peer);
    if (record === undefined) return 0;
    const now = this.#now();
    if (now < record.bannedUntil) return BAN_SCORE;
    return Math.min(0, record.score + Math.floor((now - record.at) / this.#options.forgiveMs));
  }

  isBanned(peer: PeerId): boolean {
    const record = this.#records.get(peer);
    return record !== undefined && this.#now() < record.bannedUntil;
  }

  #remember(peer: PeerId, record: Record_): void {
    this.#records.delete(peer);
    this.#records.set(peer, record);
    if (this.#records.size <= this.#options.recordsMax) return;
    const now = this.#now();
    let victim: PeerId | undefined;
    for (const [id, { bannedUntil }] of this.#records) {
      victim ??= id;
      if (bannedUntil > now) continue;
      victim = id;
      break;
    }
    if (victim !== undefined) this.#records.delete(victim);
  }
}
