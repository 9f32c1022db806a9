/**
 * Metrics port. Names are snake_case, start with `parley_` and end in their unit (`_total`, `_seconds`, `_bytes`).
 * `src/node/prometheus.ts` implements it over prom-client; tests use `noMetrics`.
 */
export interface Metrics {
  counter(name: string, help: string, labels?: readonly string[]): Counter;
  gauge(name: string, help: string, labels?: readonly string[]): Gauge;
  histogram(name: string, help: string, buckets: readonly number[], labels?: readonly string[]): Histogram;
}

export type LabelValues = { readonly [label: string]: string };
export interface Counter {
  add(value?: number, labels?: LabelValues): void;
}
export interface Gauge {
  set(value: number, labels?: LabelValues): void;
}
export interface Histogram {
  observe(value: number, labels?: LabelValues): void;
}

const nothing = { add: () => {}, set: () => {}, observe: () => {} };
export const noMetrics: Metrics = {
  counter: () => nothing,
  gauge: () => nothing,
  histogram: () => nothing,
};
