import type { GossipTopic, GossipVerdict, RequestProtocol } from '../src/ports/network.ts';
import type { Counter, Gauge, Histogram, Metrics } from '../src/util/metrics.ts';
import type { BlameWeight } from './peers.ts';

export type DropReason = 'too-large' | 'rate' | 'in-flight' | 'pending' | 'failed';

const SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];

/** The network's own metrics. One instance per network. */
export class Meters {
  readonly #peers: Gauge;
  readonly #published: Counter;
  readonly #publishedBytes: Counter;
  readonly #received: Counter;
  readonly #receivedBytes: Counter;
  readonly #dropped: Counter;
  readonly #requests: Counter;
  readonly #requestBytes: Counter;
  readonly #requestSeconds: Histogram;
  readonly #blames: Counter;

  constructor(metrics: Metrics) {
    this.#peers = metrics.gauge('parley_p2p_peers', 'Peers that speak our protocols');
    this.#published = metrics.counter('parley_p2p_gossip_published_total', 'Gossip messages published', ['topic']);
    this.#publishedBytes = metrics.counter(
      'parley_p2p_gossip_published_bytes_total',
      'Bytes published, once per message',
      ['topic'],
    );
    this.#received = metrics.counter('parley_p2p_gossip_received_total', 'New gossip messages by verdict', [
      'topic',
      'verdict',
    ]);
    this.#receivedBytes = metrics.counter('parley_p2p_gossip_received_bytes_total', 'Bytes of new gossip messages', [
      'topic',
    ]);
    this.#dropped = metrics.counter('parley_p2p_gossip_dropped_total', 'Gossip messages over a limit', [
      'topic',
      'direction',
      'reason',
    ]);
    this.#requests = metrics.counter('parley_p2p_requests_total', 'Requests by outcome', [
      'protocol',
      'direction',
      'outcome',
    ]);
    this.#requestBytes = metrics.counter('parley_p2p_request_bytes_total', 'Bytes of request and response bodies', [
      'protocol',
      'direction',
    ]);
    this.#requestSeconds = metrics.histogram('parley_p2p_request_seconds', 'Time of our requests', SECONDS, [
      'protocol',
    ]);
    this.#blames = metrics.counter('parley_p2p_blames_total', 'Blame given to peers', ['weight']);
  }

  peers(count: number): void {
    this.#peers.set(count);
  }

  published(topic: GossipTopic, sizeBytes: number): void {
    this.#published.add(1, { topic });
    this.#publishedBytes.add(sizeBytes, { topic });
  }

  received(topic: GossipTopic, verdict: GossipVerdict, sizeBytes: number): void {
    this.#received.add(1, { topic, verdict });
    this.#receivedBytes.add(sizeBytes, { topic });
  }

  dropped(topic: GossipTopic, direction: 'in' | 'out', reason: DropReason): void {
    this.#dropped.add(1, { topic, direction, reason });
  }

  /** `outcome`: `ok`, or the code of the error. */
  asked(protocol: RequestProtocol, outcome: string, sizeBytes: number, tookMs: number): void {
    this.#requests.add(1, { protocol, direction: 'out', outcome });
    this.#requestBytes.add(sizeBytes, { protocol, direction: 'in' });
    this.#requestSeconds.observe(tookMs / 1_000, { protocol });
  }

  answered(protocol: RequestProtocol, outcome: string, sizeBytes: number): void {
    this.#requests.add(1, { protocol, direction: 'in', outcome });
    this.#requestBytes.add(sizeBytes, { protocol, direction: 'out' });
  }

  blamed(weight: BlameWeight): void {
    this.#blames.add(1, { weight });
  }
}
