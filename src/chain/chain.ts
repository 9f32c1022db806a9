import type { executeBlock, ParentState } from '../execution/execute-block.ts';
import type { ExecutionEnv } from '../execution/rules.ts';
import type { StateStore } from '../ports/state.ts';
import type { BlockStore } from '../ports/stores.ts';
import type { Block, BlockRef } from '../types/block.ts';
import type { SignedMessage } from '../types/message.ts';
import { ZERO_HASH, type Bytes, type Hash } from '../types/primitives.ts';
import { errorText, ParleyError } from '../util/errors.ts';
import { Emitter } from '../util/emitter.ts';
import type { Log } from '../util/log.ts';
import type { Metrics } from '../util/metrics.ts';
import type { BlockNode } from './block-node.ts';
import { Forkchoice, type ForkchoiceRequest } from './forkchoice.ts';
import type { HeaderJudge } from './header-judge.ts';
import { IMPORT_LIMITS, Importer, parentState, type ImportHow, type ImportLimits } from './import.ts';
import type { ImportOutcome, PreCheck } from './import.ts';
import { ChainMetrics } from './metrics.ts';
import { openChainData, type Opened, type OpenOptions } from './open.ts';
import { ORPHAN_LIMITS, OrphanRoom, type Orphan, type OrphanLimits } from './orphans.ts';
import { ChainReads } from './reads.ts';
import { blockSizeBound } from './rules.ts';
import type { TransactionCache } from './transaction-cache.ts';
import { TransactionIndex } from './transaction-index.ts';
import { BlockTree, type HeadChange } from './tree.ts';
import { WriterQueue } from './writer-queue.ts';

export type ChainLimits = ImportLimits & {
  readonly orphans: OrphanLimits;
  /** Blocks of peers that wait for their import; more are turned away with IMPORT_BUSY. */
  readonly importsWaitingMax: number;
  readonly importsWaitingBytesMax: number;
};

export const CHAIN_LIMITS: ChainLimits = {
  ...IMPORT_LIMITS,
  orphans: ORPHAN_LIMITS,
  importsWaitingMax: 1024,
  importsWaitingBytesMax: 32 * 1024 * 1024,
};

export type ChainOptions = OpenOptions & {
  /** The chain itself answers `blockHash`. */
  readonly env: Omit<ExecutionEnv, 'blockHash'>;
  readonly limits?: Partial<ChainLimits>;
};

export type ChainModules = {
  readonly blocks: BlockStore;
  readonly state: StateStore;
  readonly transactions: TransactionCache;
  readonly execute: typeof executeBlock;
  /** Whether a vote's envelope is good. */
  readonly verifyMessage: (message: SignedMessage) => boolean;
  readonly log: Log;
  readonly metrics: Metrics;
};

type ChainEvents = { readonly head: HeadChange; readonly finalized: readonly BlockNode[] };
type Parts = Opened & { readonly leftovers: Map<Hash, number> };

/**
 * One shard's chain, whatever its engine: the tree above finality, the store below it, one writer. Blocks come in by
 * `import`, decisions by `applyForkchoice`; both go through one queue, so that neither sees the other half done. The engine
 * reads the tree, which exists before the engine does; `setJudge` then gives the chain the engine's reading side.
 */
export class Chain extends ChainReads {
  /** With `blockHash` answered by this chain: for import, builder and simulated calls alike. */
  readonly env: ExecutionEnv;
  readonly genesis: BlockRef;
  readonly #limits: ChainLimits;
  readonly #modules: ChainModules;
  readonly #importer: Importer;
  readonly #forkchoice: Forkchoice;
  readonly #orphans: OrphanRoom;
  readonly #index: TransactionIndex;
  readonly #leftovers: Map<Hash, number>;
  readonly #queue = new WriterQueue();
  readonly #events: Emitter<ChainEvents>;
  readonly #metrics: ChainMetrics;
  #waitingBytes = 0;
  #judge: HeaderJudge | null = null;
  #closed = false;

