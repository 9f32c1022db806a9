import type { CounterExchange, CounterVerdict } from '../../rpc/limiting/counter-exchange.ts';
import type { GossipVerdict, Network } from '../ports/network.ts';
import type { Bytes } from '../types/primitives.ts';

/**
 * The limits' way to the other nodes of a fleet: gossip of the topic `limits`, which only members subscribe to. A member passes on what its
 * own fleet has signed and is new, so a fleet is reached as far as its members are connected among themselves, and nobody else
 * carries anything for it. A message of another fleet, or of nobody, ends where it arrives.
 */
export class RateExchange implements CounterExchange {
  readonly #network: Network;
  #handler: ((message: Bytes) => CounterVerdict) | null = null;

  constructor(network: Network) {
    this.#network = network;
  }

  publish(message: Bytes): void {
    this.#network.publish('limits', message);
  }

  onMessage(handler: (message: Bytes) => CounterVerdict): void {
    this.#handler = handler;
  }

  /** From the network. */
  receive(data: Bytes): GossipVerdict {
    return this.#handler?.(data) ?? 'ignore';
  }
}
