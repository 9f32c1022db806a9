import type { MemoryNetwork } from '../../p2p/memory.ts';
import type { GossipTopic, GossipVerdict, Network, NetworkHandlers, PeerInfo } from '../../src/ports/network.ts';
import type { RequestOptions, RequestProtocol } from '../../src/ports/network.ts';
import type { Bytes, Hash, PeerId } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { Rng } from '../../src/util/rng.ts';
import type { ProcessTime } from './clock.ts';
import type { Voice, VoiceMaker } from './voice.ts';

/** What the cluster sees of a node's traffic. */
export type NetworkWitness = {
  /** The node says something of its own. Called when it is on the wire. */
  readonly published: (topic: GossipTopic, data: Bytes) => void;
  readonly heard: (topic: GossipTopic, data: Bytes, from: PeerId, verdict: GossipVerdict) => void;
  readonly blamed: (peer: PeerId, code: string) => void;
};

export type SimNetworkModules = {
  readonly time: ProcessTime;
  readonly witness: NetworkWitness;
  /** Speaks in the node's place. */
  readonly voice: { readonly make: VoiceMaker; readonly rng: Rng; readonly genesisHash: Hash } | null;
};

const QUESTION: RequestOptions = { timeoutMs: 5_000, responseSizeBytesMax: 16 * 1024 * 1024 };

/** A node's network with a door in it: nothing enters a paused or dead process, and all that passes is seen. */
export class SimNetwork implements Network {
  readonly self: PeerId;
  readonly #inner: MemoryNetwork;
  readonly #time: ProcessTime;
  readonly #witness: NetworkWitness;
  readonly #voice: Voice | null;

  constructor(inner: MemoryNetwork, { time, witness, voice }: SimNetworkModules) {
    this.self = inner.self;
    this.#inner = inner;
    this.#time = time;
    this.#witness = witness;
    this.#voice = voice === null ? null : this.#makeVoice(voice);
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
          if (verdict !== 'reject') this.#voice?.heard(topic, data);
          return verdict;
        }),
      request: (protocol, payload, from) =>
        this.#entered(async () => {
          if (this.#voice?.isHiding === true) throw closed();
          const truth = (): Promise<Bytes> => handlers.request(protocol, payload, from);
          if (protocol === 'status') return this.#voice?.status?.(await truth()) ?? truth();
          return this.#voice?.answer?.(protocol, payload, from, truth) ?? truth();
        }),
      connected: (peer, direction) => this.#time.enter(() => handlers.connected(peer, direction)),
      disconnected: (peer) => this.#time.enter(() => handlers.disconnected(peer)),
    });
  }

  async stop(): Promise<void> {
    if (!this.#time.isDead) await this.#inner.stop();
  }

  publish(topic: GossipTopic, data: Bytes): void {
    if (this.#voice === null) this.#say(topic, data);
    else if (!this.#time.isDead) this.#voice.publish(topic, data);
  }

  request(peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes> {
    if (this.#time.isDead) return new Promise(() => {});
    // A question for a status carries one.
    if (protocol === 'status' && this.#voice?.isHiding === true) return Promise.reject(closed());
    const said = protocol === 'status' ? (this.#voice?.status?.(payload) ?? payload) : payload;
    const answer = this.#inner.request(peer, protocol, said, options);
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

  #say(topic: GossipTopic, data: Bytes, to?: readonly PeerId[]): void {
    if (this.#time.isDead) return;
    if (to === undefined) this.#inner.publish(topic, data);
    else this.#inner.publishTo(to, topic, data);
    this.#witness.published(topic, data);
  }

  #makeVoice({ make, rng, genesisHash }: Exclude<SimNetworkModules['voice'], null>): Voice {
    const modules = {
      say: (topic: GossipTopic, data: Bytes, to?: readonly PeerId[]): void => this.#say(topic, data, to),
      ask: (peer: PeerId, protocol: RequestProtocol, payload: Bytes): void => {
        this.request(peer, protocol, payload, QUESTION).catch(() => {});
      },
      peers: (): readonly PeerId[] => this.peers().map(({ id }) => id),
      timers: this.#time,
      rng,
    };
    return make(modules, genesisHash);
  }

  /** Waits at the door; without an answer if the process dies. */
  #entered<T>(run: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#time.enter(() => void run().then(resolve, reject));
    });
  }
}

function closed(): ParleyError {
  return new ParleyError('NETWORK_CLOSED', 'no answer');
}