  private constructor(options: ChainOptions, modules: ChainModules, parts: Parts) {
    const { blocks, state, transactions, execute, verifyMessage, log } = modules;
    const tree = new BlockTree(parts.root);
    const index = new TransactionIndex();
    super({ tree, blocks, state, index, resolve: (raw) => transactions.resolve(raw) });
    this.#index = index;
    this.#modules = modules;
    this.#limits = { ...CHAIN_LIMITS, ...options.limits };
    this.#leftovers = parts.leftovers;
    this.genesis = { hash: parts.genesisHash, number: 0 };
    this.env = { ...options.env, blockHash: (number, parent) => this.ancestorHash(parent, number) ?? ZERO_HASH };
    this.#orphans = new OrphanRoom(this.#limits.orphans);
    this.#events = new Emitter((error) => log.error('a listener of the chain failed', { reason: errorText(error) }));
    this.#metrics = new ChainMetrics(modules.metrics);
    this.#importer = new Importer(this.#limits, {
      tree,
      blocks,
      orphans: this.#orphans,
      transactions,
      env: this.env,
      execute,
      verifyMessage,
      judge: () => this.#theJudge(),
    });
    this.#forkchoice = new Forkchoice(parts.pointer, { tree, blocks, state: parts.state, leftovers: this.#leftovers });
    this.#observe();
  }

  /**
   * Opens the database at its last finalized block; an empty one gets the genesis block first. ParleyError
   * DATA_DIR_OTHER_GENESIS, DATA_DIR_OTHER_CONFIG or DATA_DIR_DAMAGED leave it as it was.
   */
  static async open(options: ChainOptions, modules: ChainModules): Promise<Chain> {
    const resolve = modules.transactions.resolve.bind(modules.transactions);
    const opened = await openChainData(options, { blocks: modules.blocks, state: modules.state, resolve });
    const stored = await modules.blocks.unfinalized();
    const leftovers = new Map(stored.map(({ hash, block }) => [hash, block.header.number]));
    return new Chain(options, modules, { ...opened, leftovers });
  }

  /** The engine's reading side. Nothing can be imported before. */
  setJudge(judge: HeaderJudge): void {
    this.#judge = judge;
  }

  get safe(): BlockNode {
    return this.#forkchoice.safe;
  }

  /** The engine's opaque value stored with the finalized block. */
  get anchor(): Bytes | null {
    return this.#forkchoice.pointer.anchor;
  }

  /** The header and the state that a child of this block stands on; undefined when it is not in the tree. */
  parentState(hash: Hash): ParentState | undefined {
    const node = this.tree.get(hash);
    return node && parentState(node);
  }

  /** The cheap part of the import, for passing blocks on. Reads only, never waits. */
  preCheck(block: Block, how: ImportHow): PreCheck {
    return this.#importer.preCheck(block, how);
  }

  /**
   * Checks, executes, stores and adds a block. What is wrong with the block is an outcome; a rejection is this node's own
   * trouble. Whoever calls it tells the engine, then imports what `takeOrphans` gives, so that parents come first.
   */
  async import(block: Block, how: ImportHow): Promise<ImportOutcome> {
    const sizeBytes = blockSizeBound(block);
    const urgent = how.origin === 'own' || how.isNeeded === true;
    const busy =
      this.#queue.waiting >= this.#limits.importsWaitingMax ||
      this.#waitingBytes + sizeBytes > this.#limits.importsWaitingBytesMax;
    const ours = urgent || how.origin === 'replay';
    if (busy && !ours) return this.#counted(this.#importer.turnAway(block, 'IMPORT_BUSY'));
    this.#waitingBytes += sizeBytes;
    const work = async (): Promise<ImportOutcome> => {
      if (this.#closed) return this.#importer.turnAway(block, 'CHAIN_CLOSED');
      const outcome = await this.#importer.import(block, how);
      if (outcome.kind === 'imported') this.#leftovers.delete(outcome.hash);
      return outcome;
    };
    try {
      return this.#counted(await this.#queue.run(work, { urgent }));
    } finally {
      this.#waitingBytes -= sizeBytes;
    }
  }

  /** Blocks that waited for this one, in the order of their arrival. They are the caller's now. */
  takeOrphans(parent: Hash): readonly Orphan[] {
    return this.#orphans.take(parent);
  }

  /** Stored blocks above finality, parents first: to be imported as `replay` before anything else. */
  async storedAboveFinality(): Promise<readonly Block[]> {
    const stored = await this.#modules.blocks.unfinalized();
    return stored.map(({ block }) => block).filter(({ header }) => header.number > this.finalized.number);
  }

  /**
   * Carries out an engine's decision: durable first, then in memory, then told (head before finality). Rejects with
   * ParleyError FORKCHOICE_INVALID, nothing changed, when it breaks what holds for every engine.
   */
  applyForkchoice(request: ForkchoiceRequest): Promise<void> {
    return this.#queue.run(() => this.#applyForkchoice(request), { urgent: true });
  }

  /** Runs after the head moved, synchronously. Returns the unsubscriber. */
  onHead(listener: (change: HeadChange) => void): () => void {
    return this.#events.on('head', listener);
  }

  /** What became final, ascending. Runs after it is on disk, synchronously. */
  onFinalized(listener: (nodes: readonly BlockNode[]) => void): () => void {
    return this.#events.on('finalized', listener);
  }

  /** Lets the running job end; the others find the chain closed. The store stays open. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#queue.idle();
  }

  async #applyForkchoice(request: ForkchoiceRequest): Promise<void> {
    if (this.#closed) throw new ParleyError('CHAIN_CLOSED', 'the chain is closed');
    const { log } = this.#modules;
    const { head, finality } = await this.#forkchoice.apply(request);
    if (head !== null) this.#index.headMoved(head);
    if (finality !== null) {
      this.#index.finalized(finality.path);
      this.#orphans.prune(this.finalized.number);
    }
    this.#observe();
    if (head !== null) {
      if (head.removed.length > 0) {
        this.#metrics.reorged(head.removed.length);
        log.info('reorg', { removed: head.removed.length, added: head.added.length, head: this.head.hash });
      }
      this.#events.emit('head', head);
    }
    if (finality !== null) {
      log.debug('finalized', { number: this.finalized.number, hash: this.finalized.hash, dead: finality.dead.length });
      this.#events.emit('finalized', finality.path);
    }
  }

  #theJudge(): HeaderJudge {
    if (this.#judge === null) throw new ParleyError('INVARIANT', 'the chain has no engine yet');
    return this.#judge;
  }

  #counted(outcome: ImportOutcome): ImportOutcome {
    this.#metrics.imported(outcome.kind);
    this.#observe();
    return outcome;
  }

  #observe(): void {
    this.#metrics.observe({
      head: this.head.number,
      finalized: this.finalized.number,
      treeBlocks: this.tree.size,
      orphans: this.#orphans.count,
    });
  }
}
