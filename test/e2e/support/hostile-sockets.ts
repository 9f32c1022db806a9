import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { WsTester } from '../../rpc/fixture.ts';

/** Connections of hostile clients, each from one of this machine's addresses 127.0.0.1 to 127.0.0.254. */
export class HostileSockets {
  readonly #url: string;
  readonly #open = new Set<Socket>();
  readonly #webSockets = new Set<WebSocket>();

  constructor(url: string) {
    this.#url = url;
  }

  /** Resolves when it is connected, which the other end may undo at once. */
  async open(last: number): Promise<Socket> {
    const socket = connect({ port: Number(new URL(this.#url).port), host: '127.0.0.1', localAddress: address(last) });
    this.#open.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#open.delete(socket));
    await once(socket, 'connect');
    return socket;
  }

  async webSocket(last: number): Promise<WsTester> {
    const socket = new WebSocket(this.#url.replace(/^http/, 'ws'), { localAddress: address(last) });
    this.#webSockets.add(socket);
    const tester = new WsTester(socket);
    await once(socket, 'open');
    return tester;
  }

  /** Open TCP connections, as far as this end knows. */
  get size(): number {
    return this.#open.size;
  }

  countFrom(last: number): number {
    return [...this.#open].filter(({ localAddress }) => localAddress === address(last)).length;
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
    for (const socket of this.#webSockets) socket.terminate();
    this.#open.clear();
    this.#webSockets.clear();
  }
}

function address(last: number): string {
  return `127.0.0.${last}`;
}
