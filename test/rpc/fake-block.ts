/** A block of the fake node, with what it did. */
import type { BlockView } from '../../src/node/api.ts';
import { headerHash } from '../../src/codec/block.ts';
import type { Account } from '../../src/types/account.ts';
import type { Block, Header } from '../../src/types/block.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';
import type { Receipt } from '../../src/types/receipt.ts';
import type { Transaction } from '../../src/types/transaction.ts';

export class FakeBlock implements BlockView {
  readonly hash: Hash;
  readonly block: Block;
  readonly sizeBytes: number;
  readonly state: ReadonlyMap<Address, Account>;
  readonly #transactions: readonly Transaction[];
  readonly #receipts: readonly Receipt[];
  readonly #isCanonical: (view: FakeBlock) => boolean;

  constructor(
    header: Header,
    transactions: readonly Transaction[],
    receipts: readonly Receipt[],
    state: ReadonlyMap<Address, Account>,
    isCanonical: (view: FakeBlock) => boolean,
  ) {
    this.block = { header, body: { transactions: transactions.map((tx) => tx.raw), evidence: [], votes: [] } };
    this.hash = headerHash(header);
    this.sizeBytes = 600 + transactions.reduce((sum, tx) => sum + tx.raw.length, 0);
    this.#transactions = transactions;
    this.#receipts = receipts;
    this.state = state;
    this.#isCanonical = isCanonical;
  }

  get canonical(): boolean {
    return this.#isCanonical(this);
  }

  transactions(): readonly Transaction[] {
    return this.#transactions;
  }

  receipts(): readonly Receipt[] {
    return this.#receipts;
  }
}
