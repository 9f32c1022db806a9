import type { Address, Hash } from '../types/primitives.ts';
import type { PoolEntry } from './pool-entry.ts';
import { SenderQueue } from './sender-queue.ts';
import type { Funds } from './sender-queue.ts';

/**
 * What is in the pool, by hash and by sender, and the exact counts. Decides nothing: who may come in or must go is said by
 * Admission, HeadFollower and EvictionOrder. `onTouched` hears of every queue that changed.
 */
export class Contents {
  readonly #byHash = new Map<Hash, PoolEntry>();
  readonly #queues = new Map<Address, SenderQueue>();
  readonly #onTouched: (queue: SenderQueue) => void;
  readonly #stranded = new Set<Address>();
  #bytes = 0;
  #executable = 0;

  constructor(onTouched: (queue: SenderQueue) => void) {
    this.#onTouched = onTouched;
  }

  get size(): number {
    return this.#byHash.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Transactions that can run one after the other from the head's state, whatever the base fee. */
  get executable(): number {
    return this.#executable;
  }

  get queued(): number {
    return this.#byHash.size - this.#executable;
  }

  get(hash: Hash): PoolEntry | undefined {
    return this.#byHash.get(hash);
  }

  queue(sender: Address): SenderQueue | undefined {
    return this.#queues.get(sender);
  }

  entries(): IterableIterator<PoolEntry> {
    return this.#byHash.values();
  }

  queues(): IterableIterator<SenderQueue> {
    return this.#queues.values();
  }

  senders(): IterableIterator<Address> {
    return this.#queues.keys();
  }

  /** Senders whose balance does not reach over all their consecutive nonces, the longest so first. */
  get stranded(): ReadonlySet<Address> {
    return this.#stranded;
  }

  /** Returns what it replaces. `promoted` receives what became executable and was never announced, in nonce order. */
  put(entry: PoolEntry, funds: Funds, promoted: PoolEntry[]): PoolEntry | undefined {
    const { sender, hash } = entry.transaction;
    let queue = this.#queues.get(sender);
    if (queue === undefined) {
      queue = new SenderQueue(sender, funds);
      this.#queues.set(sender, queue);
    }
    const before = queue.executableCount;
    queue.setFunds(funds, promoted);
    const replaced = queue.put(entry, promoted);
    this.#executable += queue.executableCount - before;
    if (replaced !== undefined) this.#forget(replaced);
    this.#byHash.set(hash, entry);
    this.#bytes += entry.sizeBytes;
    this.#touched(queue);
    return replaced;
  }

  remove(entry: PoolEntry): void {
    const queue = this.#queues.get(entry.transaction.sender);
    if (queue === undefined || queue.get(entry.transaction.nonce) !== entry) return;
    const before = queue.executableCount;
    queue.remove(entry.transaction.nonce);
    this.#executable += queue.executableCount - before;
    this.#forget(entry);
    this.#touched(queue);
  }

  /** The account as a submission found it; nothing is removed. */
  setFunds(queue: SenderQueue, funds: Funds, promoted: PoolEntry[]): void {
    const before = queue.executableCount;
    queue.setFunds(funds, promoted);
    this.#executable += queue.executableCount - before;
  }

  /** The account as it is at the new head. Returns what its nonce has passed, already removed. */
  advance(queue: SenderQueue, funds: Funds, promoted: PoolEntry[]): PoolEntry[] {
    const before = queue.executableCount;
    const passed = queue.advance(funds, promoted);
    this.#executable += queue.executableCount - before;
    for (const entry of passed) this.#forget(entry);
    this.#touched(queue);
    return passed;
  }

  /** From now on only its sender or a block may remove it. */
  protect(entry: PoolEntry): void {
    entry.isProtected = true;
    const queue = this.#queues.get(entry.transaction.sender);
    if (queue !== undefined) this.#touched(queue);
  }

  #forget(entry: PoolEntry): void {
    this.#byHash.delete(entry.transaction.hash);
    this.#bytes -= entry.sizeBytes;
  }

  #touched(queue: SenderQueue): void {
    queue.stamp += 1;
    if (queue.stranded === undefined) this.#stranded.delete(queue.sender);
    else this.#stranded.add(queue.sender);
    if (queue.size === 0) this.#queues.delete(queue.sender);
    else this.#onTouched(queue);
  }
}
