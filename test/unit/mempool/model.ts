import { effectiveTip } from '../../../src/mempool/order.ts';
import type { Mempool } from '../../../src/mempool/mempool.ts';
import type { MempoolLimits } from '../../../src/mempool/limits.ts';
import { EMPTY_ACCOUNT } from '../../../src/types/account.ts';
import type { Account } from '../../../src/types/account.ts';
import type { Address, Hash } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { GAS, World, address } from './world.ts';

type Ledger = Map<Address, Account>;
type ModelBlock = { readonly transactions: readonly Transaction[]; readonly after: Ledger };

export const SENDERS = ['ann', 'bob', 'cat', 'dan'];
/** Small, so that every limit is met. */
export const LIMITS: Partial<MempoolLimits> = {
  totalMax: 10,
  bytesMax: 1_400,
  queuedMax: 5,
  senderSlotsMax: 4,
  senderSlotsLocalMax: 6,
  nonceGapMax: 3,
  lifetimeMs: 10_000,
};

export type Submit = {
  readonly local: boolean;
  readonly sender: number;
  readonly nonceOffset: number;
  readonly tip: number;
  readonly room: number;
  readonly value: number;
  readonly to: number;
};

/** A small chain that mines, forks and finalizes, a pool that follows it, and what was promised to local clients. */
export class Model {
  readonly world = new World();
  pool: Mempool;
  readonly #genesis: Ledger = new Map();
  #blocks: ModelBlock[] = [];
  #finalized = 0;
  readonly #promised = new Map<Hash, Transaction>();

  constructor(delayTurns: number) {
    for (const [i, name] of SENDERS.entries()) {
      this.#genesis.set(address(name), { ...EMPTY_ACCOUNT, balance: BigInt(GAS * 60 * (i + 1)) });
    }
    this.world.delayTurns = delayTurns;
    this.#publish();
    this.pool = this.world.pool(LIMITS);
  }

  async submit(spec: Submit): Promise<void> {
    const from = SENDERS[spec.sender] as string;
    const account = this.#ledger().get(address(from)) as Account;
    const next = this.pool.pendingNonce(address(from)) ?? account.nonce;
    const tx = this.world.tx({
      from,
      nonce: Math.max(0, next + spec.nonceOffset),
      maxPriorityFeePerGas: BigInt(spec.tip),
      maxFeePerGas: BigInt(spec.tip + spec.room),
      value: BigInt(spec.value),
      to: address(SENDERS[spec.to] as string),
      sizeBytes: 100 + spec.tip,
    });
    try {
      const { replaced } = await this.pool.add(tx, spec.local ? 'local' : 'gossip');
      const heir = replaced !== null && this.#promised.delete(replaced);
      if (spec.local || heir) this.#promised.set(tx.hash, tx);
    } catch {
      // A refusal promises nothing.
    }
  }

