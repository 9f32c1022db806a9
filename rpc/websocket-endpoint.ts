/**
 * JSON-RPC over WebSocket, on the HTTP server's port. Who calls is found out once, by the headers of the upgrade. Answers may
 * come out of order; a client that has too many requests unanswered is not read, one that does not read is dropped, and one
 * that does not answer a ping, or never ends a message, is gone.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import type { Log } from '../src/util/log.ts';
import type { Counter } from '../src/util/metrics.ts';
import type { Access } from './access.ts';
import { Unauthorized, type Authentication, type Identity } from './authentication.ts';
import type { Client } from './client.ts';
import type { Connection, ConnectionTable } from './connection-table.ts';
import { INVALID_REQUEST } from './errors.ts';
import type { Intake } from './intake.ts';
import { errorAnswer, type JsonRpc, type Reply } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import type { Caller, NotificationClient } from './router.ts';
import type { Subscriptions } from './subscriptions.ts';

export type WebSocketModules = {
  readonly rpc: JsonRpc;
  readonly access: Access;
  readonly authentication: Authentication;
  readonly intake: Intake;
  readonly connections: ConnectionTable;
  readonly subscriptions: Subscriptions;
  readonly limits: RpcLimits;
  readonly log: Log;
  readonly refused: Counter;
};

const GOING_AWAY = 1001;
/** Pings and pongs come in frames of up to 131 bytes; what is larger belongs to a message. */
const CONTROL_FRAMES_BYTES = 512;
const REASONS: ReadonlyMap<number, string> = new Map([
  [401, 'Unauthorized'],
  [403, 'Forbidden'],
  [503, 'Service Unavailable'],
]);

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
    const { access, authentication, connections } = this.#modules;
    socket.on('error', () => socket.destroy());
    const connection = connections.of(request.socket);
    if (connection === undefined) return void socket.destroy();
    const { host, origin } = request.headers;
    if (!access.hostAllowed(host)) return this.#refuse(socket, 403, 'invalid host specified');
    if (origin !== undefined && !access.originAllowed(origin)) {
      return this.#refuse(socket, 403, 'this origin is not allowed: add it to the CORS origins');
    }
    const identity = authentication.identify(request.headers, connection.address);
    const accept = (found: Identity): void => this.#accept(request, { socket, head, connection }, found);
    if (identity instanceof Promise) void identity.then(accept);
    else accept(identity);
  }

  #accept(request: IncomingMessage, { socket, head, connection }: Upgrade, identity: Identity): void {
    const { limits } = this.#modules;
    if (identity instanceof Unauthorized) {
      return this.#refuse(socket, 401, identity.message, `www-authenticate: ${identity.challenge}\r\n`);
    }
    const own = this.#countOf(identity.id);
    if (this.#clients.size >= limits.webSocketsMax || own >= limits.webSocketsPerClientMax) {
      return this.#refuse(socket, 503, 'too many WebSocket connections: close some', 'retry-after: 1\r\n');
    }
    connection.upgraded = true;
    this.#server.handleUpgrade(request, socket, head, (webSocket) =>
      this.#open(webSocket, connection.socket, identity),
    );
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

  #open(webSocket: WebSocket, socket: Socket, identity: Client): void {
    const client = new WebSocketClient(webSocket, socket, identity, this.#modules);
    this.#clients.add(client);
    webSocket.on('close', () => {
      this.#clients.delete(client);
      client.forget();
      this.#modules.subscriptions.drop(client);
    });
  }

  #ping(): void {
    for (const client of this.#clients) client.ping();
  }

  #countOf(id: string): number {
    let count = 0;
    for (const client of this.#clients) if (client.identity.id === id) count++;
    return count;
  }

  /** `headers`: more of them, each with its line's end. */
  #refuse(socket: Duplex, status: number, message: string, headers = ''): void {
    this.#modules.refused.add(1, { reason: String(status) });
    const body = errorAnswer('null', { code: INVALID_REQUEST, message });
    socket.end(
      `HTTP/1.1 ${status} ${REASONS.get(status) ?? ''}\r\nconnection: close\r\n${headers}content-type: application/json\r\n` +
        `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    (socket as Socket).destroySoon();
  }
}

type Upgrade = { readonly socket: Duplex; readonly head: Buffer; readonly connection: Connection };

class WebSocketClient implements NotificationClient {
  readonly identity: Client;
  readonly #socket: WebSocket;
  readonly #modules: WebSocketModules;
  #inFlight = 0;
  /** Bytes since the last message ended, and when the first of them came. */
  #partialBytes = 0;
  #partialSinceMs = 0;
  /** Of messages that are not answered yet. */
  #heldBytes = 0;
  #paused = false;
  #alive = true;
  /** Messages that made a subscription and are not answered yet. */
  #holds = 0;
  #held: string[] = [];
  #heldSizeBytes = 0;

  constructor(socket: WebSocket, raw: Socket, identity: Client, modules: WebSocketModules) {
    this.identity = identity;
    this.#socket = socket;
    this.#modules = modules;
    const { address } = identity;
    // Before the library, which tells of a message while it is given the last of its bytes.
    raw.prependListener('data', (chunk: Buffer) => this.#received(chunk.length));
    socket.on('message', (data: RawData) => this.#message(data));
    socket.on('pong', () => (this.#alive = true));
    socket.on('error', (error) => modules.log.debug('WebSocket client failed', { address, error }));
  }

  get clientId(): string {
    return this.identity.id;
  }

  notify(text: string): void {
    if (this.#holds === 0) return this.#send(text);
    this.#held.push(text);
    this.#heldSizeBytes += text.length;
    if (this.#heldSizeBytes > this.#modules.limits.webSocketBacklogBytesMax) this.#drop('does not read');
  }

  lose(error: Error | null): void {
    this.#drop('cannot be told all that it listens to', error);
  }

  ping(): void {
    if (!this.#alive || this.#stuck()) return this.terminate();
    this.#alive = false;
    if (this.#socket.readyState === this.#socket.OPEN) this.#socket.ping();
  }

  /** The connection is gone: nothing more is heard of what came over it. */
  forget(): void {
    this.#release(this.#partialBytes + this.#heldBytes);
    this.#partialBytes = this.#heldBytes = 0;
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

  #received(sizeBytes: number): void {
    if (this.#socket.readyState === this.#socket.CLOSED) return;
    if (this.#partialBytes === 0) this.#partialSinceMs = performance.now();
    this.#partialBytes += sizeBytes;
    if (this.#modules.intake.add(this.identity.id, sizeBytes)) return;
    this.#modules.refused.add(1, { reason: 'busy' });
    this.terminate();
  }

  /** A message goes on and on. */
  #stuck(): boolean {
    if (this.#partialBytes > CONTROL_FRAMES_BYTES) {
      return performance.now() - this.#partialSinceMs > this.#modules.limits.requestTimeoutMs;
    }
    this.#release(this.#partialBytes);
    this.#partialBytes = 0;
    return false;
  }

  #release(sizeBytes: number): void {
    if (sizeBytes > 0) this.#modules.intake.remove(this.identity.id, sizeBytes);
  }

  #message(data: RawData): void {
    const caller = new MessageCaller(this);
    const sizeBytes = this.#partialBytes;
    this.#partialBytes = 0;
    this.#heldBytes += sizeBytes;
    this.#inFlight++;
    if (this.#inFlight >= this.#modules.limits.inFlightPerConnectionMax && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
    const reply = this.#modules.rpc.handle(textOf(data), caller);
    if (!(reply instanceof Promise)) return this.#answered(reply, caller, sizeBytes);
    reply.then(
      (later) => this.#answered(later, caller, sizeBytes),
      (error: unknown) => {
        this.#modules.log.error('an answer was lost', { error: error instanceof Error ? error : String(error) });
        this.terminate();
      },
    );
  }

  #answered({ answer }: Reply, caller: MessageCaller, sizeBytes: number): void {
    this.#inFlight--;
    // Nothing is held any more when the connection ended first.
    const held = Math.min(sizeBytes, this.#heldBytes);
    this.#heldBytes -= held;
    this.#release(held);
    if (answer !== null) this.#send(answer);
    if (caller.holds > 0) this.release(caller.holds);
    if (this.#paused && this.#inFlight <= this.#modules.limits.inFlightPerConnectionMax / 2) {
      this.#paused = false;
      this.#socket.resume();
    }
  }

  #send(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#socket.bufferedAmount > this.#modules.limits.webSocketBacklogBytesMax) return this.#drop('does not read');
    this.#socket.send(text);
  }

  #drop(why: string, error: Error | null = null): void {
    this.#modules.refused.add(1, { reason: 'backlog' });
    this.#modules.log.warn(`WebSocket client ${why}: dropped`, {
      client: this.identity.id,
      backlogBytes: this.#socket.bufferedAmount,
      ...(error === null ? {} : { error }),
    });
    this.#held = [];
    // That it is closed is heard of later, and until then there would be more to tell it.
    this.#modules.subscriptions.drop(this);
    this.terminate();
  }
}

class MessageCaller implements Caller {
  readonly notifications: WebSocketClient;
  holds = 0;

  constructor(notifications: WebSocketClient) {
    this.notifications = notifications;
  }

  get client(): Client {
    return this.notifications.identity;
  }

  hold(): void {
    this.holds++;
    this.notifications.hold();
  }
}

function textOf(data: RawData): string {
  if (Buffer.isBuffer(data)) return data.toString('utf8');
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data)).toString('utf8');
}
