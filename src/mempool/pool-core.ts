import type { Clock } from '../ports/clock.ts';
import type { JournalStore } from '../ports/stores.ts';
import type { Account } from '../types/account.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import type { Transaction, TransactionOrigin } from '../types/transaction.ts';
import { Emitter } from '../util/emitter.ts';
import { errorText } from '../util/errors.ts';
import type { KeyedLock } from '../util/keyed-lock.ts';
import type { Log } from '../util/log.ts';
import type { Counter, Gauge, Metrics } from '../util/metrics.ts';
import { Contents } from './contents.ts';
import { EvictionOrder, outranks } from './eviction.ts';
import type { Rank } from './eviction.ts';
import { MEMPOOL_LIMITS } from './limits.ts';
import type { MempoolLimits, MempoolOptions } from './limits.ts';
import { effectiveTip } from './order.ts';
import { PoolEntry } from './pool-entry.ts';
import type { LeaveReason } from './pool-entry.ts';
import { PoolJournal } from './pool-journal.ts';
import { refuse, refuseFigures } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import type { Funds, SenderQueue } from './sender-queue.ts';
import type { StatelessRules } from './validate.ts';

/** The chain's head as the pool sees it. An unknown account is EMPTY_ACCOUNT. */
export interface MempoolState {
  account(address: Address): Account | Promise<Account>;
  /** Base fee of the block that would follow the head. */
  nextBaseFee(): bigint;
  headNumber(): number;
}

export type MempoolModules = {
  readonly state: MempoolState;
  /** null: what is answered with a hash does not outlive the process. */
  readonly journal: JournalStore | null;
  /** Keys are senders. */
  readonly lock: Pick<KeyedLock, 'acquire'>;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** The least gas limit such a transaction may have. */
  readonly intrinsicGas: (transaction: Transaction) => number;
  /** Decodes and recovers, for the journal; throws CodecError. */
  readonly resolve: (raw: Bytes) => Transaction;
};

export type PendingEvent = { readonly transaction: Transaction; readonly origin: TransactionOrigin };
type PoolEvents = { readonly pending: PendingEvent; readonly demand: number };

/** What admission and the head's follower share: the contents, the way in and the way out of them, and who is told. */
export class PoolCore {
  readonly limits: MempoolLimits;
  readonly rules: StatelessRules;
  readonly modules: MempoolModules;
  readonly contents: Contents;
  readonly journal: PoolJournal;
  readonly events: Emitter<PoolEvents>;
  readonly #eviction = new EvictionOrder();
  readonly #left: Counter;
  readonly #sizeGauge: Gauge;
  readonly #bytesGauge: Gauge;
  #sequence = 0;
  /** Places promised to submissions that wait for the journal. */
  #reservedCount = 0;
  #reservedBytes = 0;
  #wanted = false;
  /** Rises whenever the head, or the pool because of it, changed: what was read or checked before is void. */
  epoch = 0;

