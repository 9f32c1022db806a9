import { randomInt } from 'node:crypto';
import type { TimerHandle, Timers } from '../src/ports/clock.ts';
import type { Millis, PeerId } from '../src/types/primitives.ts';
import { errorText, ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';

const ADDRESSES_MAX = 256;
/** While a network comes up, a refused connection costs little and a late one costs blocks. */
const EAGER_ATTEMPTS = 40;
const EAGER_MS: Millis = 100;
const BACKOFF_FACTOR = 1.6;
const BACKOFF_MS_MAX: Millis = 15_000;
/** A connection that lasted so long was a good one: the next attempt comes soon. */
const STEADY_MS: Millis = 10_000;
/** Of two peers that know each other the one with the greater id waits, lest both dial and end up with two connections. */
const YIELD_MS: Millis = 250;

export type DialerModules = {
  readonly self: PeerId;
  readonly timers: Timers;
  readonly log: Log;
  readonly now: () => Millis;
  /** Connects, waits until the peer is ready, and names it. */
  readonly connect: (address: string) => Promise<PeerId>;
  readonly isConnected: (peer: PeerId) => boolean;
};

type Entry = {
  readonly address: string;
  peer: PeerId | null;
  attempts: number;
  connectedAt: Millis | null;
  timer: TimerHandle | null;
  attempt: Promise<void> | null;
};

/** Known addresses, dialled until they are connected and again when they are lost, with a capped backoff. */
export class Dialer {
  readonly #modules: DialerModules;
  readonly #entries = new Map<string, Entry>();
  #stopped = false;

  constructor(modules: DialerModules) {
    this.#modules = modules;
  }

  /** Takes up an address; nothing happens when it is our own. Throws NETWORK_ADDRESS when too many are known. */
  add(address: string): void {
    if (this.#entries.has(address) || peerIn(address) === this.#modules.self) return;
    if (this.#entries.size >= ADDRESSES_MAX) {
      throw new ParleyError('NETWORK_ADDRESS', `more than ${ADDRESSES_MAX} peer addresses`);
    }
    const peer = peerIn(address);
    const entry: Entry = { address, peer, attempts: 0, connectedAt: null, timer: null, attempt: null };
    this.#entries.set(address, entry);
    this.#schedule(entry, peer !== null && this.#modules.self > peer ? YIELD_MS : 0);
  }

  /** One attempt at once; rejects as `connect` does. The address stays known. */
  async dial(address: string): Promise<void> {
    this.add(address);
    const entry = this.#entries.get(address);
    if (entry !== undefined && !this.#isUp(entry)) await this.#attempt(entry);
  }

  /** A peer is gone: its address is tried again. */
  lost(peer: PeerId): void {
    for (const entry of this.#entries.values()) {
      if (entry.peer !== peer) continue;
      const steady = entry.connectedAt !== null && this.#modules.now() - entry.connectedAt > STEADY_MS;
      if (steady) entry.attempts = 0;
      entry.connectedAt = null;
      if (entry.attempt === null) this.#schedule(entry, this.#delayMs(entry));
    }
  }

  /** What was out of reach may not be so any more: all that are not connected are tried at once. */
  retry(): void {
    for (const entry of this.#entries.values()) {
      entry.attempts = 0;
      if (entry.attempt === null && !this.#isUp(entry)) this.#schedule(entry, this.#delayMs(entry));
    }
  }

  stop(): void {
    this.#stopped = true;
    for (const entry of this.#entries.values()) entry.timer?.cancel();
  }

  #isUp(entry: Entry): boolean {
    return entry.peer !== null && this.#modules.isConnected(entry.peer);
  }

  #schedule(entry: Entry, delayMs: Millis): void {
    entry.timer?.cancel();
    if (this.#stopped) return;
    entry.timer = this.#modules.timers.after(delayMs, () => {
      entry.timer = null;
      if (this.#isUp(entry)) return;
      // The attempt schedules the next one by itself.
      this.#attempt(entry).catch(() => {});
    });
  }

  #delayMs(entry: Entry): Millis {
    const late = Math.max(0, entry.attempts - EAGER_ATTEMPTS);
    const backoffMs = Math.min(BACKOFF_MS_MAX, EAGER_MS * BACKOFF_FACTOR ** late);
    const yieldMs = entry.peer !== null && this.#modules.self > entry.peer ? YIELD_MS : 0;
    return backoffMs + yieldMs + randomInt(Math.ceil(backoffMs / 5) + 1);
  }

  #attempt(entry: Entry): Promise<void> {
    entry.attempt ??= this.#tryOnce(entry).finally(() => {
      entry.attempt = null;
    });
    return entry.attempt;
  }

  async #tryOnce(entry: Entry): Promise<void> {
    const { connect, now, log, self } = this.#modules;
    entry.timer?.cancel();
    entry.attempts += 1;
    try {
      entry.peer = await connect(entry.address);
      if (entry.peer === self) {
        this.#entries.delete(entry.address);
        return;
      }
      entry.connectedAt = now();
      // It may have come and gone while we waited.
      if (!this.#isUp(entry)) this.#schedule(entry, this.#delayMs(entry));
    } catch (error) {
      if (entry.attempts === EAGER_ATTEMPTS) {
        log.warn('peer not reachable, trying on', { address: entry.address, reason: errorText(error) });
      }
      this.#schedule(entry, this.#delayMs(entry));
      throw error;
    }
  }
}

/** The peer id an address ends in. */
export function peerIn(address: string): PeerId | null {
  return /\/p2p\/([1-9A-HJ-NP-Za-km-z]+)$/.exec(address)?.[1] ?? null;
}
