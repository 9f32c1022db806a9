import type { Address, Hash } from '../../../src/types/primitives.ts';
import { VOTES_PER_BLOCK_MAX } from '../../../src/types/block.ts';
import type { BlockWeights } from '../block-weights.ts';
import { withVotes, type FfgState } from '../ffg.ts';
import type { VotePool } from '../vote-pool.ts';
import type { SlotBlock, SlotTreeBlock } from './branch.ts';
import { ghostHead } from './lmd-ghost.ts';

/**
 * Whether a leaf shows the justification, or its next block will with the votes that are here. Otherwise whoever is the first to carry the
 * votes that justify, on whatever old parent, would make all newer blocks unviable.
 */
function shows(epoch: number, ffg: FfgState, pool: VotePool): boolean {
  if (ffg.justified.epoch >= epoch) return true;
  return withVotes(ffg, pool.select(ffg, VOTES_PER_BLOCK_MAX)).justified.epoch >= epoch;
}

/** The head of a tree: LMD-GHOST from the highest justified checkpoint that any of its branches shows. */
export function chooseHead(
  tree: BlockWeights<SlotBlock>,
  latest: ReadonlyMap<Address, Hash>,
  pool: VotePool,
): SlotTreeBlock {
  const blocks = [...tree.all()];
  const parents = new Set(blocks.map(({ parentHash }) => parentHash));
  let justified = tree.root.data.ffg.justified;
  for (const { data } of blocks) if (data.ffg.justified.epoch > justified.epoch) justified = data.ffg.justified;
  const start = tree.get(justified.hash) ?? tree.root;
  const head = ghostHead({
    justified: start.hash,
    blocks: blocks.map(({ hash, parentHash, data }) => ({
      hash,
      parentHash,
      slot: data.slots.slot,
      isViable: !parents.has(hash) && shows(justified.epoch, data.ffg, pool),
    })),
    latest,
    powers: new Map(start.data.active.map(({ address, power }) => [address, power])),
  });
  return tree.get(head) ?? start;
}
