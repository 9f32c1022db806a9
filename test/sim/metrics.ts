import type { Metrics } from '../../src/util/metrics.ts';

const nothing = { add: () => {}, set: () => {}, observe: () => {} };

/** Remembers gauges, for the checkers. */
export class SimMetrics implements Metrics {
  readonly #gauges = new Map<string, number>();

  value(name: string): number {
    return this.#gauges.get(name) ?? 0;
  }

  counter(): typeof nothing {
    return nothing;
  }

  gauge(name: string): { set: (value: number) => void } {
    return { set: (value) => void this.#gauges.set(name, value) };
  }

  histogram(): typeof nothing {
    return nothing;
  }
}
