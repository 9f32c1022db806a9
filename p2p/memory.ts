import type { GossipTopic, Network, NetworkHandlers, PeerInfo } from '../src/ports/network.ts';
import type { RequestOptions, RequestProtocol } from '../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import { silentLog } from '../src/util/log.ts';
import type { Metrics } from '../src/util/metrics.ts';
import { noMetrics } from '../src/util/metrics.ts';
import { Gossip } from './gossip.ts';
import type { HubNode, MemoryHub } from './memory-hub.ts';
import { MemoryRequests } from './memory-requests.ts';
import { messageId, messageIdText, SEEN_MS } from './message-id.ts';
import { Meters } from './meters.ts';
import { OutboundBudget } from './outbound-budget.ts';
import type { OutboundBudgetOptions } from './outbound-budget.ts';
import { Peers } from './peers.ts';
import type { BlameWeight, PeersOptions } from './peers.ts';
import { SeenCache } from './seen-cache.ts';

export type MemoryNetworkOptions = {
  readonly name: PeerId;
  /** Nodes of other names never meet. */
  readonly networkName?: string;
  readonly bootstrap?: readonly PeerId[];
  readonly peers?: Partial<PeersOptions>;
  readonly budget?: Partial<OutboundBudgetOptions>;
  readonly dialTimeoutMs?: Millis;
};

export type MemoryNetworkModules = { readonly hub: MemoryHub; readonly log?: Log; readonly metrics?: Metrics };

const DIAL_TIMEOUT_MS: Millis = 6_000;

/**
 * One node on a hub. A restart is a new `MemoryNetwork` of the same name. Gossip floods: a message that was accepted is
 * passed to all neighbours but the one it came from.
 */
export class MemoryNetwork implements Network, HubNode {
  readonly self: PeerId;
  readonly networkName: string;
  readonly requests: MemoryRequests;
  readonly #options: MemoryNetworkOptions;
  readonly #hub: MemoryHub;
  readonly #log: Log;
  readonly #meters: Meters;
  readonly #peers: Peers;
  readonly #seen: SeenCache;
  readonly #gossip: Gossip;
  readonly #neighbours = new Map<PeerId, 'inbound' | 'outbound'>();
  readonly #dials = new Map<PeerId, Set<() => void>>();
  #handlers: NetworkHandlers | null = null;

