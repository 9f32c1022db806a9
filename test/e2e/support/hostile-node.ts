import { createNode, parseAddress, subscribe, type Connection, type Node, type Stream } from '../../../p2p/libp2p.ts';
import { encodeFrame } from '../../../p2p/frame.ts';
import { randomPeerKey } from '../../../p2p/peer-key.ts';
import type { GossipTopic, RequestProtocol } from '../../../src/ports/network.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { addressOf } from './test-peer.ts';
import type { Rpc } from './rpc.ts';

/** A bare libp2p node with the network's names, for what `TestPeer`'s own limits would not let out. */
export class HostileNode {
  readonly node: Node;
  readonly connection: Connection;
  readonly #name: string;

  private constructor(node: Node, connection: Connection, name: string) {
    this.node = node;
    this.connection = connection;
    this.#name = name;
  }

  /** Joins one node. `status` is what it answers to the handshake. */
  static async join(target: Rpc, networkName: string, status: Bytes): Promise<HostileNode> {
    const topics = (['consensus', 'block', 'transactions'] as const).map(
      (topic) => `/parley/${networkName}/${topic}/1`,
    );
    const node = await createNode({
      listen: [],
      privateKey: randomPeerKey(),
      topics,
      connectionsMax: 100,
      inboundPerSecondMax: 100,
      heartbeatMs: 500,
      refuses: () => false,
    });
    await node.handle(`/parley/${networkName}/status/1`, (stream) => {
      stream.send(encodeFrame(Uint8Array.of(0), status));
      stream.close().catch(() => {});
    });
    await node.start();
    for (const topic of topics) subscribe(node, topic, async () => 'ignore');
    const connection = await node.dial(parseAddress(await addressOf(target)));
    return new HostileNode(node, connection, networkName);
  }

  get id(): string {
    return this.node.peerId.toString();
  }

  get isConnected(): boolean {
    return this.connection.status === 'open';
  }

  publish(topic: GossipTopic, data: Bytes): Promise<unknown> {
    return this.node.services.pubsub.publish(`/parley/${this.#name}/${topic}/1`, data);
  }

  open(protocol: RequestProtocol): Promise<Stream> {
    return this.connection.newStream([`/parley/${this.#name}/${protocol}/1`]);
  }

  async stop(): Promise<void> {
    await this.node.stop();
  }
}
