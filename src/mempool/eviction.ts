import type { Address } from '../types/primitives.ts';
import type { Contents } from './contents.ts';
import { Heap } from './heap.ts';
import { effectiveTip } from './order.ts';
import type { PoolEntry } from './pool-entry.ts';
import type { SenderQueue } from './sender-queue.ts';

/** What a place in the pool is worth: executable before queued, then the tip. */
export type Rank = { readonly executable: boolean; readonly tip: bigint };

type Candidate = Rank & { readonly queue: SenderQueue; readonly stamp: number; readonly entry: PoolEntry };

/** Marks that went stale are dropped when they come up; beyond this many for each sender the heap is built anew. */
const STALE_FACTOR = 4;
const STALE_SPARE = 1_024;

export function outranks(a: Rank, b: Rank): boolean {
  return a.executable === b.executable ? a.tip > b.tip : a.executable;
}

/**
 * Who leaves first when the pool is full: the cheapest among the last transactions of the senders, so that no nonce is torn out from
 * under another. A transaction counts as no dearer than the cheapest before it. Protected ones, and senders of which a submission is
 * under way, are never named. The order depends on the base fee: it is built when first needed after a change (one pass over
 * the senders) and kept up while the pool stays full.
 */
export class EvictionOrder {
  #heap: Heap<Candidate> | null = null;
  #baseFee = 0n;
  readonly #pinned = new Set<Address>();

  /** After a change to the queue. */
  touched(queue: SenderQueue, contents: Contents): void {
    const heap = this.#heap;
    if (heap === null) return;
    if (heap.size > STALE_SPARE + STALE_FACTOR * contents.size) {
      this.#heap = null;
      return;
    }
    const candidate = this.#candidate(queue);
    if (candidate !== null) heap.push(candidate);
  }

  /** After a change of the head, which touches much at once. */
  reset(): void {
    this.#heap = null;
  }

  /** Spares the sender while a submission of it is being decided. */
  pin(sender: Address): void {
    this.#pinned.add(sender);
  }

  unpin(sender: Address, contents: Contents): void {
    this.#pinned.delete(sender);
    const queue = contents.queue(sender);
    if (queue !== undefined) this.touched(queue, contents);
  }

  /** The next to go and its rank; null when nobody may be evicted. */
  cheapest(contents: Contents, baseFee: bigint): (Rank & { readonly entry: PoolEntry }) | null {
    if (this.#heap === null || this.#baseFee !== baseFee) this.#build(contents, baseFee);
    const heap = this.#heap as unknown as Heap<Candidate>;
    for (;;) {
      const top = heap.peek();
      if (top === undefined) return null;
      const { queue } = top;
      if (top.stamp === queue.stamp && queue.tail === top.entry && !this.#pinned.has(queue.sender)) return top;
      heap.pop();
    }
  }

  #build(contents: Contents, baseFee: bigint): void {
    this.#baseFee = baseFee;
    const candidates: Candidate[] = [];
    for (const queue of contents.queues()) {
      const candidate = this.#candidate(queue);
      if (candidate !== null) candidates.push(candidate);
    }
    this.#heap = new Heap(candidates, leavesBefore);
  }

  #candidate(queue: SenderQueue): Candidate | null {
    const entry = queue.tail;
    if (entry === undefined || entry.isProtected) return null;
    const rank = rankOf(entry, queue, this.#baseFee);
    return { ...rank, queue, stamp: queue.stamp, entry };
  }
}

export function rankOf(entry: PoolEntry, queue: SenderQueue, baseFee: bigint): Rank {
  const executable = queue.executable(entry.transaction.nonce) === entry;
  if (!executable) return { executable, tip: effectiveTip(entry.transaction, baseFee) };
  const chain = { maxPriorityFeePerGas: entry.chainTip, maxFeePerGas: entry.chainFeeCap };
  return { executable, tip: effectiveTip(chain, baseFee) };
}

function leavesBefore(a: Candidate, b: Candidate): boolean {
  if (a.executable !== b.executable || a.tip !== b.tip) return outranks(b, a);
  return a.entry.arrival.sequence > b.entry.arrival.sequence;
}
