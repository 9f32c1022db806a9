import { privateKeyFromRaw } from '@libp2p/crypto/keys';
import { gossipsub, TopicValidatorResult } from '@libp2p/gossipsub';
import type { GossipSub } from '@libp2p/gossipsub';
import { identify } from '@libp2p/identify';
import type { Identify } from '@libp2p/identify';
import { noise } from '@libp2p/noise';
import { tcp } from '@libp2p/tcp';
import { yamux } from '@libp2p/yamux';
import { multiaddr } from '@multiformats/multiaddr';
import type { Multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import type { Libp2p } from 'libp2p';
import type { GossipVerdict } from '../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../src/types/primitives.ts';
import { messageId, messageIdText, SEEN_MS } from './message-id.ts';
import { peerPublicKey } from './peer-key.ts';

/** Of one RPC. The library's encoder refuses to send more, and a receiver closes the gossip stream over it. */
const RPC_SIZE_BYTES_MAX = 4 * 1024 * 1024;
/** What may wait for one peer. Over it the stream is reset, which `Libp2pNetwork` answers by dropping the connection. */
const PEER_BUFFER_BYTES_MAX = 16 * 1024 * 1024;

export type Node = Libp2p<{ identify: Identify; pubsub: GossipSub }>;
export type Connection = ReturnType<Node['getConnections']>[number];
export type Stream = Awaited<ReturnType<Connection['newStream']>>;
export type RemotePeer = Connection['remotePeer'];

export type NodeOptions = {
  /** Multiaddresses. Empty: dials only. */
  readonly listen: readonly string[];
  /** Ed25519 seed. */
  readonly privateKey: Bytes;
  readonly topics: readonly string[];
  readonly connectionsMax: number;
  /** New inbound connections per second and remote host. The library's 5 are too few where all nodes share 127.0.0.1. */
  readonly inboundPerSecondMax: number;
  readonly heartbeatMs: Millis;
  /** Peers refused by id, in both directions. */
  readonly refuses: (peer: PeerId) => boolean;
};

/**
 * The one place where libp2p is configured. The node is not started. What is chosen, and why:
 * - gossip is unsigned (our messages carry signatures of their own) and told apart by a hash of topic and data;
 * - D is 8 with a low mark of 6, so that a small network is a full mesh; peers are grafted as soon as they subscribe;
 * - scoring is left to `peers.ts`: the library's own would prune peers on 127.0.0.1 for sharing an address and quiet ones for
 *   delivering little. Only its penalty for broken protocol promises stays, behind a threshold;
 * - the connection monitor pings seldom: it is there to notice a peer that hangs, and TCP tells of the rest.
 */
export async function createNode(options: NodeOptions): Promise<Node> {
  const refuses = (peer: RemotePeer): boolean => options.refuses(peer.toString());
  return createLibp2p({
    start: false,
    privateKey: privateKeyFromRaw(Buffer.concat([options.privateKey, peerPublicKey(options.privateKey)])),
    nodeInfo: { name: 'parley', version: '1', userAgent: 'parley' },
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    // Unread bytes of one stream: room for a whole request, should it come before its handler is called.
    streamMuxers: [yamux({ maxInboundStreams: 256, streamOptions: { maxReadBufferLength: 2 * 1024 * 1024 } })],
    connectionManager: {
      maxConnections: options.connectionsMax,
      inboundConnectionThreshold: options.inboundPerSecondMax,
      maxIncomingPendingConnections: 64,
      inboundUpgradeTimeout: 5_000,
      dialTimeout: 6_000,
      addressDialTimeout: 4_000,
      // The library opens gossip streams one after the other: a peer that does not answer holds up all others so long.
      inboundStreamProtocolNegotiationTimeout: 2_000,
      outboundStreamProtocolNegotiationTimeout: 2_000,
      reconnectRetries: 0,
    },
    connectionMonitor: { pingInterval: 30_000, pingTimeout: { minTimeout: 15_000, maxTimeout: 30_000 } },
    connectionGater: {
      denyDialPeer: refuses,
      denyInboundEncryptedConnection: refuses,
      denyOutboundEncryptedConnection: refuses,
    },
    services: {
      identify: identify({ maxInboundStreams: 4, maxOutboundStreams: 4 }),
      pubsub: gossipsub(gossipOptions(options)),
    },
  });
}

function gossipOptions(options: NodeOptions): Parameters<typeof gossipsub>[0] {
  return {
    globalSignaturePolicy: 'StrictNoSign',
    msgIdFn: (message) => messageId(message.topic, message.data),
    msgIdToStrFn: messageIdText,
    D: 8,
    Dlo: 6,
    Dhi: 12,
    Dscore: 4,
    Dout: 2,
    heartbeatInterval: options.heartbeatMs,
    seenTTL: SEEN_MS,
    fallbackToFloodsub: false,
    floodPublish: true,
    batchPublish: true,
    allowPublishToZeroTopicPeers: true,
    ignoreDuplicatePublishError: true,
    emitSelf: false,
    doPX: false,
    tagMeshPeers: false,
    allowedTopics: [...options.topics],
    // Below it, telling others that they need not send costs as much as the message.
    idontwantMinDataSize: 1_024,
    maxInboundDataLength: RPC_SIZE_BYTES_MAX,
    maxOutboundBufferSize: PEER_BUFFER_BYTES_MAX,
    maxInboundStreams: 4,
    maxOutboundStreams: 4,
    scoreParams: {
      topics: {},
      IPColocationFactorWeight: 0,
      behaviourPenaltyWeight: -1,
      behaviourPenaltyThreshold: 20,
      behaviourPenaltyDecay: 0.9,
      retainScore: 600_000,
    },
    // Every well-behaved peer scores 0, which is the most there is.
    scoreThresholds: { opportunisticGraftThreshold: 0 },
  };
}

/** The parts of the library's gossip object that its exported interface leaves out. */
type GossipInside = {
  readonly streamsOutbound: ReadonlyMap<PeerId, unknown>;
  readonly streamsInbound: ReadonlyMap<PeerId, unknown>;
  readonly mesh: ReadonlyMap<string, ReadonlySet<PeerId>>;
  readonly seenCache: { readonly entries: Map<string, unknown> };
};

function inside(node: Node): GossipInside {
  return node.services.pubsub as unknown as GossipInside;
}

/** We can send gossip to this peer, and it has asked for all of our topics. */
export function hearsUs(node: Node, peer: PeerId, topics: readonly string[]): boolean {
  if (!inside(node).streamsOutbound.has(peer)) return false;
  return topics.every((topic) => node.services.pubsub.getSubscribers(topic).some((id) => id.toString() === peer));
}

/**
 * Both gossip streams stand. The library never opens them again on a living connection: once one is reset (a frame too
 * long, a buffer too full, one of two connections closed) the peer stays connected and deaf.
 */
export function gossipStands(node: Node, peer: PeerId): boolean {
  const { streamsOutbound, streamsInbound } = inside(node);
  return streamsOutbound.has(peer) && streamsInbound.has(peer);
}

export function meshPeers(node: Node, topic: string): readonly PeerId[] {
  return [...(inside(node).mesh.get(topic) ?? [])];
}

/**
 * Publishes; resolves when the message is in the streams' buffers. The library refuses bytes it has seen already, and a
 * message cast again must reach those who missed it, so it is made to forget them first; receivers still tell them apart.
 */
export async function publishAgain(node: Node, topic: string, data: Bytes): Promise<void> {
  inside(node).seenCache.entries.delete(messageIdText(messageId(topic, data)));
  await node.services.pubsub.publish(topic, data);
}

const RESULTS: Readonly<Record<GossipVerdict, TopicValidatorResult>> = {
  accept: TopicValidatorResult.Accept,
  reject: TopicValidatorResult.Reject,
  ignore: TopicValidatorResult.Ignore,
};

/** Subscribes with a validator in front: a message is forwarded after `accept` only. The node must be started. */
export function subscribe(
  node: Node,
  topic: string,
  validate: (data: Bytes, from: PeerId) => Promise<GossipVerdict>,
): void {
  const { pubsub } = node.services;
  pubsub.topicValidators.set(topic, async (peer, message) => RESULTS[await validate(message.data, peer.toString())]);
  pubsub.subscribe(topic);
}

/** Bytes of gossip that wait to be taken by the peers' transports. */
export function gossipBufferedBytes(node: Node): number {
  let total = 0;
  for (const connection of node.getConnections()) {
    for (const stream of connection.streams) {
      if (stream.direction === 'outbound' && stream.protocol.startsWith('/meshsub/')) total += stream.writeBufferLength;
    }
  }
  return total;
}

/** Throws on text that is not a multiaddress. */
export function parseAddress(text: string): Multiaddr {
  return multiaddr(text);
}
