/** eth_subscribe: who listens to what over which WebSocket. A client's subscriptions end with its connection. */
import type { Hex } from '../src/types/primitives.ts';
import { limitExceeded } from './errors.ts';
import type { Feed, FeedRequest } from './feed.ts';
import type { RpcLimits } from './limits.ts';
import { randomId } from './random-id.ts';
import type { NotificationClient } from './router.ts';

export class Subscriptions {
  readonly #feed: Feed;
  readonly #limits: RpcLimits;
  readonly #clients = new Map<NotificationClient, Map<string, () => void>>();
  #count = 0;

  constructor(feed: Feed, limits: RpcLimits) {
    this.#feed = feed;
    this.#limits = limits;
  }

  get count(): number {
    return this.#count;
  }

  /** @throws -32005 when the client, or all together, have as many as are allowed. */
  add(client: NotificationClient, request: FeedRequest): Hex {
    const own = this.#clients.get(client) ?? new Map<string, () => void>();
    const { subscriptionsPerConnectionMax, subscriptionsMax } = this.#limits;
    if (own.size >= subscriptionsPerConnectionMax) {
      throw limitExceeded(`this connection has ${own.size} subscriptions: end some with eth_unsubscribe`);
    }
    if (this.#count >= subscriptionsMax) throw limitExceeded('this node has too many subscriptions: try another node');
    const id = randomId();
    const before = `{"jsonrpc":"2.0","method":"eth_subscription","params":{"subscription":"${id}","result":`;
    own.set(
      id,
      this.#feed.add(request, (json) => client.notify(`${before}${json}}}`), client),
    );
    this.#clients.set(client, own);
    this.#count++;
    return id;
  }

  /** False: the client has no such subscription. */
  remove(client: NotificationClient, id: string): boolean {
    const own = this.#clients.get(client);
    const stop = own?.get(id);
    if (own === undefined || stop === undefined) return false;
    stop();
    own.delete(id);
    this.#count--;
    if (own.size === 0) this.#clients.delete(client);
    return true;
  }

  /** The connection is gone. */
  drop(client: NotificationClient): void {
    const own = this.#clients.get(client);
    if (own === undefined) return;
    for (const stop of own.values()) stop();
    this.#count -= own.size;
    this.#clients.delete(client);
  }
}
