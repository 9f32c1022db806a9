import type { MemoryNetwork } from '../../p2p/memory.ts';
import type { GossipTopic, GossipVerdict, Network, NetworkHandlers, PeerInfo } from '../../src/ports/network.ts';
import type { RequestOptions, RequestProtocol } from '../../src/ports/network.ts';
import type { Bytes, PeerId } from '../../src/types/primitives.ts';
import type { ProcessTime } from './clock.ts';

/** What the cluster sees of a node's traffic. */
export type NetworkWitness = {
  /** The node says something of its own. Called when it is on the wire. */
  readonly published: (topic: GossipTopic, data: Bytes) => void;
  readonly heard: (topic: GossipTopic, data: Bytes, from: PeerId, verdict: GossipVerdict) => void;
  readonly asked: (protocol: RequestProtocol, payload: Bytes, from: PeerId) => void;
  readonly blamed: (peer: PeerId, code: string) => void;
};

/** A node's network with a door in it: nothing enters a paused or dead process, and all that passes is seen. */
export class SimNetwork implements Network {
  readonly self: PeerId;
  readonly #inner: MemoryNetwork;
  readonly #time: ProcessTime;
  readonly #witness: NetworkWitness;

  constructor(inner: MemoryNetwork, modules: { readonly time: ProcessTime; readonly witness: NetworkWitness }) {
    this.self = inner.self;
    this.#inner = inner;
    this.#time = modules.time;
    this.#witness = modules.witness;
  }

  addresses(): readonly string[] {
    return [];
  }

  start(handlers: NetworkHandlers): Promise<void> {
    if (this.#time.isDead) return new Promise(() => {});
    return this.#inner.start({
      gossip: (topic, data, from) =>
        this.#entered(async () => {
          const verdict = await handlers.gossip(topic, data, from);
          this.#witness.heard(topic, data, from, verdict);
          return verdict;
        }),
      request: (protocol, payload, from) =>
        this.#entered(() => {
          this.#witness.asked(protocol, payload, from);
          return handlers.request(protocol, payload, from);
        }),
      connected: (peer, direction) => this.#time.enter(() => handlers.connected(peer, direction)),
      disconnected: (peer) => this.#time.enter(() => handlers.disconnected(peer)),
    });
  }

  async stop(): Promise<void> {
    if (!this.#time.isDead) await this.#inner.stop();
  }

  publish(topic: GossipTopic, data: Bytes): void {
    if (this.#time.isDead) return;
    this.#inner.publish(topic, data);
    this.#witness.published(topic, data);
  }

  request(peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes> {
    if (this.#time.isDead) return new Promise(() => {});
    const answer = this.#inner.request(peer, protocol, payload, options);
    return new Promise((resolve, reject) => {
      answer.then(
        (bytes) => this.#time.enter(() => resolve(bytes)),
        (error: Error) => this.#time.enter(() => reject(error)),
      );
    });
  }

  blame(peer: PeerId, code: string, weight: 'minor' | 'major' | 'fatal'): void {
    if (this.#time.isDead) return;
    this.#witness.blamed(peer, code);
    this.#inner.blame(peer, code, weight);
  }

  peers(): readonly PeerInfo[] {
    return this.#inner.peers();
  }

  dial(address: string): Promise<void> {
    return this.#inner.dial(address);
  }

  /** Waits at the door; without an answer if the process dies. */
  #entered<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#time.enter(() => void run().then(resolve, reject));
    });
  }
}
