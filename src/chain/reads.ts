import { readConsensusState } from '../execution/consensus-account.ts';
import type { StateStore } from '../ports/state.ts';
import type { BlockStore, TransactionLocation } from '../ports/stores.ts';
import { archiveLayer } from '../state/archive-layer.ts';
import { ArchiveReader } from '../state/archive-reader.ts';
import { StateLayer } from '../state/layer.ts';
import { proveAccount } from '../state/proof.ts';
import { EMPTY_ACCOUNT, type Account } from '../types/account.ts';
import type { Block, BlockWithProof, Header } from '../types/block.ts';
import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Transaction } from '../types/transaction.ts';
import type { ConsensusState } from '../types/validator.ts';
import { ParleyError } from '../util/errors.ts';
import type { BlockNode } from './block-node.ts';
import type { TransactionIndex } from './transaction-index.ts';
import type { BlockTree } from './tree.ts';

export type ReadModules = {
  readonly tree: BlockTree;
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly index: TransactionIndex;
  readonly resolve: (raw: Bytes) => Transaction;
};

export type StateProof = {
  readonly account: Account;
  readonly accountProof: readonly Hex[];
  readonly storageProof: readonly { readonly key: Hash; readonly value: Hash; readonly proof: readonly Hex[] }[];
};

/**
 * The reading side of a chain: memory (from the finalized block up) and disk (below) as one. `undefined` is "not here";
 * no answer depends on whether it came from the one or the other.
 */
export class ChainReads {
  readonly tree: BlockTree;
  readonly #modules: ReadModules;

  constructor(modules: ReadModules) {
    this.tree = modules.tree;
    this.#modules = modules;
  }

  get head(): BlockNode {
    return this.tree.head;
  }

  /** The last finalized block. */
  get finalized(): BlockNode {
    return this.tree.root;
  }

  /** From the finalized block up, as the engine sees it. */
  header(hash: Hash): Header | undefined {
    return this.tree.header(hash);
  }

  /** Among blocks of the tree. A block is its own ancestor. */
  isAncestor(ancestor: Hash, descendant: Hash): boolean {
    return this.tree.isAncestor(ancestor, descendant);
  }

  /** Hash of the block at this height on the branch that ends in `descendant`, a block of the tree. */
  ancestorHash(descendant: Hash, number: number): Hash | undefined {
    const node = this.tree.get(descendant);
    const above = node && this.tree.ancestorAt(node, number);
    if (above !== undefined || number >= this.finalized.number) return above?.hash;
    return this.#modules.blocks.canonicalHash(number);
  }

  /** From the finalized block up. */
  node(hash: Hash): BlockNode | undefined {
    return this.tree.get(hash);
  }

  /** Any block still stored. */
  blockByHash(hash: Hash): Block | undefined {
    return this.node(hash)?.block ?? this.#modules.blocks.block(hash);
  }

  /** In memory, or final: the chain knows it. A stored block that was not yet replayed does not count. */
  has(hash: Hash): boolean {
    return this.node(hash) !== undefined || this.isFinal(hash);
  }

  /** On the canonical chain, from genesis to the head. */
  canonicalHash(number: number): Hash | undefined {
    if (number >= this.finalized.number) return this.tree.canonicalAt(number)?.hash;
    return number < 0 ? undefined : this.#modules.blocks.canonicalHash(number);
  }

  isCanonical(hash: Hash): boolean {
    const node = this.node(hash);
    return node === undefined ? this.isFinal(hash) : this.tree.isCanonical(node);
  }

  /** undefined for a block that was never executed here. */
  receipts(hash: Hash): readonly Receipt[] | undefined {
    return this.node(hash)?.executed.receipts ?? this.#modules.blocks.receipts(hash);
  }

  /** A block's transactions with their senders. */
  transactions(hash: Hash): readonly Transaction[] | undefined {
    const node = this.node(hash);
    if (node !== undefined) return node.transactions;
    return this.#modules.blocks.block(hash)?.body.transactions.map((raw) => this.#modules.resolve(raw));
  }

  /** Where a transaction of the canonical chain is. */
  transactionLocation(transaction: Hash): TransactionLocation | undefined {
    return this.#modules.index.get(transaction) ?? this.#modules.blocks.transaction(transaction);
  }

  justification(hash: Hash): Bytes | undefined {
    return this.#modules.blocks.justification(hash);
  }

  withProof(hash: Hash): BlockWithProof | undefined {
    const block = this.blockByHash(hash);
    if (block === undefined) return undefined;
    const justification = this.justification(hash);
    return justification === undefined ? { block } : { block, justification };
  }

  /** State after the block. Throws ParleyError STATE_PRUNED for blocks of dead forks and unknown ones. */
  stateAt(hash: Hash): StateLayer | ArchiveReader {
    const node = this.node(hash);
    if (node !== undefined) return node.executed.state;
    const block = this.#modules.blocks.block(hash);
    if (block === undefined || this.#modules.blocks.canonicalHash(block.header.number) !== hash) {
      throw new ParleyError('STATE_PRUNED', `the state after block ${hash} is not kept`, { hash });
    }
    return new ArchiveReader(this.#modules.state, block.header.stateRoot);
  }

  /** The same, to be built on. What is built stays in memory. */
  layerAt(hash: Hash): StateLayer {
    const state = this.stateAt(hash);
    return state instanceof StateLayer ? state : archiveLayer(this.#modules.state, state.root);
  }

  /** Throws as `stateAt`, and ParleyError PROOF_TOO_LARGE for too many slots. */
  proof(address: Address, slots: readonly Hash[], hash: Hash): StateProof {
    const state = this.stateAt(hash);
    const { accountProof, storageProof } = proveAccount(state, address, slots);
    return {
      account: state.account(address) ?? EMPTY_ACCOUNT,
      accountProof,
      storageProof: storageProof.map(({ key, value, proof }) => {
        const word: Hash = `0x${value.toString(16).padStart(64, '0')}`;
        return { key, value: word, proof };
      }),
    };
  }

  /** Validators and votes after the block; undefined where its state is not kept. */
  consensusAt(hash: Hash): ConsensusState | undefined {
    const node = this.node(hash);
    if (node !== undefined) return node.executed.consensus;
    return this.isFinal(hash) ? readConsensusState(this.stateAt(hash)) : undefined;
  }

  /** On the canonical chain, and not above the finalized block. */
  isFinal(hash: Hash): boolean {
    if (hash === this.finalized.hash) return true;
    const { blocks } = this.#modules;
    const block = blocks.block(hash);
    return block !== undefined && blocks.canonicalHash(block.header.number) === hash;
  }
}
