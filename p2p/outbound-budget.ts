import type { GossipTopic } from '../src/ports/network.ts';
import type { Millis } from '../src/types/primitives.ts';

export type OutboundBudgetOptions = {
  readonly bytesPerSecond: number;
  readonly burstBytes: number;
  readonly messagesPerSecond: number;
  readonly burstMessages: number;
  /** Bytes handed over and not yet on the wire, over all peers. */
  readonly inFlightBytesMax: number;
};

export const DEFAULT_OUTBOUND_BUDGET: OutboundBudgetOptions = {
  bytesPerSecond: 16 * 1024 * 1024,
  burstBytes: 32 * 1024 * 1024,
  messagesPerSecond: 2_000,
  burstMessages: 4_000,
  inFlightBytesMax: 64 * 1024 * 1024,
};

/** What a topic leaves untouched for those above it: consensus before blocks before transactions. Limits are small and must be in time. */
const RESERVED: Readonly<Record<GossipTopic, number>> = { consensus: 0, block: 0.2, limits: 0.2, transactions: 0.5 };

export type BudgetVerdict = 'granted' | 'rate' | 'in-flight';

/**
 * Gossip has no backpressure, so what a node publishes is limited here: two token buckets (bytes and messages per second)
 * and a bound on what waits in the streams. A message over the budget is dropped by the caller, never queued.
 *
 * `now` must not jump: it measures durations.
 */
export class OutboundBudget {
  readonly #options: OutboundBudgetOptions;
  readonly #now: () => Millis;
  #bytes: number;
  #messages: number;
  #at: Millis;

  constructor(options: Partial<OutboundBudgetOptions>, now: () => Millis) {
    this.#options = { ...DEFAULT_OUTBOUND_BUDGET, ...options };
    this.#now = now;
    this.#bytes = this.#options.burstBytes;
    this.#messages = this.#options.burstMessages;
    this.#at = now();
  }

  /** Takes the message out of the budget, or says which limit it met. */
  take(topic: GossipTopic, sizeBytes: number, inFlightBytes: number): BudgetVerdict {
    this.#refill();
    const { burstBytes, burstMessages, inFlightBytesMax } = this.#options;
    const reserved = RESERVED[topic];
    if (inFlightBytes + sizeBytes > inFlightBytesMax * (1 - reserved)) return 'in-flight';
    if (this.#bytes - sizeBytes < burstBytes * reserved) return 'rate';
    if (this.#messages - 1 < burstMessages * reserved) return 'rate';
    this.#bytes -= sizeBytes;
    this.#messages -= 1;
    return 'granted';
  }

  #refill(): void {
    const now = this.#now();
    const seconds = Math.max(0, now - this.#at) / 1_000;
    this.#at = now;
    const { bytesPerSecond, burstBytes, messagesPerSecond, burstMessages } = this.#options;
    this.#bytes = Math.min(burstBytes, this.#bytes + seconds * bytesPerSecond);
    this.#messages = Math.min(burstMessages, this.#messages + seconds * messagesPerSecond);
  }
}
