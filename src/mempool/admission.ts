import type { Account } from '../types/account.ts';
import type { Address, Hash } from '../types/primitives.ts';
import type { Transaction, TransactionOrigin } from '../types/transaction.ts';
import { errorCode, errorText } from '../util/errors.ts';
import type { Lease } from '../util/keyed-lock.ts';
import type { Counter } from '../util/metrics.ts';
import { ACCOUNT_READS_MAX } from './limits.ts';
import type { PoolCore } from './pool-core.ts';
import type { PoolEntry } from './pool-entry.ts';
import { refuse } from './refusal.ts';
import type { Refusal } from './refusal.ts';
import { checkState, checkStateless } from './validate.ts';

/** `replaced`: the transaction whose nonce it took over. */
export type Admitted = { readonly hash: Hash; readonly replaced: Hash | null; readonly refusal: Refusal | null };

/** What may be submitted; the other origins are the pool's own. */
export type SubmissionOrigin = Extract<TransactionOrigin, 'local' | 'gossip'>;

type AccountRead = Account | Promise<Account>;

/**
 * The way in for submissions and gossip. Between reading the sender's account and inserting lie awaits (the state may be slow, the
 * journal always is), so both happen under the sender's lock: whoever comes second sees what the first has done. The head is not
 * kept waiting by locks; a submission notices by the epoch that it changed, and checks again.
 */
export class Admission {
  readonly #core: PoolCore;
  readonly #refused: Counter;
  readonly #accepted: Counter;
  #underWay = 0;
  #isClosed = false;
  #onIdle: (() => void) | null = null;

  constructor(core: PoolCore) {
    this.#core = core;
    const { metrics } = core.modules;
    this.#refused = metrics.counter('parley_pool_refused_total', 'Transactions the pool refused', ['code']);
    this.#accepted = metrics.counter('parley_pool_accepted_total', 'Transactions the pool took', ['origin']);
  }

  /** Never rejects for what the transaction is: that is in `refusal`. */
  async admit(tx: Transaction, origin: SubmissionOrigin): Promise<Admitted> {
    const early = this.#beforeLock(tx, origin);
    if (early !== null) return this.#answer(tx, early);
    this.#underWay += 1;
    try {
      const taken = this.#core.modules.lock.acquire(tx.sender, { owner: tx.hash });
      const lease = taken instanceof Promise ? await taken : taken;
      return await this.#withLease(tx, origin, lease);
    } catch (error) {
      if (!errorCode(error).startsWith('LOCK_')) throw error;
      return this.#answer(tx, refuse('POOL_BUSY', `too many submissions of this sender: ${errorText(error)}`));
    } finally {
      this.#underWay -= 1;
      if (this.#underWay === 0) this.#onIdle?.();
    }
  }

  /** Refuses from now on; resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve));
  }

  /**
   * The way back for what a reorg dropped or the journal kept: no limits of sender and gap, and a protected one, or one that a
   * protected one waits for, comes in even where the pool is full or its sender can not pay at the moment. Synchronous, so no lock. Returns why it stays out.
   */
  restore(tx: Transaction, origin: 'reorg' | 'journal', account: Account): Refusal | null {
    const core = this.#core;
    if (core.contents.get(tx.hash) !== undefined) return null;
    const queue = core.contents.queue(tx.sender);
    const isHeir = queue?.get(tx.nonce)?.isProtected === true;
    const isProtected = isHeir || core.journal.has(tx.hash);
    if (queue !== undefined) core.setFunds(queue, account);
    const refusal = checkState(tx, { account, queue, limits: core.limits, origin });
    const isNeeded = isProtected || (queue !== undefined && queue.protectedMax() > tx.nonce);
    const waits = isNeeded && refusal?.code === 'POOL_INSUFFICIENT_FUNDS';
    if (refusal?.code === 'POOL_REPLACEMENT_UNDERPRICED' && core.journal.has(tx.hash)) this.#bequeath(tx);
    if (refusal !== null && !waits) return refusal;
    const room = this.#makeRoom(tx, account);
    if (room !== null && !isNeeded) return room;
    if (isHeir) core.journal.addLater(tx.hash, tx.raw);
    core.insert(core.entry(tx, origin, isProtected), account);
    core.epoch += 1;
    return null;
  }

  /** The account at a head that did not change while it was read; null when it never stood still. */
  async account(sender: Address, first: AccountRead = this.#read(sender)): Promise<Account | null> {
    let read = first;
    for (let reads = 0; reads < ACCOUNT_READS_MAX; reads++) {
      const epoch = this.#core.epoch;
      const account = read instanceof Promise ? await read : read;
      if (epoch === this.#core.epoch) return account;
      read = this.#read(sender);
    }
    return null;
  }

  /** The one that stands in for a promised transaction is kept like it. */
  #bequeath(tx: Transaction): void {
    const heir = this.#occupant(tx);
    if (heir === undefined || heir.isProtected) return;
    this.#core.contents.protect(heir);
    this.#core.journal.addLater(heir.transaction.hash, heir.transaction.raw);
  }

  #read(sender: Address): AccountRead {
    return this.#core.modules.state.account(sender);
  }

