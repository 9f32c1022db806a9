import type { Bytes, Millis, PeerId } from '../types/primitives.ts';

/** What the validator of a gossiped message says: forward it, drop it and blame the sender, or drop it quietly. */
export type GossipVerdict = 'accept' | 'reject' | 'ignore';

/** `limits` is for those who want it (see p2p/network.ts); all nodes take part in the others. */
export type GossipTopic = 'block' | 'transactions' | 'consensus' | 'limits';

/** Request/response protocols. Names on the wire: `/parley/<genesis8>/<protocol>/1`. */
export type RequestProtocol = 'status' | 'blocks-by-range' | 'blocks-by-hash' | 'pooled-transactions';

export type PeerInfo = {
  readonly id: PeerId;
  readonly addresses: readonly string[];
  readonly direction: 'inbound' | 'outbound';
  /** Falls with every blame; at BAN_SCORE the peer is disconnected and refused for a while. */
  readonly score: number;
};

export interface NetworkHandlers {
  /**
   * Called once for each gossiped message not seen before. Must answer after the cheap check, before any execution.
   * A throw or rejection counts as `ignore`.
   */
  gossip(topic: GossipTopic, data: Bytes, from: PeerId): GossipVerdict | Promise<GossipVerdict>;
  /** Answers a peer's request. A throw closes the stream with an error and costs the peer nothing. */
  request(protocol: RequestProtocol, payload: Bytes, from: PeerId): Promise<Bytes>;
  /** A connection stands and both sides speak our protocols. The host does its status handshake now. */
  connected(peer: PeerId, direction: 'inbound' | 'outbound'): void;
  disconnected(peer: PeerId): void;
}

/**
 * The network as the node sees it. Implementations: `p2p/network.ts` (libp2p) and `p2p/memory.ts` (in-process, with
 * delay, loss and partitions). Every payload is bounded; whatever comes in is hostile until checked by the handler.
 */
export interface Network {
  readonly self: PeerId;
  /** Multiaddresses this node listens on, with its peer id; empty in process. */
  addresses(): readonly string[];
  start(handlers: NetworkHandlers): Promise<void>;
  stop(): Promise<void>;
  /** Fire and forget. Bounded by GOSSIP_SIZE_BYTES_MAX and an outbound budget; over it the message is dropped and counted. */
  publish(topic: GossipTopic, data: Bytes): void;
  /** Rejects with NETWORK_TIMEOUT, NETWORK_CLOSED or NETWORK_TOO_LARGE (ParleyError codes). */
  request(peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes>;
  /** Lowers the peer's score; it is dropped when too low. `fatal` (wrong genesis) drops it at once. */
  blame(peer: PeerId, code: string, weight: 'minor' | 'major' | 'fatal'): void;
  peers(): readonly PeerInfo[];
  /** Connects by address (multiaddr text, or a name in process); tries again by itself while it is a known address. */
  dial(address: string): Promise<void>;
}

export type RequestOptions = { readonly timeoutMs: number; readonly responseSizeBytesMax: number };

export const GOSSIP_SIZE_BYTES_MAX = 3 * 1024 * 1024;

/** What a network is made to suffer at this node, so that people can see what becomes of it. */
export type NetworkFaults = {
  /** Peers that it neither calls nor answers. */
  readonly cut: 'all' | readonly PeerId[];
  /** So much later it hears what peers gossip and ask. */
  readonly delayMs: Millis;
  /** That share of it (0 to 1) it never hears. */
  readonly lossRatio: number;
};

export const NO_FAULTS: NetworkFaults = { cut: [], delayMs: 0, lossRatio: 0 };

/** The switch for them. */
export interface Faulty {
  readonly faults: NetworkFaults;
  /** Instead of those before. Connections to who is cut off end at once; to others they come back by themselves. */
  setFaults(faults: NetworkFaults): void;
}
