import { Mempool } from '../../../src/mempool/mempool.ts';
import type { MempoolOptions } from '../../../src/mempool/limits.ts';
import type { MempoolModules, MempoolState } from '../../../src/mempool/pool-core.ts';
import type { JournalStore } from '../../../src/ports/stores.ts';
import { EMPTY_ACCOUNT } from '../../../src/types/account.ts';
import type { Account } from '../../../src/types/account.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { KeyedLock } from '../../../src/util/keyed-lock.ts';
import { silentLog } from '../../../src/util/log.ts';
import type { Log } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { ManualTime } from './manual-time.ts';

export const CHAIN_ID = 31337;
export const GAS = 21_000;

/** A short name as an address. */
export function address(name: string): Address {
  return `0x${Buffer.from(name).toString('hex').padStart(40, '0')}`;
}

export type TxSpec = Partial<Omit<Transaction, 'sender' | 'hash'>> & {
  readonly from: string;
  readonly sizeBytes?: number;
};

let serial = 0;

/** A transaction with a made-up hash: the pool trusts what was recovered. */
export function transaction({ from, sizeBytes = 110, ...fields }: TxSpec): Transaction {
  serial += 1;
  const hash: Hash = `0x${serial.toString(16).padStart(64, '0')}`;
  const raw = Buffer.alloc(sizeBytes);
  raw.writeUInt32BE(serial);
  return {
    type: 2,
    chainId: CHAIN_ID,
    nonce: 0,
    gasLimit: GAS,
    maxFeePerGas: 10n,
    maxPriorityFeePerGas: 1n,
    to: address('sink'),
    value: 0n,
    data: new Uint8Array(0),
    accessList: [],
    yParity: 0,
    v: 0n,
    r: '0x01',
    s: '0x01',
    raw,
    ...fields,
    hash,
    sender: address(from),
  };
}

/** A journal that survives its pools. */
export class MapJournal implements JournalStore {
  readonly records = new Map<Hash, Bytes>();
  /** Set to make writes fail. */
  failure: Error | null = null;
  /** Holds writes back while set. */
  gate: Promise<void> | null = null;

  async add(hash: Hash, raw: Bytes): Promise<void> {
    await this.gate;
    if (this.failure !== null) throw this.failure;
    this.records.set(hash, raw);
  }

  async remove(hashes: readonly Hash[]): Promise<void> {
    for (const hash of hashes) this.records.delete(hash);
  }

  async *load(): AsyncIterable<{ readonly hash: Hash; readonly raw: Bytes }> {
    for (const [hash, raw] of new Map(this.records)) yield { hash, raw };
  }
}

/** The chain around a pool: accounts, base fee and head that a test sets by hand. */
export class World implements MempoolState {
  readonly accounts = new Map<Address, Account>();
  readonly time = new ManualTime();
  readonly journal = new MapJournal();
  readonly left: { readonly hash: Hash; readonly reason: string }[] = [];
  /** Where the journal's bytes find their transaction again. */
  readonly known = new Map<string, Transaction>();
  baseFee = 5n;
  head = 0;
  /** Answers `account` after so many turns. */
  delayTurns = 0;

  account(of: Address): Account | Promise<Account> {
    if (this.delayTurns === 0) return this.accounts.get(of) ?? EMPTY_ACCOUNT;
    return this.#slowly(of);
  }

  nextBaseFee(): bigint {
    return this.baseFee;
  }

  headNumber(): number {
    return this.head;
  }

  fund(name: string, balance: bigint, nonce = 0): void {
    const before = this.accounts.get(address(name)) ?? EMPTY_ACCOUNT;
    this.accounts.set(address(name), { ...before, balance, nonce });
  }

  tx(spec: TxSpec): Transaction {
    const tx = transaction(spec);
    this.known.set(Buffer.from(tx.raw).toString('hex'), tx);
    return tx;
  }

  pool(options: Partial<MempoolOptions> = {}, modules: Partial<MempoolModules> = {}): Mempool {
    return new Mempool({ chainId: CHAIN_ID, blockGasLimit: 30_000_000, ...options }, { ...this.modules(), ...modules });
  }

  modules(): MempoolModules {
    return {
      state: this,
      journal: this.journal,
      lock: this.lock(),
      clock: this.time,
      log: this.log(),
      metrics: noMetrics,
      intrinsicGas: (tx) => GAS + tx.data.length * 16,
      resolve: (raw) => {
        const tx = this.known.get(Buffer.from(raw).toString('hex'));
        if (tx === undefined) throw new Error('unknown bytes');
        return tx;
      },
    };
  }

  lock(): KeyedLock {
    return new KeyedLock(
      { name: 'pool', timeoutMs: 5_000, waitersPerKeyMax: 4_096, waitersMax: 20_000 },
      { clock: this.time, timers: this.time, metrics: noMetrics },
    );
  }

  log(): Log {
    return {
      ...silentLog,
      debug: (_message, context) => {
        const { hash, reason } = context ?? {};
        if (typeof reason === 'string') this.left.push({ hash: hash as Hash, reason });
      },
    };
  }

  reasonFor(tx: Transaction): string | undefined {
    return this.left.find(({ hash }) => hash === tx.hash)?.reason;
  }

  async #slowly(of: Address): Promise<Account> {
    const account = this.accounts.get(of) ?? EMPTY_ACCOUNT;
    for (let i = 0; i < this.delayTurns; i++) await Promise.resolve();
    return account;
  }
}

export function hashesOf(source: { next(): Transaction | null }): Hash[] {
  const hashes: Hash[] = [];
  for (let tx = source.next(); tx !== null; tx = source.next()) hashes.push(tx.hash);
  return hashes;
}
