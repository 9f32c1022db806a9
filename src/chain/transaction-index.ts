import type { TransactionLocation } from '../ports/stores.ts';
import type { Hash } from '../types/primitives.ts';
import type { BlockNode } from './block-node.ts';
import type { HeadChange } from './tree.ts';

/** Where the transactions of canonical blocks above finality are. Below, the store knows. */
export class TransactionIndex {
  readonly #locations = new Map<Hash, TransactionLocation>();

  get size(): number {
    return this.#locations.size;
  }

  get(hash: Hash): TransactionLocation | undefined {
    return this.#locations.get(hash);
  }

  headMoved(change: HeadChange): void {
    for (const node of change.removed) this.#drop(node);
    for (const node of change.added) {
      for (const [index, { hash }] of node.transactions.entries()) {
        this.#locations.set(hash, { blockHash: node.hash, index });
      }
    }
  }

  /** Their places are on disk now. */
  finalized(blocks: readonly BlockNode[]): void {
    for (const node of blocks) this.#drop(node);
  }

  #drop(node: BlockNode): void {
    for (const { hash } of node.transactions) {
      if (this.#locations.get(hash)?.blockHash === node.hash) this.#locations.delete(hash);
    }
  }
}
