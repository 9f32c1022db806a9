/**
 * The wire of the in-process network, for tests and simulation; `MemoryNetwork` is one node's end of it.
 *
 * Every delivery, connection and detection is a timer of the hub's `Timers` with a delay drawn from its `Rng`, and all
 * loops follow insertion order: with a simulated clock, the same seed gives the same run. Reordering follows from random
 * delays. Messages in flight are lost when their connection breaks, their receiver crashes or their direction is cut. A lost
 * request ends in its time-out.
 */
import type { Clock, TimerHandle, Timers } from '../src/ports/clock.ts';
import type { GossipTopic } from '../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Rng } from '../src/util/rng.ts';
import type { MemoryRequests } from './memory-requests.ts';

/** A node as the hub sees it. */
export interface HubNode {
  readonly self: PeerId;
  readonly networkName: string;
  readonly requests: MemoryRequests;
  /** It takes no connection from the peer now. */
  refuses(peer: PeerId): boolean;
  peerUp(peer: PeerId, direction: 'inbound' | 'outbound'): void;
  peerDown(peer: PeerId): void;
  receive(topic: GossipTopic, id: string, data: Bytes, from: PeerId): void;
  /** From now on nothing happens there. */
  halt(): void;
}

/** Inclusive; whole milliseconds. */
export type MillisRange = readonly [low: Millis, high: Millis];

export type LinkOptions = {
  readonly delayMs: MillisRange;
  /** Probability per message; requests among them where `losesRequests`. */
  readonly loss: number;
  /** Probability per gossip message of coming twice. */
  readonly duplicate: number;
};

export type HubOptions = LinkOptions & {
  /** All running nodes of one network name are connected; otherwise only those that dialled. */
  readonly fullMesh: boolean;
  /** From being able to connect to `connected`. */
  readonly connectMs: MillisRange;
  /** From a crash or a cut to `disconnected`. */
  readonly detectMs: MillisRange;
  /** Cuts and partitions swallow messages and nobody is told: no `disconnected`, requests time out. */
  readonly silentCuts: boolean;
  /** Loss hits requests and answers too. False: as on a real stream, which loses nothing until its connection breaks. */
  readonly losesRequests: boolean;
  /** Under way at once per direction of a connection; more are dropped. */
  readonly queueMessagesMax: number;
  readonly queueBytesMax: number;
};

export const DEFAULT_HUB_OPTIONS: HubOptions = {
  delayMs: [1, 5],
  loss: 0,
  duplicate: 0,
  fullMesh: true,
  connectMs: [1, 10],
  detectMs: [10, 50],
  silentCuts: false,
  losesRequests: true,
  queueMessagesMax: 4_096,
  queueBytesMax: 64 * 1024 * 1024,
};

export type HubModules = { readonly rng: Rng; readonly clock: Clock; readonly timers: Timers };

type Direction = {
  readonly from: PeerId;
  readonly to: PeerId;
  link: LinkOptions;
  cut: boolean;
  messages: number;
  bytes: number;
};
type Pair = {
  readonly a: PeerId;
  readonly b: PeerId;
  wanted: boolean;
  up: boolean;
  epoch: number;
  change: TimerHandle | null;
};

/** Loss is counted by cause, so that a test can tell that its faults happened. */
export type HubStats = { sent: number; delivered: number; lost: number; duplicated: number; overflowed: number };

export class MemoryHub {
  readonly timers: Timers;
  readonly clock: Clock;
  readonly stats: HubStats = { sent: 0, delivered: 0, lost: 0, duplicated: 0, overflowed: 0 };
  readonly #options: HubOptions;
  readonly #rng: Rng;
  readonly #nodes = new Map<PeerId, HubNode>();
  readonly #directions = new Map<string, Direction>();
  /** Bytes under way by sender. */
  readonly #inFlight = new Map<PeerId, number>();
  readonly #pairs = new Map<string, Pair>();

