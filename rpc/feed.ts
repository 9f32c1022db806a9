/**
 * What happens on the node, as JSON text for whoever listens: WebSocket subscriptions and polled filters. One listener
 * on the node however many there are, and a block and its logs are formatted once for all of them. Who listens to much is told in slices.
 *
 * On a reorg logs of the dropped blocks come first, newest block and newest log first, with `removed: true`; then the
 * logs of the new blocks in order.
 *
 * Who listens to `syncing` is told when the node begins to catch up (at once, should it do so already) and when it has.
 */
import type { BlockView, HeadEvent, NodeEvents, SyncProgress } from '../src/node/api.ts';
import type { Transaction } from '../src/types/transaction.ts';
import { Audiences, type Audience, type Deliver, type Happening } from './audiences.ts';
import { formatHeader, formatPooled, formatSyncing } from './format.ts';
import type { LogCriteria } from './log-filter.ts';
import type { RenderedBlocks } from './rendered-blocks.ts';
import { mayHaveLogs, type RenderedLogs } from './rendered-logs.ts';
import { Turns } from './turns.ts';

export type FeedRequest =
  | { readonly kind: 'headers' }
  | { readonly kind: 'blockHashes' }
  | { readonly kind: 'logs'; readonly criteria: LogCriteria }
  | { readonly kind: 'transactions' }
  | { readonly kind: 'transactionHashes' }
  | { readonly kind: 'syncing' };

/** Blocks may have very much in them: fewer of them may wait for somebody. */
const BLOCK_WEIGHT = 50;
const TRANSACTION_WEIGHT = 1;
/** Listens to what cannot be too much. */
const NOBODY: Audience = { clientId: '', lose: () => {} };
/** Falling behind is heard of from peers, not with a block of our own. */
const SYNCING_CHECK_MS = 1000;

type SyncListener = { readonly deliver: Deliver; isSyncing: boolean };

export class Feed {
  readonly #audiences: Audiences<FeedRequest>;
  readonly #syncListeners = new Set<SyncListener>();
  readonly #stops: readonly (() => void)[];
  readonly #rendered: RenderedBlocks;
  readonly #syncing: () => SyncProgress | null;
  #checks: NodeJS.Timeout | null = null;

  constructor(
    events: NodeEvents,
    rendered: RenderedBlocks,
    syncing: () => SyncProgress | null = () => null,
    turns: Turns = new Turns(),
  ) {
    this.#audiences = new Audiences(turns);
    this.#rendered = rendered;
    this.#syncing = syncing;
    this.#stops = [
      events.on('head', (event) => this.#head(event)),
      events.on('pendingTransaction', (transaction) => this.#pending(transaction)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#audiences.clear();
    this.#syncListeners.clear();
    this.#stopChecks();
  }

  /** `deliver` gets the JSON of one result. Returns the way to stop listening. */
  add(request: FeedRequest, deliver: Deliver, audience: Audience = NOBODY): () => void {
    if (request.kind === 'syncing') return this.#addSyncListener(deliver);
    return this.#audiences.add(audience, request, deliver);
  }

  #addSyncListener(deliver: Deliver): () => void {
    const listener = { deliver, isSyncing: false };
    this.#syncListeners.add(listener);
    this.#checks ??= setInterval(() => this.#checkSyncing(), SYNCING_CHECK_MS).unref();
    this.#checkSyncing();
    return () => {
      this.#syncListeners.delete(listener);
      if (this.#syncListeners.size === 0) this.#stopChecks();
    };
  }

  #stopChecks(): void {
    if (this.#checks !== null) clearInterval(this.#checks);
    this.#checks = null;
  }

  #checkSyncing(): void {
    const progress = this.#syncing();
    for (const listener of this.#syncListeners) {
      if (listener.isSyncing === (progress !== null)) continue;
      listener.isSyncing = progress !== null;
      listener.deliver(
        progress === null ? 'false' : JSON.stringify({ syncing: true, status: formatSyncing(progress) }),
      );
    }
  }

  #head(event: HeadEvent): void {
    if (this.#syncListeners.size > 0) this.#checkSyncing();
    for (const view of event.removed) this.#audiences.tell(new RemovedBlock(view, this.#rendered));
    for (const view of event.added) this.#audiences.tell(new AddedBlock(view, this.#rendered));
  }

  #pending(transaction: Transaction): void {
    this.#audiences.tell(new PendingTransaction(transaction));
  }
}

/** Its logs are the same texts for all, also where they are not kept any longer. */
abstract class BlockHappening implements Happening<FeedRequest> {
  readonly weight = BLOCK_WEIGHT;
  protected readonly view: BlockView;
  readonly #rendered: RenderedBlocks;
  #logs: RenderedLogs | null = null;

  constructor(view: BlockView, rendered: RenderedBlocks) {
    this.view = view;
    this.#rendered = rendered;
  }

  abstract concerns(request: FeedRequest): boolean;
  abstract texts(request: FeedRequest): readonly string[];

  fade(): void {
    this.#logs = null;
  }

  protected logs(criteria: LogCriteria, removed: boolean): string[] {
    if (!mayHaveLogs(criteria, this.view)) return [];
    this.#logs ??= this.#rendered.logs(this.view);
    return this.#logs.matching(criteria, this.view, removed);
  }
}

class RemovedBlock extends BlockHappening {
  override concerns({ kind }: FeedRequest): boolean {
    return kind === 'logs';
  }

  override texts(request: FeedRequest): readonly string[] {
    return request.kind === 'logs' ? this.logs(request.criteria, true).reverse() : [];
  }
}

class AddedBlock extends BlockHappening {
  #header: string | null = null;

  override concerns({ kind }: FeedRequest): boolean {
    return kind === 'headers' || kind === 'blockHashes' || kind === 'logs';
  }

  override texts(request: FeedRequest): readonly string[] {
    if (request.kind === 'logs') return this.logs(request.criteria, false);
    if (request.kind === 'blockHashes') return [`"${this.view.hash}"`];
    return [(this.#header ??= JSON.stringify(formatHeader(this.view)))];
  }
}

class PendingTransaction implements Happening<FeedRequest> {
  readonly weight = TRANSACTION_WEIGHT;
  readonly #transaction: Transaction;
  #full: string | null = null;

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  concerns({ kind }: FeedRequest): boolean {
    return kind === 'transactions' || kind === 'transactionHashes';
  }

  texts({ kind }: FeedRequest): readonly string[] {
    if (kind === 'transactionHashes') return [`"${this.#transaction.hash}"`];
    return [(this.#full ??= JSON.stringify(formatPooled(this.#transaction)))];
  }

  fade(): void {
    this.#full = null;
  }
}
