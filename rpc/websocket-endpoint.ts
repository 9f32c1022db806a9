/**
 * JSON-RPC over WebSocket, on the HTTP server's port. Answers may come out of order; a client that has too many
 * requests unanswered is not read, one that does not read is dropped, and one that does not answer a ping is gone.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Log } from '../src/util/log.ts';
import type { Counter } from '../src/util/metrics.ts';
import type { Access } from './access.ts';
import type { ConnectionTable } from './connection-table.ts';
import { INVALID_REQUEST } from './errors.ts';
import { errorAnswer, type Answer, type JsonRpc } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import type { Caller, NotificationClient } from './router.ts';
import type { Subscriptions } from './subscriptions.ts';

export type WebSocketModules = {
  readonly rpc: JsonRpc;
  readonly access: Access;
  readonly connections: ConnectionTable;
  readonly subscriptions: Subscriptions;
  readonly limits: RpcLimits;
  readonly log: Log;
  readonly refused: Counter;
};

const GOING_AWAY = 1001;

export class WebSocketEndpoint {
  readonly #modules: WebSocketModules;
  readonly #server: WebSocketServer;
  readonly #clients = new Set<WebSocketClient>();
  readonly #pings: NodeJS.Timeout;

  constructor(modules: WebSocketModules) {
    this.#modules = modules;
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: modules.limits.bodySizeBytesMax,
    });
    this.#pings = setInterval(() => this.#ping(), modules.limits.webSocketPingIntervalMs);
    this.#pings.unref();
  }

  get size(): number {
    return this.#clients.size;
  }

  /** Of the HTTP server's `upgrade`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { access, connections, limits } = this.#modules;
    socket.on('error', () => socket.destroy());
    const connection = connections.of(request.socket);
    if (connection === undefined) return void socket.destroy();
    const { host, origin } = request.headers;
    if (!access.hostAllowed(host)) return this.#refuse(socket, 403, 'Forbidden', 'invalid host specified');
    if (origin !== undefined && !access.originAllowed(origin)) {
      return this.#refuse(socket, 403, 'Forbidden', 'this origin is not allowed: add it to the CORS origins');
    }
    const ofAddress = this.#countOf(connection.address);
    if (this.#clients.size >= limits.webSocketsMax || ofAddress >= limits.webSocketsPerAddressMax) {
      return this.#refuse(socket, 503, 'Service Unavailable', 'too many WebSocket connections: close some');
    }
    connection.upgraded = true;
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, connection.address));
  }

  /** Tells every client to go, and hangs up on those that have not after `graceMs`. */
  async stop(graceMs: number): Promise<void> {
    clearInterval(this.#pings);
    const gone = [...this.#clients].map((client) => client.close());
    const timer = setTimeout(() => {
      for (const client of this.#clients) client.terminate();
    }, graceMs);
    await Promise.all(gone);
    clearTimeout(timer);
    this.#server.close();
  }

  #open(webSocket: WebSocket, address: string): void {
    const client = new WebSocketClient(webSocket, address, this.#modules);
    this.#clients.add(client);
    webSocket.on('close', () => {
      this.#clients.delete(client);
      this.#modules.subscriptions.drop(client);
    });
  }

  #ping(): void {
    for (const client of this.#clients) client.ping();
  }

  #countOf(address: string): number {
    let count = 0;
    for (const client of this.#clients) if (client.address === address) count++;
    return count;
  }

  #refuse(socket: Duplex, status: number, reason: string, message: string): void {
    this.#modules.refused.add(1, { reason: String(status) });
    const body = errorAnswer('null', { code: INVALID_REQUEST, message });
    socket.end(
      `HTTP/1.1 ${status} ${reason}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    (socket as Socket).destroySoon();
  }
}

class WebSocketClient implements NotificationClient {
  readonly address: string;
  readonly #socket: WebSocket;
  readonly #modules: WebSocketModules;
  #inFlight = 0;
  #paused = false;
  #alive = true;
  /** Messages that made a subscription and are not answered yet. */
  #holds = 0;
  #held: string[] = [];
  #heldSizeBytes = 0;

  constructor(socket: WebSocket, address: string, modules: WebSocketModules) {
    this.address = address;
    this.#socket = socket;
    this.#modules = modules;
    socket.on('message', (data: RawData) => this.#message(data));
    socket.on('pong', () => (this.#alive = true));
    socket.on('error', (error) => modules.log.debug('WebSocket client failed', { address, error }));
  }

  notify(text: string): void {
    if (this.#holds === 0) return this.#send(text);
    this.#held.push(text);
    this.#heldSizeBytes += text.length;
    if (this.#heldSizeBytes > this.#modules.limits.webSocketBacklogBytesMax) this.#drop();
  }

  ping(): void {
    if (!this.#alive) return this.terminate();
    this.#alive = false;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** Resolves when the connection is closed. */
  close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.readyState === this.#socket.CLOSED) resolve();
    else this.#socket.once('close', () => resolve());
    this.#socket.close(GOING_AWAY, 'the node is stopping');
    return promise;
  }

  terminate(): void {
    this.#socket.terminate();
  }

  /** A message's subscriptions count from its answer on. */
  hold(): void {
    this.#holds++;
  }

  release(holds: number): void {
    this.#holds -= holds;
    if (this.#holds > 0 || this.#held.length === 0) return;
    const held = this.#held;
    this.#held = [];
    this.#heldSizeBytes = 0;
    for (const text of held) this.#send(text);
  }

  #message(data: RawData): void {
    const caller = new MessageCaller(this);
    this.#inFlight++;
    if (this.#inFlight >= this.#modules.limits.inFlightPerConnectionMax && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    const answer = this.#modules.rpc.handle(textOf(data), caller);
    if (!(answer instanceof Promise)) return this.#answered(answer, caller);
    answer.then(
      (later) => this.#answered(later, caller),
      (error: unknown) => {
        this.#modules.log.error('an answer was lost', { error: error instanceof Error ? error : String(error) });
        this.terminate();
      },
    );
  }

  #answered(answer: Answer, caller: MessageCaller): void {
    this.#inFlight--;
    if (answer !== null) this.#send(answer);
    if (caller.holds > 0) this.release(caller.holds);
    if (this.#paused && this.#inFlight <= this.#modules.limits.inFlightPerConnectionMax / 2) {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  #send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > this.#modules.limits.webSocketBacklogBytesMax) return this.#drop();
    this.#socket.send(text);
  }

  #drop(): void {
    this.#modules.refused.add(1, { reason: 'backlog' });
    this.#modules.log.warn('WebSocket client does not read: dropped', {
      address: this.address,
      backlogBytes: this.#socket.bufferedAmount,
    });
    this.#held = [];
    this.terminate();
  }
}

class MessageCaller implements Caller {
  readonly client: WebSocketClient;
  holds = 0;

  constructor(client: WebSocketClient) {
    this.client = client;
  }

  hold(): void {
    this.holds++;
    this.client.hold();
  }
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString('utf8');
}