  constructor(options: Partial<HubOptions>, modules: HubModules) {
    this.#options = { ...DEFAULT_HUB_OPTIONS, ...options };
    this.#rng = modules.rng;
    this.clock = modules.clock;
    this.timers = modules.timers;
  }

  /** Changes one direction of a link, for messages sent from now on. */
  setLink(from: PeerId, to: PeerId, link: Partial<LinkOptions>): void {
    const direction = this.#direction(from, to);
    direction.link = { ...direction.link, ...link };
  }

  /** Messages from one to the other are lost; the other way they arrive until the connection is noticed to be dead. */
  cut(from: PeerId, to: PeerId): void {
    this.#direction(from, to).cut = true;
    this.#reconcile(this.#pair(from, to));
  }

  /** Cuts all links between different groups and mends those within one; a node in no group is on its own. */
  partition(groups: readonly (readonly PeerId[])[]): void {
    const names = new Set([...groups.flat(), ...this.#nodes.keys()]);
    const groupOf = (name: PeerId): number => groups.findIndex((group) => group.includes(name));
    for (const from of names) {
      for (const to of names) {
        if (from === to) continue;
        this.#direction(from, to).cut = groupOf(from) < 0 || groupOf(from) !== groupOf(to);
        this.#reconcile(this.#pair(from, to));
      }
    }
  }

  /** Mends every cut. */
  heal(): void {
    for (const direction of this.#directions.values()) direction.cut = false;
    for (const pair of this.#pairs.values()) this.#reconcile(pair);
  }

  /** The node is gone at this instant and learns nothing of it; its peers notice later. */
  crash(name: PeerId): void {
    const node = this.#nodes.get(name);
    this.#nodes.delete(name);
    node?.halt();
    this.#reconcileAll(name);
  }

  /** A node joins under a name nobody else runs under. What its former self left open breaks at once. */
  attach(node: HubNode): void {
    const name = node.self;
    if (this.#nodes.has(name)) throw new ParleyError('NETWORK_RUNNING', 'this name is on the hub already', { name });
    for (const pair of this.#pairs.values()) if (pair.up && (pair.a === name || pair.b === name)) this.#down(pair);
    for (const other of this.#nodes.keys()) if (this.#options.fullMesh) this.#pair(name, other).wanted = true;
    this.#nodes.set(name, node);
    this.#reconcileAll(name);
  }

  /** The node left; its peers hear of it as fast as of a message. */
  detach(node: HubNode): void {
    if (this.#nodes.get(node.self) !== node) return;
    this.#nodes.delete(node.self);
    this.#reconcileAll(node.self, this.#options.delayMs);
  }

  want(from: PeerId, to: PeerId): void {
    const pair = this.#pair(from, to);
    pair.wanted = true;
    this.#reconcile(pair);
  }

  /** One side's ban began (the connection breaks in the next turn) or ended. */
  banned(one: PeerId, other: PeerId): void {
    const pair = this.#pair(one, other);
    this.timers.after(0, () => {
      if (pair.up && !this.#mayStand(pair)) this.#down(pair);
      this.#reconcile(pair);
    });
  }

  inFlightBytes(from: PeerId): number {
    return this.#inFlight.get(from) ?? 0;
  }

  /** Carries one message, if the wire lets it. `deliver` runs at the receiver. */
  transmit(
    from: PeerId,
    to: PeerId,
    sizeBytes: number,
    kind: 'gossip' | 'request',
    deliver: (to: HubNode) => void,
  ): void {
    const pair = this.#pair(from, to);
    if (!pair.up) return;
    const { link } = this.#direction(from, to);
    this.stats.sent += 1;
    const lost = this.#rng.chance(link.loss) && (kind === 'gossip' || this.#options.losesRequests);
    const copies = kind === 'gossip' && this.#rng.chance(link.duplicate) ? 2 : 1;
    this.stats.duplicated += copies - 1;
    if (lost) this.stats.lost += 1;
    else for (let copy = 0; copy < copies; copy++) this.#carry(pair, from, to, sizeBytes, deliver);
  }

  #carry(pair: Pair, from: PeerId, to: PeerId, sizeBytes: number, deliver: (to: HubNode) => void): void {
    const direction = this.#direction(from, to);
    const { queueMessagesMax, queueBytesMax } = this.#options;
    if (direction.messages >= queueMessagesMax || direction.bytes + sizeBytes > queueBytesMax) {
      this.stats.overflowed += 1;
      return;
    }
    const { epoch } = pair;
    const target = this.#nodes.get(to);
    this.#count(direction, 1, sizeBytes);
    this.timers.after(this.#draw(direction.link.delayMs), () => {
      this.#count(direction, -1, -sizeBytes);
      const arrives = target !== undefined && this.#nodes.get(to) === target && pair.epoch === epoch && !direction.cut;
      this.stats[arrives ? 'delivered' : 'lost'] += 1;
      if (arrives) deliver(target);
    });
  }

  #count(direction: Direction, messages: number, sizeBytes: number): void {
    direction.messages += messages;
    direction.bytes += sizeBytes;
    this.#inFlight.set(direction.from, this.inFlightBytes(direction.from) + sizeBytes);
  }

  #direction(from: PeerId, to: PeerId): Direction {
    const key = `${from}\0${to}`;
    let direction = this.#directions.get(key);
    if (direction === undefined) {
      direction = { from, to, link: this.#options, cut: false, messages: 0, bytes: 0 };
      this.#directions.set(key, direction);
    }
    return direction;
  }

  #pair(one: PeerId, other: PeerId): Pair {
    const [a, b] = one < other ? [one, other] : [other, one];
    const key = `${a}\0${b}`;
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { a, b, wanted: false, up: false, epoch: 0, change: null };
      this.#pairs.set(key, pair);
    }
    return pair;
  }

  #mayStand({ a, b, wanted }: Pair): boolean {
    const one = this.#nodes.get(a);
    const other = this.#nodes.get(b);
    if (!wanted || one === undefined || other === undefined || one.networkName !== other.networkName) return false;
    if (one.refuses(b) || other.refuses(a)) return false;
    return this.#options.silentCuts || !(this.#direction(a, b).cut || this.#direction(b, a).cut);
  }

  #reconcileAll(name: PeerId, detectMs: MillisRange = this.#options.detectMs): void {
    for (const pair of this.#pairs.values()) if (pair.a === name || pair.b === name) this.#reconcile(pair, detectMs);
  }

  /** Brings a connection to the state it should be in, after the time that takes. */
  #reconcile(pair: Pair, detectMs: MillisRange = this.#options.detectMs): void {
    if (pair.change !== null || this.#mayStand(pair) === pair.up) return;
    pair.change = this.timers.after(this.#draw(pair.up ? detectMs : this.#options.connectMs), () => {
      pair.change = null;
      if (this.#mayStand(pair) === pair.up) return;
      if (pair.up) this.#down(pair);
      else this.#up(pair);
    });
  }

  #up(pair: Pair): void {
    this.#settle(pair, true);
    this.#nodes.get(pair.a)?.peerUp(pair.b, 'outbound');
    // The first may have refused it in the callback.
    if (pair.up) this.#nodes.get(pair.b)?.peerUp(pair.a, 'inbound');
  }

  #down(pair: Pair): void {
    this.#settle(pair, false);
    pair.epoch += 1;
    this.#nodes.get(pair.a)?.peerDown(pair.b);
    this.#nodes.get(pair.b)?.peerDown(pair.a);
  }

  #settle(pair: Pair, up: boolean): void {
    pair.change?.cancel();
    pair.change = null;
    pair.up = up;
  }

  #draw([low, high]: MillisRange): Millis {
    return this.#rng.between(low, high);
  }
}
