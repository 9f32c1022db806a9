import type { Millis } from '../types/primitives.ts';
import type { Transaction, TransactionOrigin } from '../types/transaction.ts';

/** Why a transaction is not in the pool any more; as written to the log. */
export type LeaveReason = 'mined' | 'replaced' | 'underpriced' | 'unaffordable' | 'nonce-too-low' | 'expired';

export type Arrival = {
  /** Ascending over the life of the pool: the older wins a tie. */
  readonly sequence: number;
  readonly atMs: Millis;
  readonly origin: TransactionOrigin;
};

/** A transaction in the pool, with what is computed once and what the pool remembers of it. */
export class PoolEntry {
  readonly transaction: Transaction;
  readonly arrival: Arrival;
  /** The most it can take from its sender, in wei. */
  readonly cost: bigint;
  /** Answered with a hash, or standing in for one that was: only its sender or its block may remove it. */
  isProtected: boolean;
  /** Head when it came, or was last broadcast again. */
  castBlock: number;
  announced = false;
  /** Lowest tip and fee cap from the sender's next nonce up to here: it earns no more than the cheapest before it. */
  chainTip: bigint;
  chainFeeCap: bigint;

  constructor(transaction: Transaction, arrival: Arrival, isProtected: boolean, castBlock: number) {
    this.transaction = transaction;
    this.arrival = arrival;
    this.cost = costOf(transaction);
    this.isProtected = isProtected;
    this.castBlock = castBlock;
    this.chainTip = transaction.maxPriorityFeePerGas;
    this.chainFeeCap = transaction.maxFeePerGas;
  }

  get sizeBytes(): number {
    return this.transaction.raw.length;
  }
}

export function costOf(transaction: Transaction): bigint {
  return BigInt(transaction.gasLimit) * transaction.maxFeePerGas + transaction.value;
}
