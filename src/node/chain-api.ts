import type { Chain } from '../chain/chain.ts';
import type { TransactionCache } from '../chain/transaction-cache.ts';
import { encodeBlock } from '../codec/block.ts';
import { nextBaseFee } from '../execution/fees.ts';
import type { StateReader } from '../ports/state.ts';
import { EMPTY_ACCOUNT, type Account } from '../types/account.ts';
import type { Block } from '../types/block.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Transaction } from '../types/transaction.ts';
import { Lru } from '../util/lru.ts';
import type { BlockTag, BlockView, ChainApi, LocatedTransaction, ProofView } from './api.ts';
import type { Sync } from './sync.ts';

/** Views are small: they share blocks and transactions with the chain and the cache. */
const VIEWS_MAX = 256;

export type ChainApiModules = {
  readonly chain: Chain;
  readonly transactions: TransactionCache;
  readonly sync: Pick<Sync, 'progress'>;
};

/** The chain as the RPC sees it. */
export class LedgerChainApi implements ChainApi {
  /** Sync starts at genesis, and nothing is ever deleted that was final: neither blocks nor what their roots name. */
  readonly oldest: ChainApi['oldest'] = { block: 0, state: 0 };
  readonly #modules: ChainApiModules;
  readonly #views = new Lru<Hash, LedgerBlockView>(VIEWS_MAX);

  constructor(modules: ChainApiModules) {
    this.#modules = modules;
  }

  head(): BlockView {
    return this.view(this.#modules.chain.head.hash, this.#modules.chain.head.block);
  }

  byTag(tag: BlockTag): BlockView | null {
    const { chain } = this.#modules;
    if (tag === 'earliest') return this.byNumber(0);
    if (tag === 'finalized') return this.view(chain.finalized.hash, chain.finalized.block);
    if (tag === 'safe') return this.view(chain.safe.hash, chain.safe.block);
    return this.head();
  }

  byNumber(number: number): BlockView | null {
    const hash = this.#modules.chain.canonicalHash(number);
    return hash === undefined ? null : this.byHash(hash);
  }

  byHash(hash: Hash): BlockView | null {
    const known = this.#views.get(hash);
    if (known !== undefined) return known;
    const block = this.#modules.chain.blockByHash(hash);
    return block === undefined ? null : this.view(hash, block);
  }

  view(hash: Hash, block: Block): BlockView {
    let view = this.#views.get(hash);
    if (view === undefined) {
      view = new LedgerBlockView(hash, block, this.#modules);
      this.#views.set(hash, view);
    }
    return view;
  }

  transaction(hash: Hash): LocatedTransaction | null {
    const place = this.#modules.chain.transactionLocation(hash);
    if (place === undefined) return null;
    const view = this.byHash(place.blockHash);
    const transaction = view?.transactions()[place.index];
    return view === null || transaction === undefined ? null : { transaction, view, index: place.index };
  }

  account(address: Address, at: BlockView): Account {
    return this.#state(at).account(address) ?? EMPTY_ACCOUNT;
  }

  storage(address: Address, slot: Hash, at: BlockView): Hash {
    return this.#state(at).storage(address, slot);
  }

  code(address: Address, at: BlockView): Bytes {
    const state = this.#state(at);
    const account = state.account(address);
    return account === undefined ? new Uint8Array(0) : (state.code(account.codeHash) ?? new Uint8Array(0));
  }

  proof(address: Address, slots: readonly Hash[], at: BlockView): ProofView {
    return this.#modules.chain.proof(address, slots, at.hash);
  }

  nextBaseFee(after: BlockView): bigint {
    return nextBaseFee(after.block.header);
  }

  syncing(): ReturnType<ChainApi['syncing']> {
    return this.#modules.sync.progress();
  }

  #state(at: BlockView): StateReader {
    return this.#modules.chain.stateAt(at.hash);
  }
}

class LedgerBlockView implements BlockView {
  readonly hash: Hash;
  readonly block: Block;
  readonly #modules: ChainApiModules;
  #transactions: readonly Transaction[] | null = null;
  #sizeBytes: number | null = null;

  constructor(hash: Hash, block: Block, modules: ChainApiModules) {
    this.hash = hash;
    this.block = block;
    this.#modules = modules;
  }

  get sizeBytes(): number {
    this.#sizeBytes ??= encodeBlock(this.block).length;
    return this.#sizeBytes;
  }

  get canonical(): boolean {
    return this.#modules.chain.isCanonical(this.hash);
  }

  transactions(): readonly Transaction[] {
    const transactions = this.#transactions ?? this.#modules.chain.transactions(this.hash) ?? [];
    this.#transactions = transactions;
    return transactions;
  }

  receipts(): readonly Receipt[] {
    return this.#modules.chain.receipts(this.hash) ?? [];
  }
}