  #beforeLock(tx: Transaction, origin: SubmissionOrigin): Refusal | null {
    if (this.#isClosed) return refuse('POOL_STOPPED', 'the node is stopping, submit to another');
    const known = this.#core.contents.get(tx.hash);
    if (known !== undefined) return origin === 'local' && !known.isProtected ? null : alreadyKnown();
    return checkStateless(tx, this.#core.rules, this.#core.modules.state.nextBaseFee());
  }

  async #withLease(tx: Transaction, origin: SubmissionOrigin, lease: Lease): Promise<Admitted> {
    this.#core.pin(tx.sender);
    try {
      const decided = this.#decide(tx, origin);
      return decided instanceof Promise ? await decided : decided;
    } finally {
      this.#core.unpin(tx.sender);
      lease.release();
    }
  }

  /** Synchronous where nothing has to be waited for, so that a batch of gossip does not stand in line for itself. */
  #decide(tx: Transaction, origin: SubmissionOrigin): Admitted | Promise<Admitted> {
    const account = this.#read(tx.sender);
    if (account instanceof Promise) return this.#decideLater(tx, origin, account);
    const refusal = this.#check(tx, origin, account);
    if (refusal !== null) return this.#afterRefusal(tx, origin, refusal);
    if (this.#deservesProtection(tx, origin)) return this.#journalAndInsert(tx, origin, account);
    return this.#insert(tx, origin, account, false);
  }

  async #decideLater(tx: Transaction, origin: SubmissionOrigin, read: Promise<Account>): Promise<Admitted> {
    const account = await this.account(tx.sender, read);
    if (account === null) return this.#answer(tx, headMoves());
    const refusal = this.#check(tx, origin, account);
    if (refusal !== null) return this.#afterRefusal(tx, origin, refusal);
    if (this.#deservesProtection(tx, origin)) return this.#journalAndInsert(tx, origin, account);
    return this.#insert(tx, origin, account, false);
  }

