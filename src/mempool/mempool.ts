import type { TransactionSource } from '../execution/transaction-source.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Transaction, TransactionOrigin } from '../types/transaction.ts';
import { errorText } from '../util/errors.ts';
import { Admission } from './admission.ts';
import type { Admitted, SubmissionOrigin } from './admission.ts';
import { HeadFollower } from './head-follower.ts';
import type { HeadChange } from './head-follower.ts';
import type { MempoolOptions } from './limits.ts';
import { BestFirst } from './order.ts';
import { PoolCore } from './pool-core.ts';
import type { MempoolModules } from './pool-core.ts';
import type { PoolEntry } from './pool-entry.ts';
import { refusalError } from './refusal.ts';
import { checkStateless } from './validate.ts';

export type PoolListings = {
  readonly pending: ReadonlyMap<Address, readonly Transaction[]>;
  readonly queued: ReadonlyMap<Address, readonly Transaction[]>;
};

/**
 * Transactions that wait for a block, by sender and nonce. Pending are those that can run one after the other from the head's state,
 * queued those that wait for a nonce or for coins. The state behind `modules.state` must be that of the new head when
 * `onHead` is called. A transaction that `add(tx, 'local')` has answered leaves only mined, replaced by its sender or passed by its
 * nonce; see README.md for the whole list.
 */
export class Mempool {
  readonly #core: PoolCore;
  readonly #admission: Admission;
  readonly #follower: HeadFollower;
  /** Where the next sample of hashes begins. */
  #sampleFrom = 0;

  constructor(options: MempoolOptions, modules: MempoolModules) {
    this.#core = new PoolCore(options, modules);
    this.#admission = new Admission(this.#core);
    this.#follower = new HeadFollower(this.#core, this.#admission);
  }

