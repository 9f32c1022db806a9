import { once } from 'node:events';
import { RpcError } from './rpc.ts';

type Frame = {
  readonly id?: number;
  readonly result?: unknown;
  readonly error?: { code: number; message: string; data?: unknown };
  readonly params?: { readonly subscription: string; readonly result: unknown };
};
type Waiting = {
  readonly method: string;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

/** Calls and subscriptions over one WebSocket. */
export class SocketRpc {
  /** What came of each subscription, in order. */
  readonly events = new Map<string, unknown[]>();
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(JSON.parse(String(data)) as Frame));
  }

  /** `url`: the node's HTTP address. */
  static async open(url: string): Promise<SocketRpc> {
    const socket = new WebSocket(url.replace(/^http/, 'ws'));
    await once(socket, 'open');
    return new SocketRpc(socket);
  }

  readonly call = <T = unknown>(method: string, params: readonly unknown[]): Promise<T> => {
    const id = this.#nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#waiting.set(id, { method, resolve, reject });
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return promise as Promise<T>;
  };

  close(): void {
    this.#socket.close();
  }

  #take({ id, result, error, params }: Frame): void {
    if (params !== undefined) {
      const events = this.events.get(params.subscription) ?? [];
      events.push(params.result);
      this.events.set(params.subscription, events);
      return;
    }
    const waiting = this.#waiting.get(id ?? 0);
    this.#waiting.delete(id ?? 0);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new RpcError(waiting.method, error));
  }
}
