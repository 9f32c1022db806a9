import type { Header } from '../types/block.ts';
import type { Hash } from '../types/primitives.ts';
import { assert } from '../util/assert.ts';
import type { BlockNode } from './block-node.ts';

/** How the canonical chain changed. */
export type HeadChange = {
  /** Newly canonical, ascending. */
  readonly added: readonly BlockNode[];
  /** No longer canonical, descending; empty without a reorg. */
  readonly removed: readonly BlockNode[];
};

export type FinalityPlan = {
  /** From the child of the root to the block that becomes the root. */
  readonly path: readonly BlockNode[];
  /** Everything that does not descend from the new root, the path left out. */
  readonly dead: readonly BlockNode[];
};

/**
 * Blocks in memory: the finalized one (the root) and all that descend from it. The path from the root to the head is the
 * canonical chain and indexed by height, so that questions about it, the usual ones, need no walk.
 */
export class BlockTree {
  readonly #nodes = new Map<Hash, BlockNode>();
  readonly #canonical = new Map<number, BlockNode>();
  #root: BlockNode;
  #head: BlockNode;

  constructor(root: BlockNode) {
    assert(root.parent === null, 'the root of the tree has no parent');
    this.#root = root;
    this.#head = root;
    this.#nodes.set(root.hash, root);
    this.#canonical.set(root.number, root);
  }

  get root(): BlockNode {
    return this.#root;
  }

  get head(): BlockNode {
    return this.#head;
  }

  get size(): number {
    return this.#nodes.size;
  }

  get(hash: Hash): BlockNode | undefined {
    return this.#nodes.get(hash);
  }

  header(hash: Hash): Header | undefined {
    return this.#nodes.get(hash)?.header;
  }

  /** On the canonical chain, from the root to the head. */
  canonicalAt(number: number): BlockNode | undefined {
    return this.#canonical.get(number);
  }

  isCanonical(node: BlockNode): boolean {
    return this.#canonical.get(node.number) === node;
  }

  add(node: BlockNode): void {
    const parent = this.#nodes.get(node.header.parentHash);
    assert(parent !== undefined && !this.#nodes.has(node.hash), 'a block enters the tree once, after its parent');
    node.parent = parent;
    parent.children.add(node);
    this.#nodes.set(node.hash, node);
  }

  /** A block is its own ancestor. False when either is not in the tree. */
  isAncestor(ancestor: Hash, descendant: Hash): boolean {
    const low = this.#nodes.get(ancestor);
    const high = this.#nodes.get(descendant);
    return low !== undefined && high !== undefined && this.ancestorAt(high, low.number) === low;
  }

  /** The ancestor at this height, the node itself among them; undefined below the root and above the node. */
  ancestorAt(node: BlockNode, number: number): BlockNode | undefined {
    let at: BlockNode | null = node;
    while (at !== null && at.number > number) {
      if (this.isCanonical(at)) return this.#canonical.get(number);
      at = at.parent;
    }
    return at !== null && at.number === number ? at : undefined;
  }

  pathBetween(from: BlockNode, to: BlockNode): HeadChange {
    const added: BlockNode[] = [];
    const removed: BlockNode[] = [];
    let down: BlockNode | null = from;
    let up: BlockNode | null = to;
    while (down !== up) {
      assert(down !== null && up !== null, 'blocks of one tree have a common ancestor');
      if (down.number >= up.number) {
        removed.push(down);
        down = down.parent;
      } else {
        added.push(up);
        up = up.parent;
      }
    }
    return { added: added.reverse(), removed };
  }

  moveHead(head: BlockNode): HeadChange {
    const change = this.pathBetween(this.#head, head);
    for (const node of change.removed) this.#canonical.delete(node.number);
    for (const node of change.added) this.#canonical.set(node.number, node);
    this.#head = head;
    return change;
  }

  /** What `reroot` would do. Nothing changes yet. */
  planFinality(node: BlockNode): FinalityPlan {
    const { added: path, removed } = this.pathBetween(this.#root, node);
    assert(removed.length === 0, 'what becomes final descends from the root');
    const dead: BlockNode[] = [];
    let below = this.#root;
    for (const step of path) {
      for (const child of below.children) if (child !== step) dead.push(child);
      below = step;
    }
    for (const lost of dead) dead.push(...lost.children);
    return { path, dead };
  }

  /** Makes the last block of the path the root and forgets what is below and beside it. The head must descend from it. */
  reroot(plan: FinalityPlan): void {
    const root = plan.path.at(-1);
    if (root === undefined) return;
    assert(this.ancestorAt(this.#head, root.number) === root, 'the head descends from the finalized block');
    for (const node of [this.#root, ...plan.path.slice(0, -1)]) {
      this.#nodes.delete(node.hash);
      this.#canonical.delete(node.number);
    }
    for (const node of plan.dead) this.#nodes.delete(node.hash);
    root.parent = null;
    this.#root = root;
  }
}
