/**
 * What happens on the node, as JSON text for whoever listens: WebSocket subscriptions and polled filters. One listener
 * on the node however many there are, and a block is formatted once for all of them.
 *
 * On a reorg logs of the dropped blocks come first, newest block and newest log first, with `removed: true`; then the
 * logs of the new blocks in order.
 *
 * Who listens to `syncing` is told when the node begins to catch up (at once, should it do so already) and when it has.
 */
import type { BlockView, HeadEvent, NodeEvents, SyncProgress } from '../src/node/api.ts';
import type { Transaction } from '../src/types/transaction.ts';
import { formatHeader, formatPooled, formatSyncing } from './format.ts';
import { blockLogs, type LogCriteria } from './log-filter.ts';

export type FeedRequest =
  | { readonly kind: 'headers' }
  | { readonly kind: 'blockHashes' }
  | { readonly kind: 'logs'; readonly criteria: LogCriteria }
  | { readonly kind: 'transactions' }
  | { readonly kind: 'transactionHashes' }
  | { readonly kind: 'syncing' };

/** `json` is one result. Must not throw. */
export type Deliver = (json: string) => void;

/** Falling behind is heard of from peers, not with a block of our own. */
const SYNCING_CHECK_MS = 1000;

type SyncListener = { readonly deliver: Deliver; isSyncing: boolean };
type Listener = { readonly request: FeedRequest; readonly deliver: Deliver };

export class Feed {
  readonly #blockListeners = new Set<Listener>();
  readonly #transactionListeners = new Set<Listener>();
  readonly #syncListeners = new Set<SyncListener>();
  readonly #stops: readonly (() => void)[];
  readonly #syncing: () => SyncProgress | null;
  #checks: NodeJS.Timeout | null = null;

  constructor(events: NodeEvents, syncing: () => SyncProgress | null = () => null) {
    this.#syncing = syncing;
    this.#stops = [
      events.on('head', (event) => this.#head(event)),
      events.on('pendingTransaction', (transaction) => this.#pending(transaction)),
    ];
  }

  stop(): void {
    for (const stop of this.#stops) stop();
    this.#blockListeners.clear();
    this.#transactionListeners.clear();
    this.#syncListeners.clear();
    this.#stopChecks();
  }

  /** Returns the way to stop listening. */
  add(request: FeedRequest, deliver: Deliver): () => void {
    if (request.kind === 'syncing') return this.#addSyncListener(deliver);
    const ofTransactions = request.kind === 'transactions' || request.kind === 'transactionHashes';
    const listeners = ofTransactions ? this.#transactionListeners : this.#blockListeners;
    const listener = { request, deliver };
    listeners.add(listener);
    return () => void listeners.delete(listener);
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
    if (this.#blockListeners.size === 0) return;
    for (const view of event.removed) this.#removed(view);
    for (const view of event.added) this.#added(view);
  }

  #removed(view: BlockView): void {
    for (const { request, deliver } of this.#blockListeners) {
      if (request.kind !== 'logs') continue;
      for (const log of blockLogs(request.criteria, view, true).reverse()) deliver(JSON.stringify(log));
    }
  }

  #added(view: BlockView): void {
    let header: string | null = null;
    for (const { request, deliver } of this.#blockListeners) {
      if (request.kind === 'headers') deliver((header ??= JSON.stringify(formatHeader(view))));
      else if (request.kind === 'blockHashes') deliver(`"${view.hash}"`);
      else if (request.kind === 'logs') {
        for (const log of blockLogs(request.criteria, view)) deliver(JSON.stringify(log));
      }
    }
  }

  #pending(transaction: Transaction): void {
    let full: string | null = null;
    for (const { request, deliver } of this.#transactionListeners) {
      if (request.kind === 'transactions') deliver((full ??= JSON.stringify(formatPooled(transaction))));
      else deliver(`"${transaction.hash}"`);
    }
  }
}