  /** A block of the pool's best, after some that the pool never saw. */
  mine(count: number, foreign: number, baseFee: number, credit: number): Promise<void> {
    const added = [this.#grow(this.#candidates(count, foreign), credit)];
    return this.#announce(added, [], baseFee);
  }

  /** Another branch, of as many blocks or one fewer or more; it holds every `keep`-th of what was dropped. */
  reorg(depth: number, lengthChange: number, keep: number, foreign: number, baseFee: number): Promise<void> {
    const undone = Math.min(depth, this.#blocks.length - this.#finalized);
    const removed = this.#blocks.splice(this.#blocks.length - undone, undone).toReversed();
    const dropped = removed.flatMap((block) => block.transactions).sort((a, b) => a.nonce - b.nonce);
    const kept = dropped.filter((_, i) => i % keep === 0);
    const added: ModelBlock[] = [];
    for (let i = 0; i < undone + lengthChange; i++) {
      added.push(this.#grow(i === 0 ? [...this.#foreign(foreign), ...kept] : [], 0));
    }
    return this.#announce(added, removed, baseFee);
  }

  finalize(depth: number): void {
    const number = Math.max(this.#finalized, this.#blocks.length - depth);
    const blocks = this.#blocks.slice(this.#finalized, number);
    this.#finalized = number;
    const after = this.#ledger(number);
    for (const [hash, tx] of this.#promised) {
      if ((after.get(tx.sender)?.nonce ?? 0) > tx.nonce) this.#promised.delete(hash);
    }
    this.pool.onFinalized(
      number,
      blocks.flatMap((block) => block.transactions.map((tx) => tx.hash)),
    );
  }

  async restart(): Promise<void> {
    await this.pool.close();
    this.pool = this.world.pool(LIMITS);
    await this.pool.start();
  }

  /** Every promise of the pool, against the chain as it is. */
  check(): void {
    const { pending, queued } = this.pool.content();
    const all = [...pending.values(), ...queued.values()].flat();
    const status = this.pool.status();
    equal(status.pending, [...pending.values()].flat().length, 'pending count');
    equal(status.queued, [...queued.values()].flat().length, 'queued count');
    equal(
      status.bytes,
      all.reduce((sum, tx) => sum + tx.raw.length, 0),
      'bytes',
    );
    equal(new Set(all.map(placeOf)).size, all.length, 'one transaction per nonce');
    for (const tx of all) equal(this.pool.get(tx.hash), tx, 'found by hash');
    for (const [sender, transactions] of pending) this.#checkSender(sender, transactions);
    for (const [sender, transactions] of queued) {
      const nonce = this.#ledger().get(sender)?.nonce ?? 0;
      equal(
        transactions.every((tx) => tx.nonce >= nonce),
        true,
        'queued nonces are unused',
      );
    }
    this.#checkOrder(pending);
    this.#checkPromises(all);
    const { totalMax = 0 } = LIMITS;
    equal(all.length <= totalMax + this.#promised.size, true, 'bounded');
  }

  #checkSender(sender: Address, transactions: readonly Transaction[]): void {
    const account = this.#ledger().get(sender) as Account;
    let cost = 0n;
    for (const [i, tx] of transactions.entries()) {
      equal(tx.nonce, account.nonce + i, 'contiguous nonces');
      cost += BigInt(tx.gasLimit) * tx.maxFeePerGas + tx.value;
    }
    equal(cost <= account.balance, true, 'affordable together');
  }

  #checkOrder(pending: ReadonlyMap<Address, readonly Transaction[]>): void {
    const { baseFee } = this.world;
    const rest = new Map([...pending].map(([sender, transactions]) => [sender, [...transactions]]));
    const source = this.pool.source();
    let count = 0;
    for (let tx = source.next(); tx !== null; tx = source.next()) {
      const heads = [...rest.values()].map((list) => list[0]).filter((head) => head !== undefined);
      const best = heads.reduce(
        (max, head) => (effectiveTip(head, baseFee) > max ? effectiveTip(head, baseFee) : max),
        0n,
      );
      equal(effectiveTip(tx, baseFee), best, 'best first');
      equal(rest.get(tx.sender)?.shift(), tx, 'nonces in order');
      count += 1;
    }
    for (const list of rest.values()) equal((list[0]?.maxFeePerGas ?? -1n) < baseFee, true, 'nothing left out');
    equal(this.pool.pendingCount(), count, 'pendingCount');
  }

  /**
   * A promised transaction is in the pool, or another of its sender has its place there, or its nonce is used on this branch. As long
   * as that is not final, the journal knows the one that holds the place, so that a reorg or a restart can not lose it.
   */
  #checkPromises(all: readonly Transaction[]): void {
    const inPool = new Map(all.map((tx) => [placeOf(tx), tx]));
    const journalled = new Set<string>();
    for (const raw of this.world.journal.records.values()) {
      const tx = this.world.known.get(Buffer.from(raw).toString('hex'));
      if (tx !== undefined) journalled.add(placeOf(tx));
    }
    for (const tx of this.#promised.values()) {
      const place = placeOf(tx);
      equal(journalled.has(place), true, `the journal knows ${place}`);
      const used = (this.#ledger().get(tx.sender)?.nonce ?? 0) > tx.nonce;
      const holder = inPool.get(place);
      equal(used || holder !== undefined, true, `promise kept for ${place}`);
      if (holder !== undefined) equal(this.world.journal.records.has(holder.hash), true, 'the holder is journalled');
    }
  }

  #ledger(number = this.#blocks.length): Ledger {
    return this.#blocks[number - 1]?.after ?? this.#genesis;
  }

  #candidates(count: number, foreign: number): Transaction[] {
    const source = this.pool.source();
    const list = this.#foreign(foreign);
    for (let i = 0; i < count; i++) {
      const tx = source.next();
      if (tx !== null) list.push(tx);
    }
    return list;
  }

  /** Takes a sender's next nonce from under the pool. */
  #foreign(sender: number): Transaction[] {
    const from = SENDERS[sender];
    if (from === undefined) return [];
    const account = this.#ledger().get(address(from)) as Account;
    return [this.world.tx({ from, nonce: account.nonce, maxFeePerGas: 10n, value: 1n, to: address('ann') })];
  }

  #grow(candidates: readonly Transaction[], credit: number): ModelBlock {
    const after: Ledger = new Map(this.#ledger());
    const { baseFee } = this.world;
    const transactions = candidates.filter((tx) => {
      const sender = after.get(tx.sender) as Account;
      const price = effectiveTip(tx, baseFee) + baseFee;
      const most = BigInt(tx.gasLimit) * tx.maxFeePerGas + tx.value;
      if (tx.nonce !== sender.nonce || most > sender.balance || tx.maxFeePerGas < baseFee) return false;
      const balance = sender.balance - BigInt(tx.gasLimit) * price - tx.value;
      after.set(tx.sender, { ...sender, nonce: sender.nonce + 1, balance });
      const to = after.get(tx.to as Address) as Account;
      after.set(tx.to as Address, { ...to, balance: to.balance + tx.value });
      return true;
    });
    const lucky = address(SENDERS[credit % SENDERS.length] as string);
    const account = after.get(lucky) as Account;
    after.set(lucky, { ...account, balance: account.balance + BigInt(credit * GAS) });
    const block = { transactions, after };
    this.#blocks.push(block);
    return block;
  }

  #announce(added: readonly ModelBlock[], removed: readonly ModelBlock[], baseFee: number): Promise<void> {
    this.world.baseFee = BigInt(baseFee);
    this.world.time.advance(3_000);
    this.#publish();
    const change = {
      added: added.map((block) => block.transactions),
      removed: removed.map((block) => block.transactions),
    };
    return this.pool.onHead(change);
  }

  #publish(): void {
    this.world.accounts.clear();
    for (const [of, account] of this.#ledger()) this.world.accounts.set(of, account);
    this.world.head = this.#blocks.length;
  }
}

function placeOf(tx: Transaction): string {
  return `${tx.sender} ${tx.nonce}`;
}

function equal<T>(have: T, want: T, what: string): void {
  if (!Object.is(have, want)) throw new Error(`${what}: have ${String(have)}, want ${String(want)}`);
}
