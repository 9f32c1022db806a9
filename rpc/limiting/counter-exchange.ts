import type { Bytes } from '../../src/types/primitives.ts';

/** What the network does with a message: pass it on, drop it, or drop it and blame who sent it. */
export type CounterVerdict = 'accept' | 'ignore' | 'reject';

/** A way to all other nodes of the fleet. It may lose, repeat, delay and reorder messages, and let anybody write. */
export interface CounterExchange {
  /** Fire and forget. */
  publish(message: Bytes): void;
  /** One handler; it never throws. */
  onMessage(handler: (message: Bytes) => CounterVerdict): void;
}
