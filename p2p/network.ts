import type { TimerHandle } from '../src/ports/clock.ts';
import type {
  Faulty,
  GossipTopic,
  Network,
  NetworkFaults,
  NetworkHandlers,
  PeerInfo,
  RequestOptions,
  RequestProtocol,
} from '../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../src/types/primitives.ts';
import { errorCode, errorText, ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import { Dialer } from './dialer.ts';
import { Faults } from './faults.ts';
import { Gossip, GOSSIP_TOPICS } from './gossip.ts';
import type { Node, RemotePeer } from './libp2p.ts';
import { listenError } from './listen-error.ts';
import { Meters } from './meters.ts';
import type { NetworkModules, NetworkOptions } from './network-options.ts';
import { OutboundBudget } from './outbound-budget.ts';
import { peerIdOf } from './peer-key.ts';
import { Peers } from './peers.ts';
import type { BlameWeight } from './peers.ts';
import { Sessions } from './sessions.ts';
import type { Session } from './sessions.ts';
import { ask, RequestServer, within } from './streams.ts';

type Libp2pModule = typeof import('./libp2p.ts');

const REQUEST_PROTOCOLS: readonly RequestProtocol[] = [
  'status',
  'blocks-by-range',
  'blocks-by-hash',
  'pooled-transactions',
];

const UPKEEP_MS: Millis = 1_000;
/** A peer may say something before we have told the host of it; that waits so long. */
const INTRODUCTION_MS: Millis = 1_000;
/** Connections that are not peers yet, or are about to be refused. */
const SPARE_CONNECTIONS = 16;
/** How long a stopping node waits for its last messages to leave, and for the library to shut down. */
const FAREWELL_MS: Millis = 300;
const SHUTDOWN_MS: Millis = 1_500;
/** Streams of one protocol and peer: over the server's own limit, so that the peer is told `busy`. */
const STREAMS_PER_PROTOCOL_MAX = 32;
/** Addresses of peers long gone, which the library would keep for hours. */
const GONE_MAX = 1_024;

/** Everything that lives from start to stop. */
type Running = {
  readonly library: Libp2pModule;
  readonly node: Node;
  readonly handlers: NetworkHandlers;
  readonly sessions: Sessions;
  readonly gossip: Gossip;
  readonly server: RequestServer;
  readonly dialer: Dialer;
  readonly gone: Map<PeerId, RemotePeer>;
  upkeep: TimerHandle | null;
};

/** The network port over libp2p: TCP, noise, yamux, gossipsub. The library is loaded by `start`. */
export class Libp2pNetwork implements Network, Faulty {
  readonly self: PeerId;
  readonly #options: NetworkOptions;
  readonly #modules: NetworkModules;
  readonly #log: Log;
  readonly #meters: Meters;
  readonly #peers: Peers;
  readonly #budget: OutboundBudget;
  readonly #faults: Faults;
  #running: Running | null = null;

  constructor(options: NetworkOptions, modules: NetworkModules) {
    if (!/^[A-Za-z0-9-]{1,64}$/.test(options.networkName)) {
      throw new ParleyError('NETWORK_NAME', 'a network name has 1 to 64 letters, digits and dashes');
    }
    this.self = peerIdOf(options.privateKey);
    this.#options = options;
    this.#modules = modules;
    this.#log = modules.log.child('p2p');
    this.#meters = new Meters(modules.metrics);
    this.#peers = new Peers(options.peers ?? {}, monotonicMs);
    this.#budget = new OutboundBudget(options.budget ?? {}, monotonicMs);
    this.#faults = new Faults(modules.timers, modules.random);
  }

  addresses(): readonly string[] {
    return this.#running?.node.getMultiaddrs().map(String) ?? [];
  }

  /** Rejects with NETWORK_LISTEN when an address cannot be listened on, NETWORK_ADDRESS when one cannot be understood. */
  async start(handlers: NetworkHandlers): Promise<void> {
    if (this.#running !== null) throw new ParleyError('NETWORK_RUNNING', 'the network is started already');
    const library = await import('./libp2p.ts');
    for (const address of [...this.#options.listen, ...this.#options.bootstrap]) parse(library, address);
    const topics = [...GOSSIP_TOPICS, ...(this.#options.optionalTopics ?? [])];
    const node = await library.createNode({
      listen: this.#options.listen,
      privateKey: this.#options.privateKey,
      topics: topics.map((topic) => this.#topicName(topic)),
      connectionsMax: this.#peersMax + SPARE_CONNECTIONS,
      inboundPerSecondMax: this.#options.inboundPerSecondMax ?? 50,
      heartbeatMs: this.#options.heartbeatMs ?? 500,
      refuses: (peer) => this.#peers.isBanned(peer) || this.#faults.cutsOff(peer),
    });
    const running = this.#wire(library, node, handlers);
    this.#running = running;
    try {
      await this.#register(running);
      await node.start();
    } catch (error) {
      this.#running = null;
      throw listenError(error, this.#options.listen);
    }
    for (const topic of topics) {
      library.subscribe(node, this.#topicName(topic), (data, from) => running.gossip.validate(topic, data, from));
    }
    for (const address of this.#options.bootstrap) running.dialer.add(address);
    running.upkeep = this.#modules.timers.after(UPKEEP_MS, () => this.#maintain(running));
    this.#log.info('listening', { peer: this.self, addresses: [...this.addresses()] });
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.#running = null;
    running.upkeep?.cancel();
    running.dialer.stop();
    const { timers } = this.#modules;
    // The library waits without end for streams that a hanging peer does not drain: the connections go first.
    await Promise.all(
      running.node.getConnections().map(async (connection) => {
        const closed = within(timers, FAREWELL_MS, (signal) => connection.close({ signal }));
        await closed.catch(() => connection.abort(new ParleyError('NETWORK_CLOSED', 'stopping')));
      }),
    );
    running.sessions.closeAll();
    await within(timers, SHUTDOWN_MS, async () => running.node.stop()).catch((error: unknown) => {
      this.#log.warn('the network did not stop cleanly', { reason: errorText(error) });
    });
    this.#meters.peers(0);
  }

  publish(topic: GossipTopic, data: Bytes): void {
    this.#running?.gossip.publish(topic, data);
  }

  async request(peer: PeerId, protocol: RequestProtocol, payload: Bytes, options: RequestOptions): Promise<Bytes> {
    const startedAt = monotonicMs();
    try {
      const { node } = this.#started();
      const connection = node
        .getConnections()
        .find((one) => one.remotePeer.toString() === peer && one.status === 'open');
      if (connection === undefined) throw new ParleyError('NETWORK_CLOSED', 'not connected to this peer', { peer });
      const answer = await ask(connection, this.#protocolName(protocol), payload, options, this.#modules.timers);
      this.#meters.asked(protocol, 'ok', answer.length, monotonicMs() - startedAt);
      return answer;
    } catch (error) {
      if (error instanceof ParleyError && error.data['reason'] === 'malformed') this.blame(peer, 'answer', 'minor');
      this.#meters.asked(protocol, errorCode(error), 0, monotonicMs() - startedAt);
      throw error;
    }
  }

  blame(peer: PeerId, code: string, weight: BlameWeight): void {
    this.#meters.blamed(weight);
    const banned = this.#peers.blame(peer, weight);
    this.#log.debug('peer blamed', { peer, code, weight, score: this.#peers.score(peer) });
    if (!banned) return;
    this.#log.warn('peer banned', { peer, code });
    // In another turn: the host blames from within its handlers.
    this.#modules.timers.after(0, () => this.#drop(peer, 'banned'));
  }

  peers(): readonly PeerInfo[] {
    const running = this.#running;
    if (running === null) return [];
    const addresses = new Map<PeerId, string[]>();
    for (const connection of running.node.getConnections()) {
      const id = connection.remotePeer.toString();
      addresses.set(id, [...(addresses.get(id) ?? []), connection.remoteAddr.toString()]);
    }
    return running.sessions.ready().map(({ peer, direction }) => ({
      id: peer,
      addresses: addresses.get(peer) ?? [],
      direction,
      score: this.#peers.score(peer),
    }));
  }

  /**
   * Resolves when the peer is connected and ready. Rejects with NETWORK_ADDRESS on a malformed address and with
   * NETWORK_UNREACHABLE when this attempt failed; the address is tried on either way.
   */
  async dial(address: string): Promise<void> {
    const { library, dialer } = this.#started();
    parse(library, address);
    await dialer.dial(address);
  }

  get faults(): NetworkFaults {
    return this.#faults.inForce;
  }

  setFaults(faults: NetworkFaults): void {
    this.#faults.inForce = faults;
    this.#log.warn('faults as asked for', { ...faults });
    for (const { remotePeer } of this.#running?.node.getConnections() ?? []) {
      if (this.#faults.cutsOff(remotePeer.toString())) this.#drop(remotePeer.toString(), 'cut off');
    }
    this.#running?.dialer.retry();
  }

  get #peersMax(): number {
    return this.#options.peersMax ?? 50;
  }

  #started(): Running {
    if (this.#running === null) throw new ParleyError('NETWORK_CLOSED', 'the network is not started');
    return this.#running;
  }

  #topicName(topic: GossipTopic): string {
    return `/parley/${this.#options.networkName}/${topic}/1`;
  }

  #protocolName(protocol: RequestProtocol): string {
    return `/parley/${this.#options.networkName}/${protocol}/1`;
  }

  #wire(library: Libp2pModule, node: Node, handlers: NetworkHandlers): Running {
    const { timers } = this.#modules;
    const topics = GOSSIP_TOPICS.map((topic) => this.#topicName(topic));
    const meters = this.#meters;
    const sessions = new Sessions({
      timers,
      hears: (peer) => library.hearsUs(node, peer, topics),
      opened: (session) => this.#opened(session, handlers),
      closed: (session) => this.#closed(session, handlers),
      failed: ({ peer }) => this.#drop(peer, 'not ready in time'),
    });
    const gossip = new Gossip({
      log: this.#log,
      meters,
      budget: this.#budget,
      handler: (topic, data, from) =>
        this.#faults.suffer(
          () => handlers.gossip(topic, data, from),
          () => 'ignore' as const,
        ),
      ready: (peer) => this.#introduced(sessions, peer),
      blame: (peer, code, weight) => this.blame(peer, code, weight),
      send: (topic, data) => library.publishAgain(node, this.#topicName(topic), data),
      bufferedBytes: () => library.gossipBufferedBytes(node),
    });
    const server = new RequestServer(this.#options.server ?? {}, {
      timers,
      log: this.#log,
      meters,
      answer: async (protocol, payload, peer) => {
        if (!(await sessions.whenReady(peer))) throw new ParleyError('NETWORK_CLOSED', 'the peer is not ready');
        return this.#faults.suffer(
          () => handlers.request(protocol, payload, peer),
          () => {
            throw new ParleyError('NETWORK_CLOSED', 'lost on the way');
          },
        );
      },
      misbehaved: (peer, code) => this.blame(peer, code, 'minor'),
    });
    const dialer = new Dialer({
      self: this.self,
      timers,
      log: this.#log,
      now: monotonicMs,
      connect: (address) => this.#connect(address),
      isConnected: (peer) => sessions.isReady(peer),
    });
    return { library, node, handlers, sessions, gossip, server, dialer, gone: new Map(), upkeep: null };
  }

  /** Before the node listens: what it speaks must be in its first word. */
  async #register({ node, sessions, server, dialer, gone }: Running): Promise<void> {
    const status = this.#protocolName('status');
    const streams = { maxInboundStreams: STREAMS_PER_PROTOCOL_MAX, maxOutboundStreams: STREAMS_PER_PROTOCOL_MAX };
    for (const protocol of REQUEST_PROTOCOLS) {
      const serve = (stream: Parameters<RequestServer['serve']>[1], connection: { readonly remotePeer: RemotePeer }) =>
        server.serve(protocol, stream, connection.remotePeer.toString());
      await node.handle(this.#protocolName(protocol), serve, streams);
    }
    node.addEventListener('peer:connect', ({ detail }) => {
      const direction = node.getConnections(detail)[0]?.direction ?? 'inbound';
      gone.delete(detail.toString());
      sessions.open(detail.toString(), direction);
    });
    node.addEventListener('peer:identify', ({ detail }) => {
      const peer = detail.peerId.toString();
      if (!detail.protocols.includes(status)) this.#drop(peer, 'of another network');
      else if (sessions.ready().length >= this.#peersMax) this.#drop(peer, 'too many peers');
      else sessions.speaks(peer);
    });
    node.services.pubsub.addEventListener('subscription-change', ({ detail }) => {
      sessions.check(detail.peerId.toString());
    });
    node.addEventListener('peer:disconnect', ({ detail }) => {
      const peer = detail.toString();
      if (gone.size < GONE_MAX) gone.set(peer, detail);
      sessions.close(peer);
      dialer.lost(peer);
    });
  }

  #opened(session: Session, handlers: NetworkHandlers): void {
    this.#meters.peers(this.#running?.sessions.ready().length ?? 0);
    this.#log.info('peer connected', { peer: session.peer, direction: session.direction });
    this.#call('connected', () => handlers.connected(session.peer, session.direction));
  }

  #closed(session: Session, handlers: NetworkHandlers): void {
    this.#meters.peers(this.#running?.sessions.ready().length ?? 0);
    this.#log.info('peer disconnected', { peer: session.peer });
    this.#call('disconnected', () => handlers.disconnected(session.peer));
  }

  #call(what: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#log.error('handler failed', { what, reason: errorText(error) });
    }
  }

  async #connect(address: string): Promise<PeerId> {
    const { library, node, sessions } = this.#started();
    let reason = 'it does not speak our protocols';
    try {
      const connection = await node.dial(library.parseAddress(address));
      const peer = connection.remotePeer.toString();
      // A refused peer's dial resolves all the same; only a ready session counts.
      if (await sessions.whenReady(peer)) return peer;
    } catch (error) {
      reason = errorText(error);
    }
    throw new ParleyError('NETWORK_UNREACHABLE', `cannot connect to ${address}: ${reason}`, { address });
  }

  async #introduced(sessions: Sessions, peer: PeerId): Promise<void> {
    if (sessions.isReady(peer)) return;
    await within(this.#modules.timers, INTRODUCTION_MS, () => sessions.whenReady(peer)).catch(() => {});
  }

  #drop(peer: PeerId, reason: string): void {
    const { node } = this.#running ?? {};
    for (const connection of node?.getConnections() ?? []) {
      if (connection.remotePeer.toString() !== peer) continue;
      this.#log.debug('connection dropped', { peer, reason });
      connection.abort(new ParleyError('NETWORK_CLOSED', `dropped: ${reason}`));
    }
  }

  #maintain(running: Running): void {
    const { library, node, sessions, gone } = running;
    for (const { peer } of sessions.ready()) {
      if (library.gossipStands(node, peer)) continue;
      // Without blame: a peer that is slow, or was stopped for a while, looks the same as one that broke the form.
      this.#drop(peer, 'its gossip stream is lost');
    }
    for (const [peer, remote] of gone) {
      gone.delete(peer);
      if (sessions.get(peer) === undefined) {
        node.peerStore
          .delete(remote)
          .catch((error: unknown) => this.#log.debug('peer kept', { peer, reason: errorText(error) }));
      }
    }
    running.upkeep = this.#modules.timers.after(UPKEEP_MS, () => this.#maintain(running));
  }
}

function monotonicMs(): Millis {
  return performance.now();
}

function parse(library: Libp2pModule, address: string): void {
  try {
    library.parseAddress(address);
  } catch (error) {
    throw new ParleyError('NETWORK_ADDRESS', `not a multiaddress: ${errorText(error)}`, { address });
  }
}
