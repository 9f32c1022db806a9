import type { TransactionCache } from '../chain/transaction-cache.ts';
import type { Chain } from '../chain/chain.ts';
import type { Mempool } from '../mempool/mempool.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import type { PoolApi, PoolListing } from './api.ts';

/** The mempool as the RPC sees it. */
export class LedgerPoolApi implements PoolApi {
  readonly #pool: Mempool;
  readonly #transactions: TransactionCache;
  readonly #chain: Chain;

  constructor(modules: { readonly pool: Mempool; readonly transactions: TransactionCache; readonly chain: Chain }) {
    this.#pool = modules.pool;
    this.#transactions = modules.transactions;
    this.#chain = modules.chain;
  }

  async submit(raw: Bytes): Promise<Hash> {
    const { hash } = await this.#pool.add(this.#transactions.resolve(raw), 'local');
    return hash;
  }

  get(hash: Hash): Transaction | null {
    return this.#pool.get(hash);
  }

  pendingNonce(address: Address): number {
    return this.#pool.pendingNonce(address) ?? this.#chain.head.executed.state.account(address)?.nonce ?? 0;
  }

  content(): { readonly pending: PoolListing; readonly queued: PoolListing } {
    return this.#pool.content();
  }

  status(): { readonly pending: number; readonly queued: number } {
    const { pending, queued } = this.#pool.status();
    return { pending, queued };
  }
}
