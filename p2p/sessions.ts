import type { TimerHandle, Timers } from '../src/ports/clock.ts';
import type { Millis, PeerId } from '../src/types/primitives.ts';

/** From the connection to both sides speaking our protocols. */
const READY_TIMEOUT_MS: Millis = 6_000;
const POLL_MS: Millis = 5;

export type Session = {
  readonly peer: PeerId;
  readonly direction: 'inbound' | 'outbound';
  /** The host was told of it. */
  ready: boolean;
};

type Entry = Session & {
  /** It said (identify) that it speaks our protocols. */
  speaks: boolean;
  readonly settled: Promise<boolean>;
  settle: (ready: boolean) => void;
  deadline: TimerHandle | null;
  poll: TimerHandle | null;
};

export type SessionsModules = {
  readonly timers: Timers;
  /** Gossip flows in both directions: what is published now will reach the peer. */
  readonly hears: (peer: PeerId) => boolean;
  readonly opened: (session: Session) => void;
  readonly closed: (session: Session) => void;
  /** Connected, but not a peer of ours in time. */
  readonly failed: (session: Session) => void;
};

/**
 * Peers from connection to disconnection. A peer is ready, and the host told, when it is identified as one that speaks our
 * protocols, has subscribed to all of our topics and can be sent gossip: so a message published in the `connected` callback
 * reaches it. What it sends before that waits for `whenReady`.
 */
export class Sessions {
  readonly #modules: SessionsModules;
  readonly #entries = new Map<PeerId, Entry>();

  constructor(modules: SessionsModules) {
    this.#modules = modules;
  }

  get(peer: PeerId): Session | undefined {
    return this.#entries.get(peer);
  }

  ready(): readonly Session[] {
    return [...this.#entries.values()].filter((session) => session.ready);
  }

  isReady(peer: PeerId): boolean {
    return this.#entries.get(peer)?.ready === true;
  }

  /** True once the host was told of the peer; false when the peer is unknown or went away before. */
  async whenReady(peer: PeerId): Promise<boolean> {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return false;
    return entry.ready || entry.settled;
  }

  open(peer: PeerId, direction: 'inbound' | 'outbound'): void {
    if (this.#entries.has(peer)) return;
    let settle: (ready: boolean) => void = () => {};
    const settled = new Promise<boolean>((resolve) => {
      settle = resolve;
    });
    const entry: Entry = { peer, direction, ready: false, speaks: false, settled, settle, deadline: null, poll: null };
    entry.deadline = this.#modules.timers.after(READY_TIMEOUT_MS, () => {
      entry.settle(false);
      this.#modules.failed(entry);
    });
    this.#entries.set(peer, entry);
  }

  /** The peer is known to speak our protocols. */
  speaks(peer: PeerId): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    entry.speaks = true;
    this.check(peer);
  }

  /** Looks whether the peer became ready, now and (the library does not tell of its streams) shortly again. */
  check(peer: PeerId): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined || entry.ready || !entry.speaks) return;
    if (this.#modules.hears(peer)) {
      entry.ready = true;
      entry.deadline?.cancel();
      entry.poll?.cancel();
      this.#modules.opened(entry);
      entry.settle(true);
      return;
    }
    entry.poll ??= this.#modules.timers.after(POLL_MS, () => {
      entry.poll = null;
      if (this.#entries.get(peer) === entry) this.check(peer);
    });
  }

  close(peer: PeerId): void {
    const entry = this.#entries.get(peer);
    if (entry === undefined) return;
    this.#entries.delete(peer);
    entry.deadline?.cancel();
    entry.poll?.cancel();
    entry.settle(false);
    if (entry.ready) this.#modules.closed(entry);
  }

  closeAll(): void {
    for (const peer of this.#entries.keys()) this.close(peer);
  }
}