  constructor(options: MemoryNetworkOptions, modules: MemoryNetworkModules) {
    const { hub } = modules;
    const now = (): Millis => hub.clock.now();
    this.self = options.name;
    this.networkName = options.networkName ?? 'parley';
    this.#options = options;
    this.#hub = hub;
    this.#log = (modules.log ?? silentLog).child('p2p');
    this.#meters = new Meters(modules.metrics ?? noMetrics);
    this.#peers = new Peers(options.peers ?? {}, now);
    this.#seen = new SeenCache(SEEN_MS, now);
    this.#gossip = new Gossip({
      log: this.#log,
      meters: this.#meters,
      budget: new OutboundBudget(options.budget ?? {}, now),
      handler: (topic, data, from) => this.#handlers?.gossip(topic, data, from) ?? 'ignore',
      ready: () => Promise.resolve(),
      blame: (peer, code, weight) => this.blame(peer, code, weight),
      send: (topic, data) => Promise.resolve(this.#cast(topic, data)),
      bufferedBytes: () => hub.inFlightBytes(this.self),
    });
    this.requests = new MemoryRequests({
      timers: hub.timers,
      meters: this.#meters,
      handler: (protocol, payload, from) => this.#answer(protocol, payload, from),
      transmit: (to, sizeBytes, deliver) =>
        hub.transmit(this.self, to, sizeBytes, 'request', (target) => deliver(target.requests)),
    });
  }

  addresses(): readonly string[] {
    return [];
  }

  async start(handlers: NetworkHandlers): Promise<void> {
    if (this.#handlers !== null) throw new ParleyError('NETWORK_RUNNING', 'the network is started already');
    this.#handlers = handlers;
    this.#hub.attach(this);
    for (const peer of this.#options.bootstrap ?? []) if (peer !== this.self) this.#hub.want(this.self, peer);
  }

  async stop(): Promise<void> {
    this.#hub.detach(this);
    for (const peer of this.#neighbours.keys()) this.peerDown(peer);
    this.halt();
  }

  publish(topic: GossipTopic, data: Bytes): void {
    if (this.#handlers !== null) this.#gossip.publish(topic, data);
  }

  /** For simulated liars: gossip to some neighbours only, past the budget. No part of the port. */
  publishTo(peers: readonly PeerId[], topic: GossipTopic, data: Bytes): void {
    if (this.#handlers === null) return;
    const id = messageIdText(messageId(topic, data));
    this.#seen.add(id);
    this.#flood(topic, id, new Uint8Array(data), null, peers);
  }

  request(peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes> {
    if (this.#neighbours.has(peer)) return this.requests.ask(this.self, peer, protocol, payload, options);
    return Promise.reject(new ParleyError('NETWORK_CLOSED', 'not connected to this peer', { peer }));
  }

  blame(peer: PeerId, code: string, weight: BlameWeight): void {
    this.#meters.blamed(weight);
    const already = this.#peers.isBanned(peer);
    if (!this.#peers.blame(peer, weight) || already) return;
    this.#log.warn('peer banned', { peer, code });
    this.#hub.banned(this.self, peer);
    this.#hub.timers.after(this.#peers.banMs, () => this.#hub.banned(this.self, peer));
  }

  peers(): readonly PeerInfo[] {
    return [...this.#neighbours].map(([id, direction]) => ({
      id,
      addresses: [id],
      direction,
      score: this.#peers.score(id),
    }));
  }

  /** Resolves when connected; rejects with NETWORK_UNREACHABLE after a while, and goes on trying. */
  dial(address: string): Promise<void> {
    if (this.#handlers === null) return Promise.reject(new ParleyError('NETWORK_CLOSED', 'the network is not started'));
    if (address === this.self || this.#neighbours.has(address)) return Promise.resolve();
    this.#hub.want(this.self, address);
    return new Promise((resolve, reject) => {
      const dials = this.#dials.get(address) ?? new Set();
      this.#dials.set(address, dials);
      const connected = (): void => {
        timer.cancel();
        resolve();
      };
      const timer = this.#hub.timers.after(this.#options.dialTimeoutMs ?? DIAL_TIMEOUT_MS, () => {
        dials.delete(connected);
        reject(new ParleyError('NETWORK_UNREACHABLE', `cannot connect to ${address}`, { address }));
      });
      dials.add(connected);
    });
  }

  /** For the hub: this node takes no connection from the peer now. */
  refuses(peer: PeerId): boolean {
    return this.#peers.isBanned(peer);
  }

  /** For the hub. */
  peerUp(peer: PeerId, direction: 'inbound' | 'outbound'): void {
    this.#neighbours.set(peer, direction);
    this.#meters.peers(this.#neighbours.size);
    for (const connected of this.#dials.get(peer) ?? []) connected();
    this.#dials.delete(peer);
    this.#handlers?.connected(peer, direction);
  }

  /** For the hub. */
  peerDown(peer: PeerId): void {
    if (!this.#neighbours.delete(peer)) return;
    this.#meters.peers(this.#neighbours.size);
    this.requests.lost(peer);
    this.#handlers?.disconnected(peer);
  }

  /** For the hub: from now on nothing happens here. */
  halt(): void {
    this.#handlers = null;
    for (const peer of this.#neighbours.keys()) this.requests.lost(peer);
    this.#neighbours.clear();
  }

  async #answer(protocol: RequestProtocol, payload: Bytes, from: PeerId): Promise<Bytes> {
    if (this.#handlers === null) throw new ParleyError('NETWORK_CLOSED', 'stopped');
    return this.#handlers.request(protocol, payload, from);
  }

  /** A message of our own goes to all neighbours, also when it was seen: who has it drops it. */
  #cast(topic: GossipTopic, data: Bytes): void {
    const id = messageIdText(messageId(topic, data));
    this.#seen.add(id);
    // The sender may use its bytes again.
    this.#flood(topic, id, new Uint8Array(data), null);
  }

  #flood(topic: GossipTopic, id: string, data: Bytes, except: PeerId | null, only?: readonly PeerId[]): void {
    for (const peer of this.#neighbours.keys()) {
      if (peer === except || only?.includes(peer) === false) continue;
      this.#hub.transmit(this.self, peer, data.length, 'gossip', (target) =>
        target.receive(topic, id, data, this.self),
      );
    }
  }

  /** For the hub: gossip arrives. */
  receive(topic: GossipTopic, id: string, data: Bytes, from: PeerId): void {
    if (this.#handlers === null || !this.#seen.add(id)) return;
    void this.#gossip.validate(topic, data, from).then((verdict) => {
      if (verdict === 'accept') this.#flood(topic, id, data, from);
    });
  }
}