  /** Takes back what the journal kept. Once, when the head is known and before anything is submitted. */
  async start(): Promise<void> {
    const { journal, modules } = this.#core;
    const unreadable: Hash[] = [];
    let restored = 0;
    for await (const record of journal.load()) {
      const tx = this.#readRecord(record.hash, record.raw);
      if (tx === null) unreadable.push(record.hash);
      else if (await this.#restore(tx)) restored += 1;
    }
    journal.discard(unreadable);
    this.#core.settleHead();
    if (restored > 0) modules.log.info('transactions taken back from the journal', { restored });
  }

  /** Refuses submissions from now on; resolves when those under way are answered. */
  close(): Promise<void> {
    return this.#admission.close();
  }

  /**
   * Resolves when the transaction is in the pool and, if local, in the journal. Throws ParleyError with a POOL_* code (src/node/api.ts),
   * POOL_JOURNAL_FAILED or POOL_STOPPED.
   */
  async add(
    tx: Transaction,
    origin: SubmissionOrigin,
  ): Promise<{ readonly hash: Hash; readonly replaced: Hash | null }> {
    const { hash, replaced, refusal } = await this.#admission.admit(tx, origin);
    if (refusal !== null) throw refusalError(refusal);
    return { hash, replaced };
  }

  /** As `add` for each, in the order given; refusals are answers here, in the same order. */
  addMany(transactions: readonly Transaction[], origin: SubmissionOrigin): Promise<readonly Admitted[]> {
    return Promise.all(transactions.map((tx) => this.#admission.admit(tx, origin)));
  }

  /** The chain's head changed. Resolves when the pool has followed; with a synchronous state it has when this returns. */
  onHead(change: HeadChange): Promise<void> {
    return this.#follower.onHead(change);
  }

  /** Blocks up to `number` are final, `mined` are the hashes in the newly final ones: the journal need not keep them. */
  onFinalized(number: number, mined: readonly Hash[]): void {
    this.#core.journal.finalized(number, mined);
  }

  /** Best first, for one build on the current head. */
  source(baseFee: bigint = this.#core.modules.state.nextBaseFee()): TransactionSource {
    return new BestFirst(this.#core.contents, baseFee);
  }

  get(hash: Hash): Transaction | null {
    return this.#core.contents.get(hash)?.transaction ?? null;
  }

  has(hash: Hash): boolean {
    return this.#core.contents.get(hash) !== undefined;
  }

  /** The first nonce that is neither used nor taken; null when nothing of this sender waits (then it is the account's nonce). */
  pendingNonce(address: Address): number | null {
    return this.#core.contents.queue(address)?.nextNonce ?? null;
  }

  content(): PoolListings {
    const pending = new Map<Address, readonly Transaction[]>();
    const queued = new Map<Address, readonly Transaction[]>();
    for (const queue of this.#core.contents.queues()) {
      const listing = queue.listing();
      if (listing.pending.length > 0) pending.set(queue.sender, listing.pending);
      if (listing.queued.length > 0) queued.set(queue.sender, listing.queued);
    }
    return { pending, queued };
  }

  status(): { readonly pending: number; readonly queued: number; readonly bytes: number } {
    const { executable, queued, bytes } = this.#core.contents;
    return { pending: executable, queued, bytes };
  }

  /** Transactions that a block with this base fee could hold. */
  pendingCount(baseFee: bigint = this.#core.modules.state.nextBaseFee()): number {
    return this.#core.executableAt(baseFee);
  }

  /** Hears of each transaction once, when it becomes executable. Returns the unsubscriber. */
  onPending(listener: (transaction: Transaction, origin: TransactionOrigin) => void): () => void {
    return this.#core.events.on('pending', (event) => listener(event.transaction, event.origin));
  }

  /** Hears that a block could be filled: when the pool goes from nothing executable to something, and after each head while so. */
  onDemand(listener: (pendingCount: number) => void): () => void {
    return this.#core.events.on('demand', listener);
  }

  /** Hashes of executable transactions for the exchange with a peer; successive calls go round through all. */
  hashes(limit: number): Hash[] {
    const sample: Hash[] = [];
    const before: Hash[] = [];
    let index = 0;
    for (const entry of this.#core.contents.entries()) {
      if (!this.#isExecutable(entry)) continue;
      const target = index >= this.#sampleFrom ? sample : before;
      if (target.length < limit) target.push(entry.transaction.hash);
      index += 1;
    }
    const rest = limit - sample.length;
    this.#sampleFrom = index === 0 ? 0 : (this.#sampleFrom + limit) % index;
    return rest > 0 ? [...sample, ...before.slice(0, rest)] : sample;
  }

  /** Protected executable transactions that no block has taken for so many blocks since they were last sent out, oldest first. */
  localRebroadcast(ageBlocks: number, limit: number): Transaction[] {
    const head = this.#core.modules.state.headNumber();
    const due: Transaction[] = [];
    for (const entry of this.#core.contents.entries()) {
      if (due.length >= limit) break;
      if (!entry.isProtected || head - entry.castBlock < ageBlocks || !this.#isExecutable(entry)) continue;
      entry.castBlock = head;
      due.push(entry.transaction);
    }
    return due;
  }

  #isExecutable(entry: PoolEntry): boolean {
    const { sender, nonce } = entry.transaction;
    return this.#core.contents.queue(sender)?.executable(nonce) === entry;
  }

  #readRecord(hash: Hash, raw: Bytes): Transaction | null {
    const { log, resolve } = this.#core.modules;
    try {
      const tx = resolve(raw);
      if (tx.hash === hash) return tx;
      log.warn('a journal record is not what its key says', { hash, found: tx.hash });
    } catch (error) {
      log.warn('a journal record is unreadable', { hash, reason: errorText(error) });
    }
    return null;
  }

  /** False: no longer of use. One that is mined but not final stays in the journal until it is. */
  async #restore(tx: Transaction): Promise<boolean> {
    const { journal, modules, rules } = this.#core;
    journal.remember(tx.hash);
    const stateless = checkStateless(tx, rules, null);
    const account = stateless === null ? await this.#admission.account(tx.sender) : null;
    const refusal = stateless ?? (account === null ? null : this.#admission.restore(tx, 'journal', account));
    if (refusal === null) return account !== null;
    const { hash, sender, nonce } = tx;
    if (refusal.code === 'POOL_NONCE_TOO_LOW') journal.settlePassed(tx, modules.state.headNumber());
    else journal.forget([hash]);
    modules.log.debug('journalled transaction is not taken back', { hash, sender, nonce, reason: refusal.code });
    return false;
  }
}
