import type { Account } from '../types/account.ts';
import type { Address, Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { errorText } from '../util/errors.ts';
import type { Admission } from './admission.ts';
import { EXPIRY_SWEEP_INTERVAL_MS } from './limits.ts';
import type { PoolCore } from './pool-core.ts';
import type { PoolEntry } from './pool-entry.ts';
import type { SenderQueue } from './sender-queue.ts';

/** Transactions of the blocks that joined and left the canonical chain, one list a block, in any order. */
export type HeadChange = {
  readonly added: readonly (readonly Transaction[])[];
  readonly removed: readonly (readonly Transaction[])[];
};

/** Head changes not yet applied, merged into one. */
type Work = {
  readonly mined: Map<Hash, Transaction>;
  readonly dropped: Map<Hash, Transaction>;
  /** Blocks were undone: rewards and inner transfers too, so any account may have changed. */
  isReorg: boolean;
};

/**
 * Brings the pool in step with the head: mined transactions leave, touched senders are looked at again with their new nonce and
 * balance, what a reorg dropped comes back. It takes no lock, so a slow submission can not hold up the chain: it raises the epoch, and
 * every submission checks that. With a synchronous state all is done when `onHead` returns; else head changes that come
 * meanwhile are merged and the accounts read again.
 */
export class HeadFollower {
  readonly #core: PoolCore;
  readonly #admission: Admission;
  #work: Work | null = null;
  #isRunning = false;
  #run: Promise<void> = Promise.resolve();
  #sweptAtMs: number;

  constructor(core: PoolCore, admission: Admission) {
    this.#core = core;
    this.#admission = admission;
    this.#sweptAtMs = core.modules.clock.now();
  }

  /** Resolves when this change is applied. Never rejects: where the state can not be read, the next head tries again. */
  onHead(change: HeadChange): Promise<void> {
    this.#work ??= { mined: new Map(), dropped: new Map(), isReorg: false };
    const { mined, dropped } = this.#work;
    if (change.removed.length > 0) this.#work.isReorg = true;
    for (const block of change.removed) {
      for (const tx of block) {
        mined.delete(tx.hash);
        dropped.set(tx.hash, tx);
      }
    }
    for (const block of change.added) {
      for (const tx of block) {
        dropped.delete(tx.hash);
        mined.set(tx.hash, tx);
      }
    }
    this.#core.epoch += 1;
    if (!this.#isRunning) this.#run = this.#apply();
    return this.#run;
  }

  async #apply(): Promise<void> {
    this.#isRunning = true;
    try {
      while (this.#work !== null) {
        const { epoch } = this.#core;
        const work = this.#work;
        const reads = this.#read(this.#touched(work));
        const accounts = reads instanceof Promise ? await reads : reads;
        if (epoch !== this.#core.epoch) continue;
        this.#work = null;
        this.#settle(work, accounts);
      }
    } catch (error) {
      this.#core.modules.log.error('the pool could not follow the head', { reason: errorText(error) });
    } finally {
      this.#isRunning = false;
    }
  }

  /** Without a reorg an account loses coins by its own transactions only. Those that wait for coins are looked at every time. */
  #touched({ mined, dropped, isReorg }: Work): Set<Address> {
    const { contents, journal } = this.#core;
    const touched = new Set<Address>(isReorg ? contents.senders() : contents.stranded);
    for (const tx of mined.values()) {
      if (contents.queue(tx.sender) !== undefined) touched.add(tx.sender);
      if (tx.to !== null && contents.queue(tx.to) !== undefined) touched.add(tx.to);
    }
    for (const tx of dropped.values()) touched.add(tx.sender);
    if (isReorg) for (const tx of journal.passed()) touched.add(tx.sender);
    return touched;
  }

  #read(addresses: ReadonlySet<Address>): Map<Address, Account> | Promise<Map<Address, Account>> {
    const accounts = new Map<Address, Account>();
    const slow: Promise<void>[] = [];
    for (const address of addresses) {
      const account = this.#core.modules.state.account(address);
      if (account instanceof Promise) slow.push(account.then((value) => void accounts.set(address, value)));
      else accounts.set(address, account);
    }
    return slow.length === 0 ? accounts : Promise.all(slow).then(() => accounts);
  }

  #settle(work: Work, accounts: ReadonlyMap<Address, Account>): void {
    const core = this.#core;
    const promoted: PoolEntry[] = [];
    for (const [address, account] of accounts) {
      const queue = core.contents.queue(address);
      if (queue === undefined) continue;
      for (const entry of core.contents.advance(queue, account, promoted)) {
        core.leave(entry, work.mined.has(entry.transaction.hash) ? 'mined' : 'nonce-too-low');
      }
      this.#shedUnaffordable(queue);
    }
    // Also those not in the pool: mined again in another block, they are open for longer.
    for (const hash of work.mined.keys()) core.journal.settleMined(hash, core.modules.state.headNumber());
    if (work.isReorg) this.#restore(work.dropped, accounts);
    core.announce(promoted);
    this.#boundStranded();
    this.#expire();
    core.settleHead();
  }

  /**
   * Protected ones first: what lies below them then comes back too, however full the pool is. Last those whose nonce
   * was used in a block that is gone: they get it if nobody else came back for it.
   */
  #restore(dropped: ReadonlyMap<Hash, Transaction>, accounts: ReadonlyMap<Address, Account>): void {
    const { journal, modules } = this.#core;
    const late = (tx: Transaction): number => (journal.has(tx.hash) ? 0 : 1);
    const transactions = [...dropped.values()].sort((a, b) => late(a) - late(b) || a.nonce - b.nonce);
    for (const tx of [...transactions, ...journal.passed()]) {
      const account = accounts.get(tx.sender);
      if (account === undefined) continue;
      const refusal = this.#admission.restore(tx, 'reorg', account);
      const context = { hash: tx.hash, sender: tx.sender, nonce: tx.nonce };
      if (refusal === null) {
        modules.log.debug('transaction is back after a reorg', context);
        continue;
      }
      journal.settlePassed(tx, modules.state.headNumber());
      modules.log.debug('transaction is not back after a reorg', { ...context, reason: refusal.code });
    }
  }

  /** The first that the balance does not reach leaves, unless it or one behind it is protected. */
  #shedUnaffordable(queue: SenderQueue): void {
    const entry = queue.stranded;
    if (entry === undefined || entry.transaction.nonce <= queue.protectedMax()) return;
    this.#core.drop(entry, 'unaffordable');
  }

  /** Of those that wait for coins the ones that have waited longest leave, highest nonce first. */
  #boundStranded(): void {
    const { contents, limits, modules } = this.#core;
    let count = 0;
    for (const sender of contents.stranded) count += idle(contents.queue(sender));
    if (count <= limits.strandedMax) return;
    modules.log.warn('too many transactions wait for coins, the oldest leave', { count, limit: limits.strandedMax });
    const leaving: PoolEntry[] = [];
    for (const sender of contents.stranded) {
      const excess = count - limits.strandedMax - leaving.length;
      if (excess <= 0) break;
      const waiting = [...(contents.queue(sender)?.waiting() ?? [])];
      leaving.push(...waiting.sort((a, b) => b.transaction.nonce - a.transaction.nonce).slice(0, excess));
    }
    for (const entry of leaving) this.#core.drop(entry, 'unaffordable');
  }

  #expire(): void {
    const { contents, limits, modules } = this.#core;
    const nowMs = modules.clock.now();
    if (nowMs - this.#sweptAtMs < Math.min(EXPIRY_SWEEP_INTERVAL_MS, limits.lifetimeMs)) return;
    this.#sweptAtMs = nowMs;
    const old: PoolEntry[] = [];
    for (const queue of contents.queues()) {
      if (idle(queue) === 0) continue;
      const needed = queue.protectedMax();
      for (const entry of queue.waiting()) {
        if (entry.transaction.nonce > needed && nowMs - entry.arrival.atMs >= limits.lifetimeMs) old.push(entry);
      }
    }
    for (const entry of old) this.#core.drop(entry, 'expired');
  }
}

function idle(queue: SenderQueue | undefined): number {
  return queue === undefined ? 0 : queue.size - queue.executableCount;
}
