/** Lets a few through at a time. Clients take turns, however many one of them sends, and only so many may wait. */
import { ParleyError } from '../src/util/errors.ts';

export type TurnstileLimits = {
  readonly concurrencyMax: number;
  readonly waitingMax: number;
  readonly waitingPerClientMax: number;
};

export class Turnstile {
  readonly #limits: TurnstileLimits;
  /** Who is next comes first; never an empty line. */
  readonly #lines = new Map<string, (() => void)[]>();
  #running = 0;
  #waiting = 0;

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
      const next = this.#next();
      if (next === null) this.#running--;
      else next();
    }
  }

  #wait(client: string): Promise<void> {
    const line = this.#lines.get(client) ?? [];
    const { waitingMax, waitingPerClientMax } = this.#limits;
    if (this.#waiting >= waitingMax || line.length >= waitingPerClientMax) {
      const message = `server busy: ${this.#waiting} others wait for the same, try again later`;
      throw new ParleyError('RPC_BUSY', message);
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    line.push(resolve);
    this.#lines.set(client, line);
    this.#waiting++;
    return promise;
  }

  #next(): (() => void) | null {
    for (const [client, line] of this.#lines) {
      this.#lines.delete(client);
      const next = line.shift() ?? null;
      if (line.length > 0) this.#lines.set(client, line);
      this.#waiting--;
      return next;
    }
    return null;
  }
}
