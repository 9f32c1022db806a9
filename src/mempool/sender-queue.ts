import type { Address } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import type { PoolEntry } from './pool-entry.ts';

/** What the pool knows of an account at the head. */
export type Funds = { readonly nonce: number; readonly balance: bigint };

/**
 * One sender's transactions by nonce. Executable are those from the account's nonce on, without a gap, for as long as the balance
 * pays for all of them together: the nonces [nonce, executableEnd). The rest is queued.
 */
export class SenderQueue {
  readonly sender: Address;
  readonly #entries = new Map<number, PoolEntry>();
  #nonce: number;
  #balance: bigint;
  #executableEnd: number;
  #executableCost = 0n;
  #nonceMax = -1;
  /** Changes with the content: tells a stale mark of the eviction order. */
  stamp = 0;

  constructor(sender: Address, funds: Funds) {
    this.sender = sender;
    this.#nonce = funds.nonce;
    this.#balance = funds.balance;
    this.#executableEnd = funds.nonce;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Of the account at the head. */
  get nonce(): number {
    return this.#nonce;
  }

  get executableEnd(): number {
    return this.#executableEnd;
  }

  get executableCount(): number {
    return this.#executableEnd - this.#nonce;
  }

  get executableCost(): bigint {
    return this.#executableCost;
  }

  /** First free nonce from the account's on. */
  get nextNonce(): number {
    let nonce = this.#executableEnd;
    while (this.#entries.has(nonce)) nonce += 1;
    return nonce;
  }

  /** The nonce is there, but the balance does not reach that far. */
  get stranded(): PoolEntry | undefined {
    return this.#entries.get(this.#executableEnd);
  }

  get(nonce: number): PoolEntry | undefined {
    return this.#entries.get(nonce);
  }

  executable(nonce: number): PoolEntry | undefined {
    return nonce >= this.#nonce && nonce < this.#executableEnd ? this.#entries.get(nonce) : undefined;
  }

  /** The highest nonce: nothing here depends on it. */
  get tail(): PoolEntry | undefined {
    return this.#entries.get(this.#nonceMax);
  }

  /** Those that can not run, in no order. */
  *waiting(): IterableIterator<PoolEntry> {
    for (const [nonce, entry] of this.#entries) if (nonce >= this.#executableEnd) yield entry;
  }

  /** Highest nonce of a protected transaction, or -1: what lies below it is needed and stays. */
  protectedMax(): number {
    let highest = -1;
    for (const [nonce, entry] of this.#entries) if (entry.isProtected && nonce > highest) highest = nonce;
    return highest;
  }

  /** Takes the place of what had this nonce; the caller has checked that it may. Newly executable ones go to `promoted`. */
  put(entry: PoolEntry, promoted: PoolEntry[]): PoolEntry | undefined {
    const nonce = entry.transaction.nonce;
    const replaced = this.#entries.get(nonce);
    this.#entries.set(nonce, entry);
    if (nonce > this.#nonceMax) this.#nonceMax = nonce;
    if (nonce === this.#executableEnd) this.#extend(promoted);
    else if (replaced !== undefined && nonce >= this.#nonce && nonce < this.#executableEnd) this.#recompute(promoted);
    return replaced;
  }

  remove(nonce: number): PoolEntry | undefined {
    const entry = this.#entries.get(nonce);
    if (entry === undefined) return undefined;
    this.#entries.delete(nonce);
    if (nonce === this.#nonceMax) this.#lowerMax();
    if (nonce >= this.#nonce && nonce < this.#executableEnd) {
      if (nonce === this.#executableEnd - 1) {
        this.#executableEnd = nonce;
        this.#executableCost -= entry.cost;
      } else this.#recompute([]);
    }
    return entry;
  }

  /** The head moved: takes over the account's state, removes and returns what its nonce has passed. */
  advance(funds: Funds, promoted: PoolEntry[]): PoolEntry[] {
    const passed: PoolEntry[] = [];
    for (const [nonce, entry] of this.#entries) if (nonce < funds.nonce) passed.push(entry);
    for (const entry of passed) this.#entries.delete(entry.transaction.nonce);
    if (this.#entries.size === 0) this.#nonceMax = -1;
    this.#nonce = funds.nonce;
    this.#balance = funds.balance;
    this.#recompute(promoted);
    return passed;
  }

  /** As `advance`, but what the nonce has passed waits for the head change that says why. */
  setFunds(funds: Funds, promoted: PoolEntry[]): void {
    if (funds.nonce === this.#nonce && funds.balance === this.#balance) return;
    this.#nonce = funds.nonce;
    this.#balance = funds.balance;
    this.#recompute(promoted);
  }

  /** By ascending nonce. */
  listing(): { readonly pending: Transaction[]; readonly queued: Transaction[] } {
    const pending: Transaction[] = [];
    for (let nonce = this.#nonce; nonce < this.#executableEnd; nonce++) {
      const entry = this.#entries.get(nonce);
      if (entry !== undefined) pending.push(entry.transaction);
    }
    const queued = [...this.waiting()].map((entry) => entry.transaction);
    return { pending, queued: queued.sort((a, b) => a.nonce - b.nonce) };
  }

  #recompute(promoted: PoolEntry[]): void {
    this.#executableEnd = this.#nonce;
    this.#executableCost = 0n;
    this.#extend(promoted);
  }

  #extend(promoted: PoolEntry[]): void {
    let previous = this.executable(this.#executableEnd - 1);
    for (;;) {
      const entry = this.#entries.get(this.#executableEnd);
      if (entry === undefined) return;
      const total = this.#executableCost + entry.cost;
      if (total > this.#balance) return;
      const { maxPriorityFeePerGas: tip, maxFeePerGas: feeCap } = entry.transaction;
      entry.chainTip = previous !== undefined && previous.chainTip < tip ? previous.chainTip : tip;
      entry.chainFeeCap = previous !== undefined && previous.chainFeeCap < feeCap ? previous.chainFeeCap : feeCap;
      this.#executableCost = total;
      this.#executableEnd += 1;
      if (!entry.announced) promoted.push(entry);
      previous = entry;
    }
  }

  #lowerMax(): void {
    if (this.#entries.size === 0) {
      this.#nonceMax = -1;
      return;
    }
    // Neighbours are at most nonceGapMax apart, unless a reorg took the account's nonce back.
    let steps = 0;
    do {
      this.#nonceMax -= 1;
      steps += 1;
    } while (steps <= this.#entries.size + GAP_STEPS_MAX && !this.#entries.has(this.#nonceMax));
    if (!this.#entries.has(this.#nonceMax)) this.#nonceMax = Math.max(...this.#entries.keys());
  }
}

const GAP_STEPS_MAX = 2_048;
