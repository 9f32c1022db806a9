import type { Counter, Gauge, Metrics } from '../util/metrics.ts';
import type { ImportOutcome } from './import.ts';

export type ChainFigures = {
  readonly head: number;
  readonly finalized: number;
  readonly treeBlocks: number;
  readonly orphans: number;
};

export class ChainMetrics {
  readonly #imports: Counter;
  readonly #reorgs: Counter;
  readonly #reorgedBlocks: Counter;
  readonly #head: Gauge;
  readonly #finalized: Gauge;
  readonly #treeBlocks: Gauge;
  readonly #orphans: Gauge;

  constructor(metrics: Metrics) {
    this.#imports = metrics.counter('parley_block_imports_total', 'Blocks offered for import, by outcome', ['outcome']);
    this.#reorgs = metrics.counter('parley_reorgs_total', 'Changes of the head that dropped blocks');
    this.#reorgedBlocks = metrics.counter('parley_reorged_blocks_total', 'Blocks dropped by reorgs');
    this.#head = metrics.gauge('parley_head_number', 'Height of the head');
    this.#finalized = metrics.gauge('parley_finalized_number', 'Height of the last finalized block');
    this.#treeBlocks = metrics.gauge('parley_tree_blocks', 'Blocks in memory, from the finalized one up');
    this.#orphans = metrics.gauge('parley_orphan_blocks', 'Blocks that wait for their parent');
  }

  imported(outcome: ImportOutcome['kind']): void {
    this.#imports.add(1, { outcome });
  }

  reorged(blocks: number): void {
    this.#reorgs.add();
    this.#reorgedBlocks.add(blocks);
  }

  observe(figures: ChainFigures): void {
    this.#head.set(figures.head);
    this.#finalized.set(figures.finalized);
    this.#treeBlocks.set(figures.treeBlocks);
    this.#orphans.set(figures.orphans);
  }
}
