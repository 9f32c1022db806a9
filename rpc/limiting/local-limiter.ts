import type { Algorithm, Micros } from './algorithm.ts';
import { ClientTable } from './client-table.ts';
import type { Decision, RateLimiter } from './rate-limiter.ts';

export const CLIENTS_MAX = 65_536;

export type LocalLimiterOptions<State> = {
  readonly algorithm: Algorithm<State>;
  /** By Client.id; these have a place of their own always. */
  readonly overrides?: ReadonlyMap<string, Algorithm<State>>;
  readonly clientsMax?: number;
};

type Entry<State> = { readonly algorithm: Algorithm<State>; state: State };

/**
 * Counts in this process alone. Clients for whom there is no place share one allowance, and who gets a place after that begins with
 * what is left of the shared one, not with a whole: so nobody ever gets more than the rule allows, however many addresses are used to
 * crowd the table. What such an attacker can do is to make newcomers share.
 */
export class LocalLimiter<State> implements RateLimiter {
  readonly #algorithm: Algorithm<State>;
  readonly #now: () => Micros;
  readonly #table: ClientTable<Entry<State>>;
  readonly #overrides = new Map<string, Entry<State>>();
  readonly #crowd: Entry<State>;

  constructor(options: LocalLimiterOptions<State>, now: () => Micros) {
    this.#algorithm = options.algorithm;
    this.#now = now;
    this.#table = new ClientTable(options.clientsMax ?? CLIENTS_MAX, ({ algorithm, state }, at) =>
      algorithm.isFresh(algorithm.at(state, at)),
    );
    const entry = (algorithm: Algorithm<State>): Entry<State> => ({ algorithm, state: algorithm.fresh(now()) });
    for (const [client, algorithm] of options.overrides ?? []) this.#overrides.set(client, entry(algorithm));
    this.#crowd = entry(options.algorithm);
  }

  /** Clients that are remembered. */
  get size(): number {
    return this.#table.size;
  }

  take(client: string, weight: number): Decision {
    const now = this.#now();
    const entry = this.#overrides.get(client) ?? this.#entry(client, now);
    const { algorithm } = entry;
    const state = algorithm.at(entry.state, now);
    const spent = algorithm.spend(state, weight);
    entry.state = spent ?? state;
    return algorithm.decision(entry.state, weight, spent !== null);
  }

  async stop(): Promise<void> {}

  #entry(name: string, now: Micros): Entry<State> {
    const known = this.#table.get(name);
    if (known !== undefined) return known;
    if (!this.#table.makeRoom(now)) return this.#crowd;
    const entry = { algorithm: this.#algorithm, state: this.#algorithm.at(this.#crowd.state, now) };
    this.#table.set(name, entry);
    return entry;
  }
}
