/** A server on a free port over the fake node, and the plain clients that tests speak to it with. */
import { connect, type Socket } from 'node:net';
import { WebSocket } from 'ws';
import { namespace } from '../../src/node/config-schema.ts';
import { silentLog } from '../../src/util/log.ts';
import { noMetrics } from '../../src/util/metrics.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { RpcServer, type RpcServerModules, type RpcServerOptions } from '../../rpc/server.ts';
import { FakeNode } from './fake-node.ts';

export const ALL_NAMESPACES: readonly string[] = namespace.options;

export type RpcAnswer = {
  readonly id?: JsonValue;
  readonly result?: JsonValue;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: JsonValue };
};

export class Fixture {
  readonly node: FakeNode;
  readonly server: RpcServer;
  #nextId = 1;

  constructor(node: FakeNode, server: RpcServer) {
    this.node = node;
    this.server = server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.server.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.server.port}`;
  }

  async call(method: string, ...params: JsonValue[]): Promise<RpcAnswer> {
    const response = await this.post(JSON.stringify({ jsonrpc: '2.0', id: this.#nextId++, method, params }));
    return (await response.json()) as RpcAnswer;
  }

  /** The result; throws the error's message. */
  async result(method: string, ...params: JsonValue[]): Promise<JsonValue> {
    const answer = await this.call(method, ...params);
    if (answer.error !== undefined) throw new Error(`${answer.error.code} ${answer.error.message}`);
    return answer.result ?? null;
  }

  /** A result that is text. */
  async text(method: string, ...params: JsonValue[]): Promise<string> {
    const result = await this.result(method, ...params);
    if (typeof result !== 'string') throw new Error(`${method} answered ${JSON.stringify(result)}`);
    return result;
  }

  post(body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.url, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  }

  /** A TCP connection; nothing is sent. */
  async socket(): Promise<Socket> {
    const socket = connect(this.server.port, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  async webSocket(options: { readonly origin?: string } = {}): Promise<WsTester> {
    const socket = new WebSocket(this.wsUrl, options);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new WsTester(socket);
  }

  /** The proof that the server still lives. */
  async answers(): Promise<boolean> {
    return (await this.result('eth_chainId')) === '0x7a69';
  }
}

/** Keeps every message, and hands them out in order. */
export class WsTester {
  readonly socket: WebSocket;
  readonly #messages: JsonObject[] = [];
  #wake: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('error', () => {});
    socket.on('message', (data: Buffer) => {
      this.#messages.push(JSON.parse(data.toString()) as JsonObject);
      this.#wake();
    });
  }

  get waiting(): number {
    return this.#messages.length;
  }

  async next(): Promise<JsonObject> {
    while (this.#messages.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#messages.shift() ?? {};
  }

  async take(count: number): Promise<JsonObject[]> {
    const taken: JsonObject[] = [];
    while (taken.length < count) taken.push(await this.next());
    return taken;
  }

  send(message: JsonValue): void {
    this.socket.send(JSON.stringify(message));
  }

  async call(method: string, ...params: JsonValue[]): Promise<RpcAnswer> {
    this.send({ jsonrpc: '2.0', id: 1, method, params });
    return this.next();
  }

  async subscribe(...params: JsonValue[]): Promise<string> {
    const { result } = await this.call('eth_subscribe', ...params);
    if (typeof result !== 'string') throw new Error('no subscription');
    return result;
  }

  closed(): Promise<number> {
    return new Promise((resolve) => this.socket.once('close', resolve));
  }
}

/** What a notification carries. */
export function notified(message: JsonObject): { readonly subscription: string; readonly result: JsonObject } {
  return message['params'] as unknown as { subscription: string; result: JsonObject };
}

export async function startFixture(
  options: Partial<RpcServerOptions> = {},
  modules: Partial<RpcServerModules> = {},
): Promise<Fixture> {
  const node = new FakeNode();
  const server = new RpcServer(
    { host: '127.0.0.1', port: 0, namespaces: ALL_NAMESPACES, ...options },
    { node, log: silentLog, metrics: noMetrics, ...modules },
  );
  await server.start();
  return new Fixture(node, server);
}
