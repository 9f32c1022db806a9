import type { Executed } from '../execution/execute-block.ts';
import type { Block, Header } from '../types/block.ts';
import type { Address, Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';

/** What is kept of a block's execution while it is in memory. */
export type BlockResult = Pick<Executed, 'state' | 'receipts' | 'consensus'> & {
  /** Coins that came to be less those that vanished, fees left out; not known of a block that was final at the start. */
  readonly mintedWei?: bigint;
};

export type BlockNodeFields = {
  readonly hash: Hash;
  readonly block: Block;
  readonly author: Address;
  readonly executed: BlockResult;
  /** A function where finding them costs something that nobody may ask for. */
  readonly transactions: readonly Transaction[] | (() => readonly Transaction[]);
};

/** A block of the tree: checked, executed, with its place among the others. Only the tree changes its links. */
export class BlockNode {
  readonly hash: Hash;
  readonly block: Block;
  readonly author: Address;
  readonly executed: BlockResult;
  /** null on the finalized block: what is below finality is not in memory. */
  parent: BlockNode | null = null;
  readonly children = new Set<BlockNode>();
  #transactions: readonly Transaction[] | (() => readonly Transaction[]);

  constructor(fields: BlockNodeFields) {
    this.hash = fields.hash;
    this.block = fields.block;
    this.author = fields.author;
    this.executed = fields.executed;
    this.#transactions = fields.transactions;
  }

  get header(): Header {
    return this.block.header;
  }

  get number(): number {
    return this.block.header.number;
  }

  /** In the order of the body. */
  get transactions(): readonly Transaction[] {
    if (typeof this.#transactions === 'function') this.#transactions = this.#transactions();
    return this.#transactions;
  }
}
