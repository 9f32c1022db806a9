import type { Hash } from '../../src/types/primitives.ts';
import { assert } from '../../src/util/assert.ts';

/** A block in the tree; `weight` is the sum over its branch since the tree began. */
export type WeightedBlock<T> = {
  readonly hash: Hash;
  readonly parentHash: Hash;
  readonly number: number;
  readonly weight: bigint;
  readonly data: T;
};

/**
 * The blocks from the last finalized one (the root) up, with the weight of every branch. `reroot` is what bounds it:
 * everything that does not descend from the new root goes.
 */
export class BlockWeights<T> {
  readonly #blocks = new Map<Hash, WeightedBlock<T>>();
  readonly #children = new Map<Hash, number>();
  #root: WeightedBlock<T>;

  constructor(root: { readonly hash: Hash; readonly parentHash: Hash; readonly number: number; readonly data: T }) {
    this.#root = { ...root, weight: 0n };
    this.#blocks.set(root.hash, this.#root);
  }

  get root(): WeightedBlock<T> {
    return this.#root;
  }

  get size(): number {
    return this.#blocks.size;
  }

  get(hash: Hash): WeightedBlock<T> | undefined {
    return this.#blocks.get(hash);
  }

  all(): Iterable<WeightedBlock<T>> {
    return this.#blocks.values();
  }

  /** The parent must be in the tree, the block must not. */
  add(block: {
    readonly hash: Hash;
    readonly parentHash: Hash;
    readonly number: number;
    readonly weight: bigint;
    readonly data: T;
  }): WeightedBlock<T> {
    const parent = this.#blocks.get(block.parentHash);
    assert(parent !== undefined && !this.#blocks.has(block.hash), 'a block enters the tree once, after its parent');
    const added = { ...block, weight: parent.weight + block.weight };
    this.#blocks.set(block.hash, added);
    this.#children.set(parent.hash, (this.#children.get(parent.hash) ?? 0) + 1);
    return added;
  }

  /** A block is its own ancestor. */
  isAncestor(ancestor: Hash, descendant: Hash): boolean {
    const low = this.#blocks.get(ancestor);
    let at = this.#blocks.get(descendant);
    if (low === undefined) return false;
    while (at !== undefined && at.number > low.number) at = this.#blocks.get(at.parentHash);
    return at === low;
  }

  /** The first leaf by `compare`; the root when it stands alone. The order must be total, or nodes disagree for ever. */
  best(compare: (a: WeightedBlock<T>, b: WeightedBlock<T>) => number): WeightedBlock<T> {
    let best: WeightedBlock<T> | null = null;
    for (const block of this.#blocks.values()) {
      if (this.#children.has(block.hash)) continue;
      if (best === null || compare(block, best) < 0) best = block;
    }
    return best ?? this.#root;
  }

  /** Makes a block of the tree its root and forgets everything that does not descend from it. */
  reroot(hash: Hash): void {
    const root = this.#blocks.get(hash);
    assert(root !== undefined, 'the new root is in the tree');
    // Parents were added before their children, so one pass in that order finds all descendants.
    const kept = new Set<Hash>([hash]);
    for (const block of this.#blocks.values()) if (kept.has(block.parentHash)) kept.add(block.hash);
    for (const block of this.#blocks.values()) {
      if (kept.has(block.hash)) continue;
      this.#blocks.delete(block.hash);
      this.#children.delete(block.hash);
    }
    this.#root = root;
  }
}

/** EIP-3436 without its third rule, which the last one makes unnecessary: most weight, lowest number, lowest hash. */
export function byWeight<T>(a: WeightedBlock<T>, b: WeightedBlock<T>): number {
  if (a.weight !== b.weight) return a.weight > b.weight ? -1 : 1;
  return a.number - b.number || (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0);
}
