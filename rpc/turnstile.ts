/** Lets a few through at a time. Clients take turns, however many one of them sends, and only so many may wait. */
import { ParleyError } from '../src/util/errors.ts';
import { FairLine } from './fair-line.ts';

export type TurnstileLimits = {
  readonly concurrencyMax: number;
  readonly waitingMax: number;
  readonly waitingPerClientMax: number;
};

export class Turnstile {
  readonly #limits: TurnstileLimits;
  readonly #line = new FairLine<() => void>();
  #running = 0;

  constructor(limits: TurnstileLimits) {
    this.#limits = limits;
  }

  /** Rejects with RPC_BUSY when too many wait, or with what `work` rejects with. */
  async run<T>(client: string, work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#limits.concurrencyMax) await this.#wait(client);
    else this.#running++;
    try {
      return await work();
    } finally {
      // A place is handed on rather than given back, so that nobody overtakes.
      const next = this.#line.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  #wait(client: string): Promise<void> {
    const { waitingMax, waitingPerClientMax } = this.#limits;
    if (this.#line.size >= waitingMax || this.#line.sizeOf(client) >= waitingPerClientMax) {
      const message = `server busy: ${this.#line.size} others wait for the same, try again later`;
      throw new ParleyError('RPC_BUSY', message);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#line.push(client, resolve);
    return promise;
  }
}
