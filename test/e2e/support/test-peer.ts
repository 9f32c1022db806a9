import { Libp2pNetwork } from '../../../p2p/network.ts';
import type { NetworkOptions } from '../../../p2p/network-options.ts';
import { randomPeerKey } from '../../../p2p/peer-key.ts';
import { encodeRlp } from '../../../src/codec/rlp.ts';
import { encodeStatus } from '../../../src/node/status-message.ts';
import { systemTimers } from '../../../src/node/system-clock.ts';
import type { GossipTopic, GossipVerdict, NetworkHandlers, RequestProtocol } from '../../../src/ports/network.ts';
import type { Bytes, Hash, PeerId } from '../../../src/types/primitives.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { blockAt, type Rpc } from './rpc.ts';
import { until } from './wait.ts';

export const CHAIN_ID = 31337;

/** A peer of a running network whose every word is the test's. By default it says that it holds nothing but the genesis block. */
export class TestPeer implements NetworkHandlers {
  readonly network: Libp2pNetwork;
  readonly genesisHash: Hash;
  /** What it answers; a throw is answered with a failure. */
  answer: (protocol: RequestProtocol, payload: Bytes, from: PeerId) => Bytes;
  hear: (topic: GossipTopic, data: Bytes) => void = () => {};
  readonly requests: RequestProtocol[] = [];
  readonly #connected = new Set<PeerId>();

  private constructor(genesisHash: Hash, options: Partial<NetworkOptions>) {
    this.genesisHash = genesisHash;
    this.network = new Libp2pNetwork(
      { listen: [], privateKey: randomPeerKey(), bootstrap: [], networkName: genesisHash.slice(2, 10), ...options },
      { log: silentLog, metrics: noMetrics, timers: systemTimers, random: Math.random },
    );
    this.answer = (protocol) => (protocol === 'status' ? this.status() : encodeRlp([]));
  }

  /** Joins the nodes behind these RPCs and stays connected to them over their restarts. */
  static async join(nodes: readonly Rpc[], options: Partial<NetworkOptions> = {}): Promise<TestPeer> {
    const [first] = nodes;
    if (first === undefined) throw new Error('a peer needs somebody to join');
    const genesis = await blockAt(first, 0);
    const peer = new TestPeer((genesis?.hash ?? '0x') as Hash, options);
    await peer.network.start(peer);
    for (const node of nodes) await peer.network.dial(await addressOf(node));
    return peer;
  }

  status(changes: Partial<Parameters<typeof encodeStatus>[0]> = {}): Bytes {
    const genesis = { hash: this.genesisHash, number: 0 };
    return encodeStatus({
      chainId: CHAIN_ID,
      shard: 0,
      genesisHash: this.genesisHash,
      head: genesis,
      finalized: genesis,
      ...changes,
    });
  }

  /** A request with generous limits. */
  ask(peer: PeerId, protocol: RequestProtocol, payload: Bytes): Promise<Bytes> {
    return this.network.request(peer, protocol, payload, { timeoutMs: 10_000, responseSizeBytesMax: 8 * 1024 * 1024 });
  }

  isConnected(peer: PeerId): boolean {
    return this.#connected.has(peer);
  }

  async dropped(peer: PeerId, timeoutMs = 20_000): Promise<void> {
    await until(`${peer} drops this peer`, async () => !this.#connected.has(peer), { timeoutMs });
  }

  stop(): Promise<void> {
    return this.network.stop();
  }

  gossip(topic: GossipTopic, data: Bytes): GossipVerdict {
    this.hear(topic, data);
    return 'ignore';
  }

  async request(protocol: RequestProtocol, payload: Bytes, from: PeerId): Promise<Bytes> {
    this.requests.push(protocol);
    return this.answer(protocol, payload, from);
  }

  connected(peer: PeerId): void {
    this.#connected.add(peer);
  }

  disconnected(peer: PeerId): void {
    this.#connected.delete(peer);
  }
}

/** Multiaddress of a node, with its peer id. */
export async function addressOf(node: Rpc): Promise<string> {
  const { addresses } = await node<{ addresses: readonly string[] }>('admin_nodeInfo');
  return addresses[0] ?? '';
}
