import type { Transaction } from '../types/transaction.ts';

/**
 * What a builder fills a block from: made by the pool for one build, best first, each sender's transactions by ascending nonce. It is
 * a view: taking from it removes nothing from the pool.
 */
export interface TransactionSource {
  /** null: nothing is left. */
  next(): Transaction | null;
  /** Leaves out whatever else there is of the sender of the transaction that `next` returned last. */
  skipSender(): void;
}
