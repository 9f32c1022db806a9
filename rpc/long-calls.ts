/** Calls that take long, such as searches: a few at a time, because of the memory they need, and each in slices. */
import type { RpcLimits } from './limits.ts';
import type { Slice, Turns } from './turns.ts';
import { Turnstile } from './turnstile.ts';

export class LongCalls {
  readonly #turns: Turns;
  readonly #turnstile: Turnstile;

  constructor(limits: RpcLimits, turns: Turns) {
    this.#turns = turns;
    this.#turnstile = new Turnstile({
      concurrencyMax: limits.longCallsConcurrencyMax,
      waitingMax: limits.longCallsWaitingMax,
      waitingPerClientMax: limits.longCallsWaitingPerClientMax,
    });
  }

  /** `work` gives way whenever its slice is over. Rejects with RPC_BUSY when too many wait. */
  run<T>(client: string, work: (slice: Slice) => Promise<T>): Promise<T> {
    return this.#turnstile.run(client, () => work(this.#turns.slice(client)));
  }
}
