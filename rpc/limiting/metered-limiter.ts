import type { Counter, Gauge, Metrics } from '../../src/util/metrics.ts';
import type { Decision, RateLimiter } from './rate-limiter.ts';

export interface CountingLimiter extends RateLimiter {
  /** Clients that are remembered. */
  readonly size: number;
  /** Other nodes that were heard of late, where nodes tell each other. */
  readonly peers?: number;
}

const REPORT_INTERVAL_MS = 1000;

/** Counts what a limiter decides, and passes it on now and then, so that a call itself costs no metric. */
export class MeteredLimiter implements RateLimiter {
  readonly #limiter: CountingLimiter;
  readonly #scope: string;
  readonly #decisions: Counter;
  readonly #clients: Gauge;
  readonly #peers: Gauge | null;
  readonly #report: NodeJS.Timeout;
  #admitted = 0;
  #refused = 0;

  constructor(limiter: CountingLimiter, scope: string, metrics: Metrics) {
    this.#limiter = limiter;
    this.#scope = scope;
    this.#decisions = metrics.counter('parley_rpc_rate_limit_total', 'Messages by what the rate limiter said.', [
      'scope',
      'outcome',
    ]);
    this.#clients = metrics.gauge('parley_rpc_rate_limit_clients', 'Clients whose use is remembered on this node.');
    this.#peers =
      limiter.peers === undefined
        ? null
        : metrics.gauge('parley_rpc_rate_limit_peers', 'Other nodes that share the limits and were heard of late.');
    this.#report = setInterval(() => this.report(), REPORT_INTERVAL_MS);
    this.#report.unref();
  }

  take(client: string, weight: number): Decision | Promise<Decision> {
    const decision = this.#limiter.take(client, weight);
    if (!(decision instanceof Promise)) return this.#count(decision);
    return decision.then((late) => this.#count(late));
  }

  async stop(): Promise<void> {
    clearInterval(this.#report);
    this.report();
    await this.#limiter.stop();
  }

  report(): void {
    const scope = this.#scope;
    if (this.#admitted > 0) this.#decisions.add(this.#admitted, { scope, outcome: 'admitted' });
    if (this.#refused > 0) this.#decisions.add(this.#refused, { scope, outcome: 'refused' });
    this.#admitted = 0;
    this.#refused = 0;
    this.#clients.set(this.#limiter.size);
    this.#peers?.set(this.#limiter.peers ?? 0);
  }

  #count(decision: Decision): Decision {
    if (decision.admitted) this.#admitted++;
    else this.#refused++;
    return decision;
  }
}
