import type { Address, Hash } from '../../../src/types/primitives.ts';
import type { BlockWeights } from '../block-weights.ts';
import type { SlotBlock, SlotTreeBlock } from './branch.ts';
import { ghostHead } from './lmd-ghost.ts';

/** The head of a tree: LMD-GHOST from the highest justified checkpoint that any of its branches shows. */
export function chooseHead(tree: BlockWeights<SlotBlock>, latest: ReadonlyMap<Address, Hash>): SlotTreeBlock {
  const blocks = [...tree.all()];
  let justified = tree.root.data.ffg.justified;
  for (const { data } of blocks) if (data.ffg.justified.epoch > justified.epoch) justified = data.ffg.justified;
  const start = tree.get(justified.hash) ?? tree.root;
  const head = ghostHead({
    justified: start.hash,
    blocks: blocks.map(({ hash, parentHash, data }) => ({
      hash,
      parentHash,
      slot: data.slots.slot,
      isViable: data.ffg.justified.epoch === justified.epoch,
    })),
    latest,
    powers: new Map(start.data.active.map(({ address, power }) => [address, power])),
  });
  return tree.get(head) ?? start;
}
