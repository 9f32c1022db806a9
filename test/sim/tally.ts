import type { SimReport } from './simulate.ts';

/** Sums over the runs of one engine. */
export class Tally {
  readonly #engine: string;
  readonly #startedAt = performance.now();
  /** Runs in which each was violated. */
  readonly #codes = new Map<string, number>();
  #seeds = 0;
  #failed = 0;
  #events = 0;
  #simulatedMs = 0;
  #blocks = 0;
  #transfers = 0;
  #reorgs = 0;
  #contradictions = 0;
  #slowest: { readonly ms: number; readonly seed: number } = { ms: 0, seed: 0 };

  constructor(engine: string) {
    this.#engine = engine;
  }

  get seeds(): number {
    return this.#seeds;
  }

  get failed(): number {
    return this.#failed;
  }

  add({ seed, violations, stats }: SimReport): void {
    this.#seeds++;
    this.#events += stats.events;
    this.#simulatedMs += stats.simulatedMs;
    this.#blocks += stats.finalNumber;
    this.#transfers += stats.transfers;
    this.#reorgs += stats.reorgs;
    this.#contradictions += stats.contradictions;
    if ((stats.recoveryMs ?? 0) > this.#slowest.ms) this.#slowest = { ms: stats.recoveryMs ?? 0, seed };
    if (violations.length > 0) this.#failed++;
    for (const code of new Set(violations.map((violation) => violation.code))) {
      this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
    }
  }

  lines(from: number): readonly string[] {
    const seconds = Math.round((performance.now() - this.#startedAt) / 1_000);
    const minutes = Math.round(this.#simulatedMs / 60_000);
    const codes = [...this.#codes].map(([code, count]) => `${code} in ${count}`);
    return [
      `${this.#engine}: ${this.#seeds} seeds from ${from}: ${this.#failed} failed`,
      `  ${minutes} simulated minutes in ${seconds} s: ${this.#events} events, ${this.#blocks} blocks final, ${this.#transfers} transfers, ${this.#reorgs} reorgs, ${this.#contradictions} contradictions of adversaries`,
      `  slowest recovery ${this.#slowest.ms} ms (seed ${this.#slowest.seed})`,
      ...(codes.length === 0 ? [] : [`  violated: ${codes.join(', ')}`]),
    ];
  }
}
