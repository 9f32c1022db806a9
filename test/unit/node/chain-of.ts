import { headerHash } from '../../../src/codec/block.ts';
import type { Block } from '../../../src/types/block.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Hash } from '../../../src/types/primitives.ts';

export type LinkedBlock = { readonly block: Block; readonly hash: Hash };

/** An empty block that only its place in the chain tells from others. */
function childOf(parentHash: Hash, number: number, mark: number): LinkedBlock {
  const header = {
    parentHash,
    beneficiary: ZERO_ADDRESS,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: `0x${'00'.repeat(256)}` as const,
    number,
    gasLimit: 1 + mark,
    gasUsed: 0,
    timeMs: number,
    baseFeePerGas: 1n,
    consensusRoot: ZERO_HASH,
    extra: new Uint8Array(0),
    seal: new Uint8Array(0),
  };
  return { block: { header, body: { transactions: [], evidence: [], votes: [] } }, hash: headerHash(header) };
}

/** `length` blocks on `parent`, the block of that `height`. Rows of different marks differ. */
export function chainOf(parent: Hash, length: number, mark = 0, height = 0): LinkedBlock[] {
  const blocks: LinkedBlock[] = [];
  for (let n = 1; n <= length; n++) blocks.push(childOf(blocks.at(-1)?.hash ?? parent, height + n, mark));
  return blocks;
}
