/**
 * Polled filters (eth_newFilter and its kin) for clients without a WebSocket. A filter that nobody polls, or that
 * overflows, is forgotten: the next poll is told so, and clients make a new one.
 */
import type { Hex } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { limitExceeded } from './errors.ts';
import type { Feed, FeedRequest } from './feed.ts';
import type { RpcLimits } from './limits.ts';
import type { LogQuery } from './log-filter.ts';
import { randomId } from './random-id.ts';

type Filter = {
  /** Whose it counts as; anybody who has its id may poll it. */
  readonly client: string;
  entries: string[];
  sizeBytes: number;
  polledMs: number;
  readonly query: LogQuery | null;
  readonly stop: () => void;
};

export class Filters {
  readonly #feed: Feed;
  readonly #limits: RpcLimits;
  readonly #filters = new Map<string, Filter>();
  readonly #counts = new Map<string, number>();
  #sizeBytes = 0;
  readonly #now: () => number;

  /** `now`: monotonic milliseconds. */
  constructor(feed: Feed, limits: RpcLimits, now: () => number = () => performance.now()) {
    this.#feed = feed;
    this.#limits = limits;
    this.#now = now;
  }

  /**
   * `client`: id of who asks. `query` lets eth_getFilterLogs ask again for everything.
   * @throws -32005 when the client, or all together, have as many as are allowed.
   */
  add(client: string, request: FeedRequest, query: LogQuery | null = null): Hex {
    this.#forgetIdle();
    const own = this.#counts.get(client) ?? 0;
    if (own >= this.#limits.filtersPerClientMax) {
      throw limitExceeded(`this client holds ${own} filters: end some with eth_uninstallFilter`);
    }
    if (this.#filters.size >= this.#limits.filtersMax) {
      throw limitExceeded(`this node holds ${this.#filters.size} filters: end some with eth_uninstallFilter`);
    }
    const id = randomId();
    const audience = { clientId: client, lose: () => void this.remove(id) };
    const stop = this.#feed.add(request, (json) => this.#deliver(id, json), audience);
    this.#counts.set(client, own + 1);
    this.#filters.set(id, { client, entries: [], sizeBytes: 0, polledMs: this.#now(), query, stop });
    return id;
  }

  /** JSON text of the results since the last poll. @throws -32000 "filter not found". */
  changes(id: string): string {
    const filter = this.#require(id);
    const { entries } = filter;
    filter.entries = [];
    this.#sizeBytes -= filter.sizeBytes;
    filter.sizeBytes = 0;
    return `[${entries.join(',')}]`;
  }

  /** @throws -32000 when there is no such filter, or it is not one of logs. */
  query(id: string): LogQuery {
    const { query } = this.#require(id);
    if (query === null) throw new ParleyError('RPC_INVALID_INPUT', `filter not found: ${id} is not a filter of logs`);
    return query;
  }

  remove(id: string): boolean {
    const filter = this.#filters.get(id);
    if (filter === undefined) return false;
    filter.stop();
    this.#filters.delete(id);
    this.#sizeBytes -= filter.sizeBytes;
    const left = (this.#counts.get(filter.client) ?? 0) - 1;
    if (left > 0) this.#counts.set(filter.client, left);
    else this.#counts.delete(filter.client);
    return true;
  }

  #deliver(id: string, json: string): void {
    const filter = this.#filters.get(id);
    if (filter === undefined) return;
    const idle = this.#now() - filter.polledMs > this.#limits.filterIdleMs;
    if (idle || filter.entries.length >= this.#limits.filterEntriesMax) {
      this.remove(id);
      return;
    }
    filter.entries.push(json);
    filter.sizeBytes += json.length;
    this.#sizeBytes += json.length;
    while (this.#sizeBytes > this.#limits.filtersSizeBytesMax) this.remove(this.#largest());
  }

  /** Who keeps most gives way, so that nobody can crowd out others. */
  #largest(): string {
    let [largest, sizeBytes] = ['', -1];
    for (const [id, filter] of this.#filters) {
      if (filter.sizeBytes > sizeBytes) [largest, sizeBytes] = [id, filter.sizeBytes];
    }
    return largest;
  }

  #require(id: string): Filter {
    this.#forgetIdle();
    const filter = this.#filters.get(id);
    if (filter === undefined) {
      throw new ParleyError('RPC_INVALID_INPUT', 'filter not found: it was ended, unpolled for too long or overfull');
    }
    filter.polledMs = this.#now();
    return filter;
  }

  #forgetIdle(): void {
    const now = this.#now();
    for (const [id, filter] of this.#filters) if (now - filter.polledMs > this.#limits.filterIdleMs) this.remove(id);
  }
}