  #check(tx: Transaction, origin: SubmissionOrigin, account: Account): Refusal | null {
    const { contents, limits } = this.#core;
    if (contents.get(tx.hash) !== undefined) return alreadyKnown();
    const queue = contents.queue(tx.sender);
    if (queue !== undefined) this.#core.setFunds(queue, account);
    return checkState(tx, { account, queue, limits, origin }) ?? this.#makeRoom(tx, account);
  }

  #makeRoom(tx: Transaction, account: Account): Refusal | null {
    const replaced = this.#occupant(tx);
    const rank = this.#core.rank(tx, account);
    return this.#core.makeRoom(rank, replaced === undefined ? 1 : 0, tx.raw.length - (replaced?.sizeBytes ?? 0));
  }

  #occupant(tx: Transaction): PoolEntry | undefined {
    return this.#core.contents.queue(tx.sender)?.get(tx.nonce);
  }

  /** Local ones, and what takes the place of a protected one. */
  #deservesProtection(tx: Transaction, origin: SubmissionOrigin): boolean {
    return origin === 'local' || this.#occupant(tx)?.isProtected === true;
  }

  /** A transaction known from gossip is now submitted here: its sender counts on this node from now on. */
  #afterRefusal(tx: Transaction, origin: SubmissionOrigin, refusal: Refusal): Admitted | Promise<Admitted> {
    const known = this.#core.contents.get(tx.hash);
    const isPromise = origin === 'local' && known !== undefined && !known.isProtected;
    return isPromise ? this.#adopt(tx, refusal) : this.#answer(tx, refusal);
  }

  async #adopt(tx: Transaction, refusal: Refusal): Promise<Admitted> {
    const { contents, journal, modules } = this.#core;
    const failure = await this.#writeJournal(tx);
    const entry = contents.get(tx.hash);
    if (failure === null && entry !== undefined) contents.protect(entry);
    else if (failure === null) journal.settlePassed(tx, modules.state.headNumber());
    return this.#answer(tx, failure ?? refusal);
  }

  async #journalAndInsert(tx: Transaction, origin: SubmissionOrigin, account: Account): Promise<Admitted> {
    const core = this.#core;
    if (!core.journal.isDurable) {
      const full = this.#journalFull();
      if (full !== null) return this.#answer(tx, full);
      core.journal.remember(tx.hash);
      return this.#insert(tx, origin, account, true);
    }
    const { epoch } = core;
    const giveBack = core.reserve(this.#occupant(tx) === undefined ? 1 : 0, tx.raw.length);
    const failure = await this.#writeJournal(tx);
    giveBack();
    if (failure !== null) return this.#answer(tx, failure);
    if (epoch === core.epoch) return this.#insert(tx, origin, account, true);
    return this.#insertAtNewHead(tx, origin);
  }

  /** The head changed while the journal was written. */
  async #insertAtNewHead(tx: Transaction, origin: SubmissionOrigin): Promise<Admitted> {
    const { contents, journal } = this.#core;
    const account = await this.account(tx.sender);
    const known = contents.get(tx.hash);
    if (known !== undefined) {
      contents.protect(known);
      return this.#answer(tx, alreadyKnown());
    }
    const refusal = account === null ? headMoves() : this.#check(tx, origin, account);
    if (account !== null && refusal === null) return this.#insert(tx, origin, account, true);
    journal.forget([tx.hash]);
    return this.#answer(tx, refusal ?? headMoves());
  }

  async #writeJournal(tx: Transaction): Promise<Refusal | null> {
    const full = this.#journalFull();
    if (full !== null) return full;
    try {
      await this.#core.journal.add(tx.hash, tx.raw);
      return null;
    } catch (error) {
      this.#core.modules.log.error('the journal could not be written', { reason: errorText(error) });
      return refuse('POOL_JOURNAL_FAILED', `the transaction could not be written to disk: ${errorText(error)}`);
    }
  }

  #journalFull(): Refusal | null {
    const { journal, limits } = this.#core;
    if (journal.size < limits.journalMax) return null;
    return refuse('POOL_FULL', 'txpool is full: too many transactions wait to become final; try again later', {
      journal: journal.size,
    });
  }

  #insert(tx: Transaction, origin: SubmissionOrigin, account: Account, isProtected: boolean): Admitted {
    const replaced = this.#core.insert(this.#core.entry(tx, origin, isProtected), account);
    this.#accepted.add(1, { origin });
    return { hash: tx.hash, replaced: replaced?.transaction.hash ?? null, refusal: null };
  }

  #answer(tx: Transaction, refusal: Refusal): Admitted {
    this.#refused.add(1, { code: refusal.code });
    return { hash: tx.hash, replaced: null, refusal };
  }
}

function alreadyKnown(): Refusal {
  return refuse('POOL_ALREADY_KNOWN', 'already known');
}

function headMoves(): Refusal {
  return refuse('POOL_BUSY', 'the head moves faster than the state can be read, try again later');
}
