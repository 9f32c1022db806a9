import type { Address, Hash } from '../../../src/types/primitives.ts';

/**
 * Latest message driven GHOST (Sompolinsky & Zohar 2015; Buterin et al., "Combining GHOST and Casper", 2020, §4.2): from the justified block on,
 * into the child whose subtree the most stake stands behind, until there is no child. A validator stands behind what it took for the head last.
 * Branches without a viable leaf do not count (ibid. §4.6): those that do not show the justification from which everybody starts.
 *
 * Of two children alike the one of the earlier slot is taken, then the lower hash. It must be a rule that is the same for all, or two halves would each stand by
 * their own for ever. A block that comes late on an older parent gains nothing by it; one that was held back may, where nobody attested meanwhile.
 */
export type GhostBlock = {
  readonly hash: Hash;
  readonly parentHash: Hash;
  readonly slot: number;
  /** Whether its own branch shows the justification that counts; asked of leaves only. */
  readonly isViable: boolean;
};

export type GhostView = {
  readonly justified: Hash;
  /** Parents before children. */
  readonly blocks: readonly GhostBlock[];
  /** What each validator took for the head last; blocks that are not here are passed over. */
  readonly latest: ReadonlyMap<Address, Hash>;
  readonly powers: ReadonlyMap<Address, bigint>;
};

type Node = { readonly block: GhostBlock; weight: bigint; readonly children: Node[]; isViable: boolean };

/** The head; the justified block itself where nothing viable descends from it. */
export function ghostHead(view: GhostView): Hash {
  const nodes = new Map<Hash, Node>();
  for (const block of view.blocks) {
    const node: Node = { block, weight: 0n, children: [], isViable: false };
    nodes.set(block.hash, node);
    nodes.get(block.parentHash)?.children.push(node);
  }
  for (const [validator, hash] of view.latest) {
    const node = nodes.get(hash);
    if (node !== undefined) node.weight += view.powers.get(validator) ?? 0n;
  }
  // Children come after their parents, so backwards every sum is complete before it is passed on.
  for (const { block } of [...nodes.values()].reverse()) {
    const node = nodes.get(block.hash);
    if (node === undefined) continue;
    node.isViable = node.children.length === 0 ? block.isViable : node.children.some((child) => child.isViable);
    const parent = nodes.get(block.parentHash);
    if (parent !== undefined) parent.weight += node.weight;
  }
  let at = nodes.get(view.justified);
  for (;;) {
    const best: Node | undefined = at?.children.filter((child) => child.isViable).sort(byWeight)[0];
    if (best === undefined) return at?.block.hash ?? view.justified;
    at = best;
  }
}

function byWeight(a: Node, b: Node): number {
  if (a.weight !== b.weight) return a.weight > b.weight ? -1 : 1;
  return a.block.slot - b.block.slot || (a.block.hash < b.block.hash ? -1 : 1);
}
