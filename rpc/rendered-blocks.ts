import { LRUCache } from 'lru-cache';
import type { BlockView } from '../src/node/api.ts';
import type { Counter, Gauge, Metrics } from '../src/util/metrics.ts';
import { formatBlock } from './format.ts';
import { RenderedLogs } from './rendered-logs.ts';
import { RenderedReceipts } from './rendered-receipts.ts';

/** Which of a block's texts: with the hashes of its transactions, with all of them, its receipts, its logs. */
type Part = 'hashes' | 'full' | 'receipts' | 'logs';
type Rendered = string | RenderedReceipts | RenderedLogs;

/** Of the key and of the places in the cache's lists. */
const ENTRY_BYTES = 300;

/**
 * JSON text of blocks, made once and kept by the block's hash while there is room; least recently used first out. What a hash
 * stands for never changes, so a reorg makes nothing wrong, and nothing that a reorg changes is kept: whether logs are `removed`
 * is told when they are asked for, and a pending block has no place here.
 */
export class RenderedBlocks {
  readonly #kept: LRUCache<string, Rendered> | null;
  #hits = 0;
  #misses = 0;

  /** `sizeBytesMax`: of all that is kept; 0 keeps nothing, and what is larger by itself is not kept. */
  constructor(sizeBytesMax: number) {
    this.#kept =
      sizeBytesMax === 0
        ? null
        : new LRUCache<string, Rendered>({
            maxSize: sizeBytesMax,
            sizeCalculation: (rendered) =>
              ENTRY_BYTES + (typeof rendered === 'string' ? rendered.length : rendered.sizeBytes),
          });
  }

  /** At most, of all that is kept. */
  get sizeBytes(): number {
    return this.#kept?.calculatedSize ?? 0;
  }

  /** `full`: with the transactions rather than their hashes. */
  block(view: BlockView, full: boolean): string {
    const part = full ? 'full' : 'hashes';
    const known = this.#find<string>(part, view);
    if (known !== undefined) return known;
    return this.#keep(part, view, JSON.stringify(formatBlock(view, full)), view.transactions().length);
  }

  receipts(view: BlockView): RenderedReceipts {
    const known = this.#find<RenderedReceipts>('receipts', view);
    if (known !== undefined) return known;
    const receipts = new RenderedReceipts(view.receipts());
    return this.#keep('receipts', view, receipts, receipts.count);
  }

  logs(view: BlockView): RenderedLogs {
    const known = this.#find<RenderedLogs>('logs', view);
    if (known !== undefined) return known;
    const logs = new RenderedLogs(view.receipts());
    return this.#keep('logs', view, logs, logs.receipts);
  }

  /** Adds what was counted since the last time. */
  report({ lookups, sizeBytes }: RenderedMetrics): void {
    if (this.#hits > 0) lookups.add(this.#hits, { outcome: 'hit' });
    if (this.#misses > 0) lookups.add(this.#misses, { outcome: 'miss' });
    this.#hits = this.#misses = 0;
    sizeBytes.set(this.sizeBytes);
  }

  /** `T` is what the part is kept as. */
  #find<T extends Rendered>(part: Part, view: BlockView): T | undefined {
    const known = this.#kept?.get(`${part} ${view.hash}`);
    if (known === undefined) this.#misses++;
    else this.#hits++;
    return known as T | undefined;
  }

  /** `count`: of the transactions or receipts in it. A block that was not executed here yet has none, which will change. */
  #keep<T extends Rendered>(part: Part, view: BlockView, rendered: T, count: number): T {
    if (count === view.block.body.transactions.length) this.#kept?.set(`${part} ${view.hash}`, rendered);
    return rendered;
  }
}

export type RenderedMetrics = { readonly lookups: Counter; readonly sizeBytes: Gauge };

export function renderedMetrics(metrics: Metrics): RenderedMetrics {
  return {
    lookups: metrics.counter('parley_rpc_rendered_total', 'Looks for the JSON of a block, by outcome.', ['outcome']),
    sizeBytes: metrics.gauge('parley_rpc_rendered_bytes', 'Size of the JSON of blocks that is kept.'),
  };
}
