import type { Registry } from 'prom-client';
import type { Counter, Gauge, Histogram, LabelValues, Metrics } from '../util/metrics.ts';

/**
 * Metrics in plain numbers, turned into Prometheus' text only when somebody asks: prom-client is loaded on the first
 * scrape, so that a node nobody watches pays neither its start-up time nor its memory.
 */
type Series = { readonly labels: LabelValues; value: number; count: number; buckets: number[] };
type Family = {
  readonly kind: 'counter' | 'gauge' | 'histogram';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  readonly bounds: readonly number[];
  readonly series: Map<string, Series>;
};

/** Label values come from our own code, but a mistake must not grow without end. */
const SERIES_PER_FAMILY_MAX = 256;

export class PrometheusMetrics implements Metrics {
  readonly #families = new Map<string, Family>();
  #registry: Registry | null = null;

  counter(name: string, help: string, labels: readonly string[] = []): Counter {
    const family = this.#family('counter', name, help, labels, []);
    return { add: (value = 1, at = {}) => void (seriesOf(family, at).value += value) };
  }

  gauge(name: string, help: string, labels: readonly string[] = []): Gauge {
    const family = this.#family('gauge', name, help, labels, []);
    return { set: (value, at = {}) => void (seriesOf(family, at).value = value) };
  }

  histogram(name: string, help: string, buckets: readonly number[], labels: readonly string[] = []): Histogram {
    const family = this.#family('histogram', name, help, labels, buckets);
    return {
      observe: (value, at = {}) => {
        const series = seriesOf(family, at);
        series.value += value;
        series.count++;
        const index = family.bounds.findIndex((bound) => value <= bound);
        if (index >= 0) series.buckets[index] = (series.buckets[index] ?? 0) + 1;
      },
    };
  }

  /** The exposition text, with Node's own process metrics. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    const { Registry: RegistryClass, collectDefaultMetrics } = await import('prom-client');
    if (this.#registry === null) {
      this.#registry = new RegistryClass();
      collectDefaultMetrics({ register: this.#registry });
    }
    const own = [...this.#families.values()].map(familyText).join('');
    return { contentType: this.#registry.contentType, body: own + (await this.#registry.metrics()) };
  }

  #family(
    kind: Family['kind'],
    name: string,
    help: string,
    labelNames: readonly string[],
    bounds: readonly number[],
  ): Family {
    const known = this.#families.get(name);
    if (known !== undefined) return known;
    const family: Family = { kind, name, help, labelNames, bounds, series: new Map() };
    this.#families.set(name, family);
    return family;
  }
}

function seriesOf(family: Family, labels: LabelValues): Series {
  const key = family.labelNames.map((name) => labels[name] ?? '').join('\u0000');
  let series = family.series.get(key);
  if (series === undefined) {
    series = { labels, value: 0, count: 0, buckets: [] };
    if (family.series.size < SERIES_PER_FAMILY_MAX) family.series.set(key, series);
  }
  return series;
}

function familyText(family: Family): string {
  const lines = [`# HELP ${family.name} ${family.help}`, `# TYPE ${family.name} ${family.kind}`];
  for (const series of family.series.values()) {
    if (family.kind !== 'histogram') {
      lines.push(`${family.name}${labelText(series.labels)} ${series.value}`);
      continue;
    }
    let total = 0;
    for (const [index, bound] of family.bounds.entries()) {
      total += series.buckets[index] ?? 0;
      lines.push(`${family.name}_bucket${labelText({ ...series.labels, le: String(bound) })} ${total}`);
    }
    lines.push(`${family.name}_bucket${labelText({ ...series.labels, le: '+Inf' })} ${series.count}`);
    lines.push(`${family.name}_sum${labelText(series.labels)} ${series.value}`);
    lines.push(`${family.name}_count${labelText(series.labels)} ${series.count}`);
  }
  return `${lines.join('\n')}\n`;
}

function labelText(labels: LabelValues): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