  constructor(options: MempoolOptions, modules: MempoolModules) {
    const { chainId, blockGasLimit, ...limits } = options;
    this.limits = { ...MEMPOOL_LIMITS, ...limits };
    this.rules = { chainId, blockGasLimit, intrinsicGas: modules.intrinsicGas };
    this.modules = modules;
    this.contents = new Contents((queue) => this.#eviction.touched(queue, this.contents));
    this.journal = new PoolJournal(modules.journal, modules.log);
    this.events = new Emitter((error) =>
      modules.log.error('a listener of the pool failed', { reason: errorText(error) }),
    );
    const { metrics } = modules;
    this.#left = metrics.counter('parley_pool_left_total', 'Transactions that left the pool', ['reason']);
    this.#sizeGauge = metrics.gauge('parley_pool_transactions', 'Transactions in the pool', ['state']);
    this.#bytesGauge = metrics.gauge('parley_pool_bytes', 'Canonical bytes in the pool');
  }

  entry(tx: Transaction, origin: TransactionOrigin, isProtected: boolean): PoolEntry {
    const { clock, state } = this.modules;
    this.#sequence += 1;
    const arrival = { sequence: this.#sequence, atMs: clock.now(), origin };
    return new PoolEntry(tx, arrival, isProtected, state.headNumber());
  }

  /** The last step of every way in; all checks are done. */
  insert(entry: PoolEntry, funds: Funds): PoolEntry | undefined {
    const promoted: PoolEntry[] = [];
    const replaced = this.contents.put(entry, funds, promoted);
    this.journal.unsettle(entry.transaction.hash);
    if (replaced !== undefined) this.leave(replaced, 'replaced');
    this.announce(promoted);
    return replaced;
  }

  setFunds(queue: SenderQueue, funds: Funds): void {
    const promoted: PoolEntry[] = [];
    this.contents.setFunds(queue, funds, promoted);
    this.announce(promoted);
  }

  drop(entry: PoolEntry, reason: LeaveReason): void {
    this.contents.remove(entry);
    this.leave(entry, reason);
  }

  /** Bookkeeping for an entry that is out of the contents. */
  leave(entry: PoolEntry, reason: LeaveReason): void {
    const { hash, sender, nonce } = entry.transaction;
    const headNumber = this.modules.state.headNumber();
    if (reason === 'mined') this.journal.settleMined(hash, headNumber);
    else if (reason === 'nonce-too-low') this.journal.settlePassed(entry.transaction, headNumber);
    else this.journal.forget([hash]);
    this.#left.add(1, { reason });
    this.modules.log.debug('transaction left the pool', { hash, sender, nonce, reason });
  }

  announce(promoted: readonly PoolEntry[]): void {
    for (const entry of promoted) {
      const { sender, nonce } = entry.transaction;
      if (entry.announced || this.contents.queue(sender)?.executable(nonce) !== entry) continue;
      entry.announced = true;
      this.events.emit('pending', { transaction: entry.transaction, origin: entry.arrival.origin });
      if (!this.#wanted) this.#askForBlock(sender);
    }
  }

  /** After each head: asks for a block for as long as something can run. */
  renewDemand(): void {
    const count = this.executableAt(this.modules.state.nextBaseFee());
    this.#wanted = count > 0;
    if (this.#wanted) this.events.emit('demand', count);
  }

  /** Transactions that a block with this base fee could hold. */
  executableAt(baseFee: bigint): number {
    let count = 0;
    for (const queue of this.contents.queues()) {
      for (let nonce = queue.nonce; nonce < queue.executableEnd; nonce++) {
        const entry = queue.get(nonce);
        if (entry === undefined || entry.transaction.maxFeePerGas < baseFee) break;
        count += 1;
      }
    }
    return count;
  }

  /** Evicts until the newcomer fits, or says why it can not have the place. What it replaces is counted by the caller. */
  makeRoom(rank: Rank, count: number, sizeBytes: number): Refusal | null {
    const { contents, limits } = this;
    const baseFee = this.modules.state.nextBaseFee();
    for (;;) {
      const crowded = contents.size + this.#reservedCount + count > limits.totalMax;
      const heavy = contents.bytes + this.#reservedBytes + sizeBytes > limits.bytesMax;
      const idle = count > 0 && !rank.executable && contents.queued >= limits.queuedMax;
      if (!crowded && !heavy && !idle) return null;
      const victim = this.#eviction.cheapest(contents, baseFee);
      // Queued ones are named first, so an executable victim means that no queued one may go.
      if (victim === null || (victim.executable && !rank.executable)) return this.#full();
      if (!outranks(rank, victim)) {
        const words = 'transaction underpriced: the pool is full, priority fee too low';
        return refuseFigures('POOL_UNDERPRICED', words, rank.tip, victim.tip + 1n, 'at least ');
      }
      this.drop(victim.entry, 'underpriced');
    }
  }

  /** Holds a place that `makeRoom` has made. Returns how to give it back. */
  reserve(count: number, sizeBytes: number): () => void {
    this.#reservedCount += count;
    this.#reservedBytes += sizeBytes;
    return () => {
      this.#reservedCount -= count;
      this.#reservedBytes -= sizeBytes;
    };
  }

  /** What a place for this transaction would be worth. */
  rank(tx: Transaction, funds: Funds): Rank {
    const queue = this.contents.queue(tx.sender);
    const executable = tx.nonce <= (queue?.executableEnd ?? funds.nonce);
    const baseFee = this.modules.state.nextBaseFee();
    const own = effectiveTip(tx, baseFee);
    const previous = executable ? queue?.executable(tx.nonce - 1) : undefined;
    if (previous === undefined) return { executable, tip: own };
    const chain = { maxPriorityFeePerGas: previous.chainTip, maxFeePerGas: previous.chainFeeCap };
    const before = effectiveTip(chain, baseFee);
    return { executable, tip: before < own ? before : own };
  }

  pin(sender: Address): void {
    this.#eviction.pin(sender);
  }

  unpin(sender: Address): void {
    this.#eviction.unpin(sender, this.contents);
  }

  /** After a head change was applied. */
  settleHead(): void {
    this.#eviction.reset();
    this.epoch += 1;
    this.renewDemand();
    this.#sizeGauge.set(this.contents.executable, { state: 'pending' });
    this.#sizeGauge.set(this.contents.queued, { state: 'queued' });
    this.#bytesGauge.set(this.contents.bytes);
  }

  #askForBlock(sender: Address): void {
    const queue = this.contents.queue(sender);
    const first = queue?.executable(queue.nonce);
    if (first === undefined || first.transaction.maxFeePerGas < this.modules.state.nextBaseFee()) return;
    this.#wanted = true;
    this.events.emit('demand', this.contents.executable);
  }

  #full(): Refusal {
    const { size, bytes, queued } = this.contents;
    const { totalMax, bytesMax, queuedMax } = this.limits;
    const words = `txpool is full: ${size} of ${totalMax} transactions, ${queued} of ${queuedMax} queued, ${bytes} of ${bytesMax} bytes`;
    return refuse('POOL_FULL', `${words}; try again later`, { size, queued, bytes });
  }
}
