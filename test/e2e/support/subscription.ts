import { once } from 'node:events';

type Frame = { readonly id?: number; readonly error?: unknown; readonly params?: { readonly result: unknown } };

/** One eth_subscribe over a WebSocket of its own; what came is kept in order. */
export class Subscription<T> {
  readonly received: T[] = [];
  readonly #socket: WebSocket;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Resolves when the node has confirmed it. `url`: the node's HTTP address. */
  static async open<T>(url: string, ...params: readonly unknown[]): Promise<Subscription<T>> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    await once(socket, 'open');
    const subscription = new Subscription<T>(socket);
    const confirmed = new Promise<void>((done, failed) => {
      socket.addEventListener('message', ({ data }) => {
        const frame = JSON.parse(String(data)) as Frame;
        if (frame.params !== undefined) subscription.received.push(frame.params.result as T);
        else if (frame.error === undefined) done();
        else failed(new Error(JSON.stringify(frame.error)));
      });
    });
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params }));
    await confirmed;
    return subscription;
  }

  find(fits: (item: T) => boolean): Promise<T | undefined> {
    return Promise.resolve(this.received.find(fits));
  }

  findLast(fits: (item: T) => boolean): Promise<T | undefined> {
    return Promise.resolve(this.received.findLast(fits));
  }

  close(): void {
    this.#socket.close();
  }
}
