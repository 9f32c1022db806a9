import { readConsensusState } from '../execution/consensus-account.ts';
import type { Genesis } from '../execution/genesis.ts';
import type { StateStore } from '../ports/state.ts';
import type { BlockStore, FinalizedPointer } from '../ports/stores.ts';
import { StateBase } from '../state/base.ts';
import { EMPTY_STATE_STORE } from '../state/empty-store.ts';
import { StateLayer } from '../state/layer.ts';
import { EMPTY_ROOT } from '../types/account.ts';
import { ZERO_ADDRESS, type Bytes, type Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { ParleyError } from '../util/errors.ts';
import { BlockNode } from './block-node.ts';

export type OpenOptions = {
  /** Builds the genesis block over an empty state. Called once for each opening, also of an existing database. */
  readonly genesis: (empty: StateLayer) => Pick<Genesis, 'block' | 'hash' | 'state' | 'consensus'>;
  /** Whatever else must be the same on every opening of this database and does not show in the genesis hash. */
  readonly fingerprint?: string;
};

export type OpenModules = {
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly resolve: (raw: Bytes) => Transaction;
};

/** What a chain starts from: the last finalized block, with its state. */
export type Opened = {
  readonly root: BlockNode;
  readonly pointer: FinalizedPointer;
  readonly state: StateBase;
  readonly genesisHash: Hash;
};

const FINGERPRINT = 'fingerprint';

/**
 * Opens a chain's database at its last finalized block, or begins it with the genesis block in one synced batch.
 * ParleyError DATA_DIR_OTHER_GENESIS, DATA_DIR_OTHER_CONFIG or DATA_DIR_DAMAGED; the database is then left as it was.
 */
export async function openChainData(options: OpenOptions, modules: OpenModules): Promise<Opened> {
  const pointer = modules.blocks.finalized();
  const first = modules.blocks.canonicalHash(0);
  if (pointer === undefined && first === undefined) return begin(options, modules);
  if (pointer === undefined || first === undefined)
    throw damaged('the finalized pointer or the genesis block is missing');
  return reopen(options, modules, pointer, first);
}

async function begin(options: OpenOptions, modules: OpenModules): Promise<Opened> {
  const state = new StateBase(modules.state, EMPTY_ROOT);
  const genesis = options.genesis(state.finalized);
  const { block, hash, consensus } = genesis;
  const pointer = { hash, number: 0, stateRoot: block.header.stateRoot, anchor: null };
  const step = state.prepareFinalize(genesis.state);
  await modules.blocks.finalize({
    blocks: [{ hash, block, receipts: [], transactionHashes: [] }],
    pointer,
    justification: null,
    dead: [],
    stateOps: step.ops,
    metas: options.fingerprint === undefined ? [] : [{ name: FINGERPRINT, value: Buffer.from(options.fingerprint) }],
  });
  step.commit();
  const executed = { state: state.finalized, receipts: [], consensus };
  const root = new BlockNode({ hash, block, author: ZERO_ADDRESS, executed, transactions: [] });
  return { root, pointer, state, genesisHash: hash };
}

function reopen(options: OpenOptions, modules: OpenModules, pointer: FinalizedPointer, first: Hash): Opened {
  const { blocks } = modules;
  const fingerprint = blocks.meta(FINGERPRINT);
  if (fingerprint !== undefined && options.fingerprint !== undefined) {
    const found = Buffer.from(fingerprint).toString();
    if (found !== options.fingerprint) {
      const message = `the data directory was made with "${found}", now "${options.fingerprint}" is asked for; choose another directory or start over`;
      throw new ParleyError('DATA_DIR_OTHER_CONFIG', message, { found, expected: options.fingerprint });
    }
  }
  const expected = options.genesis(StateLayer.base(EMPTY_STATE_STORE, EMPTY_ROOT)).hash;
  if (first !== expected) {
    const message = `the data directory holds another chain: its genesis is ${first}, this configuration's is ${expected}`;
    throw new ParleyError('DATA_DIR_OTHER_GENESIS', message, { found: first, expected });
  }
  const block = blocks.block(pointer.hash);
  const receipts = blocks.receipts(pointer.hash);
  if (block === undefined || receipts === undefined || block.header.stateRoot !== pointer.stateRoot) {
    throw damaged(`the finalized block ${pointer.hash} is not whole`);
  }
  const state = new StateBase(modules.state, pointer.stateRoot);
  const executed = { state: state.finalized, receipts, consensus: readConsensusState(state.finalized) };
  // Nobody asks for the author of a block that is already final; recovering its senders can wait until somebody does.
  const transactions = (): readonly Transaction[] => block.body.transactions.map((raw) => modules.resolve(raw));
  const root = new BlockNode({ hash: pointer.hash, block, author: ZERO_ADDRESS, executed, transactions });
  return { root, pointer, state, genesisHash: first };
}

function damaged(reason: string): ParleyError {
  return new ParleyError('DATA_DIR_DAMAGED', `the database is damaged: ${reason}; start over with a fresh directory`, {
    reason,
  });
}
