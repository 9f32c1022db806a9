import type { TransactionSource } from '../execution/transaction-source.ts';
import type { Transaction } from '../types/transaction.ts';
import type { Contents } from './contents.ts';
import { Heap } from './heap.ts';
import type { PoolEntry } from './pool-entry.ts';
import type { SenderQueue } from './sender-queue.ts';

/** What a unit of gas brings the proposer, in wei; negative where the fee cap lies below the base fee. */
export function effectiveTip(
  fees: Pick<Transaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFee: bigint,
): bigint {
  const room = fees.maxFeePerGas - baseFee;
  return fees.maxPriorityFeePerGas < room ? fees.maxPriorityFeePerGas : room;
}

type SenderHead = {
  readonly queue: SenderQueue;
  readonly entry: PoolEntry;
  readonly tip: bigint;
  /** The tip rounded: comparing it first is cheaper, and rounding keeps the order. */
  readonly tipRounded: number;
};

/**
 * Best first for one build: a heap of each sender's next transaction by effective tip, ties by arrival. Entries are looked up when
 * they are asked for, so the pool may change meanwhile. A transaction whose fee cap lies below the base fee hides those behind it.
 */
export class BestFirst implements TransactionSource {
  readonly #baseFee: bigint;
  readonly #heads: Heap<SenderHead>;
  /** The top of the heap was handed out. */
  #taken = false;
  #skipped = false;

  constructor(contents: Contents, baseFee: bigint) {
    this.#baseFee = baseFee;
    const heads: SenderHead[] = [];
    for (const queue of contents.queues()) {
      const head = this.#head(queue, queue.nonce);
      if (head !== null) heads.push(head);
    }
    this.#heads = new Heap(heads, isBetter);
  }

  next(): Transaction | null {
    if (this.#taken) this.#advance();
    const top = this.#heads.peek();
    if (top === undefined) return null;
    this.#taken = true;
    return top.entry.transaction;
  }

  skipSender(): void {
    this.#skipped = this.#taken;
  }

  #advance(): void {
    const top = this.#heads.peek() as SenderHead;
    const following = this.#skipped ? null : this.#head(top.queue, top.entry.transaction.nonce + 1);
    if (following === null) this.#heads.pop();
    else this.#heads.replaceTop(following);
    this.#taken = false;
    this.#skipped = false;
  }

  #head(queue: SenderQueue, nonce: number): SenderHead | null {
    const entry = queue.executable(nonce);
    if (entry === undefined || entry.transaction.maxFeePerGas < this.#baseFee) return null;
    const tip = effectiveTip(entry.transaction, this.#baseFee);
    return { queue, entry, tip, tipRounded: Number(tip) };
  }
}

function isBetter(a: SenderHead, b: SenderHead): boolean {
  if (a.tipRounded !== b.tipRounded) return a.tipRounded > b.tipRounded;
  if (a.tip !== b.tip) return a.tip > b.tip;
  return a.entry.arrival.sequence < b.entry.arrival.sequence;
}
