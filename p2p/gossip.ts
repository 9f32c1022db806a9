import type { GossipTopic, GossipVerdict } from '../src/ports/network.ts';
import { GOSSIP_SIZE_BYTES_MAX } from '../src/ports/network.ts';
import type { Bytes, PeerId } from '../src/types/primitives.ts';
import { errorText } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import type { Meters } from './meters.ts';
import type { OutboundBudget } from './outbound-budget.ts';

/** Of every node: who has not subscribed to them all is no peer. */
export const GOSSIP_TOPICS: readonly GossipTopic[] = ['consensus', 'block', 'transactions'];

/** Messages under validation at once; more are dropped, so that one topic never holds up another. */
const PENDING_MAX: Readonly<Record<GossipTopic, number>> = {
  consensus: 4_096,
  block: 64,
  transactions: 1_024,
  limits: 256,
};
const PENDING_BYTES_MAX = 48 * 1024 * 1024;

export type GossipModules = {
  readonly log: Log;
  readonly meters: Meters;
  readonly budget: OutboundBudget;
  readonly handler: (topic: GossipTopic, data: Bytes, from: PeerId) => GossipVerdict | Promise<GossipVerdict>;
  /** Waits (not for long) until the host has heard of the peer. */
  readonly ready: (peer: PeerId) => Promise<void>;
  readonly blame: (peer: PeerId, code: string, weight: 'major') => void;
  /** Hands a message to the library. */
  readonly send: (topic: GossipTopic, data: Bytes) => Promise<void>;
  readonly bufferedBytes: () => number;
};

/** Limits and verdicts around gossip, in both directions. */
export class Gossip {
  readonly #modules: GossipModules;
  readonly #pending = new Map<GossipTopic, { messages: number; bytes: number }>();

  constructor(modules: GossipModules) {
    this.#modules = modules;
    for (const topic of [...GOSSIP_TOPICS, 'limits'] as const) this.#pending.set(topic, { messages: 0, bytes: 0 });
  }

  publish(topic: GossipTopic, data: Bytes): void {
    const { log, meters, budget, send, bufferedBytes } = this.#modules;
    if (data.length > GOSSIP_SIZE_BYTES_MAX) {
      meters.dropped(topic, 'out', 'too-large');
      log.warn('gossip not sent: too large', { topic, sizeBytes: data.length, sizeBytesMax: GOSSIP_SIZE_BYTES_MAX });
      return;
    }
    const verdict = budget.take(topic, data.length, bufferedBytes());
    if (verdict !== 'granted') {
      meters.dropped(topic, 'out', verdict);
      log.debug('gossip not sent: over the budget', { topic, sizeBytes: data.length, limit: verdict });
      return;
    }
    meters.published(topic, data.length);
    send(topic, data).catch((error: unknown) => {
      meters.dropped(topic, 'out', 'failed');
      log.debug('gossip not sent', { topic, reason: errorText(error) });
    });
  }

  /** Never rejects. A message is forwarded after `accept` only; `reject` costs the sender. */
  async validate(topic: GossipTopic, data: Bytes, from: PeerId): Promise<GossipVerdict> {
    const { meters, blame } = this.#modules;
    if (data.length > GOSSIP_SIZE_BYTES_MAX) {
      meters.received(topic, 'reject', data.length);
      blame(from, 'gossip-too-large', 'major');
      return 'reject';
    }
    const pending = this.#pending.get(topic);
    if (pending === undefined) return 'ignore';
    if (pending.messages >= PENDING_MAX[topic] || pending.bytes + data.length > PENDING_BYTES_MAX) {
      meters.dropped(topic, 'in', 'pending');
      return 'ignore';
    }
    pending.messages += 1;
    pending.bytes += data.length;
    try {
      return await this.#judge(topic, data, from);
    } finally {
      pending.messages -= 1;
      pending.bytes -= data.length;
    }
  }

  async #judge(topic: GossipTopic, data: Bytes, from: PeerId): Promise<GossipVerdict> {
    const { log, meters, handler, ready, blame } = this.#modules;
    // A message once dropped is not heard again from others: it is judged in any case.
    await ready(from);
    let verdict: GossipVerdict = 'ignore';
    try {
      verdict = await handler(topic, data, from);
    } catch (error) {
      log.warn('gossip handler failed', { topic, peer: from, reason: errorText(error) });
    }
    meters.received(topic, verdict, data.length);
    if (verdict === 'reject') blame(from, `gossip-${topic}`, 'major');
    return verdict;
  }
}
