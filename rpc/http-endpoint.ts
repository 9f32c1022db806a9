/**
 * JSON-RPC over HTTP: one POST, one answer, status 200 whatever JSON-RPC says (204 for notifications). Other statuses
 * speak of the request itself: 403 Host, 404 path, 405 method, 413 size, 415 content type, 429 pipelining, 503 stopping.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../src/util/log.ts';
import type { Counter } from '../src/util/metrics.ts';
import { Access, isJsonType } from './access.ts';
import type { Connection, ConnectionTable } from './connection-table.ts';
import { INVALID_REQUEST, LIMIT_EXCEEDED, RESOURCE_UNAVAILABLE } from './errors.ts';
import { errorAnswer, type Answer, type JsonRpc } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import { HTTP_CALLER } from './router.ts';

export type ExtraAnswer = { readonly status: number; readonly contentType: string; readonly body: string };
/** Answers GET on one path, such as `/metrics`. */
export type ExtraRoute = () => Promise<ExtraAnswer>;

export type HttpModules = {
  readonly rpc: JsonRpc;
  readonly access: Access;
  readonly connections: ConnectionTable;
  readonly limits: RpcLimits;
  readonly extraRoutes: ReadonlyMap<string, ExtraRoute>;
  readonly log: Log;
  /** Labelled with `reason`. */
  readonly refused: Counter;
};

/** Answers up to this size fit in the socket's own buffers; larger ones get a time by which they must be read. */
const SMALL_ANSWER_BYTES = 64 * 1024;

export class HttpEndpoint {
  readonly #modules: HttpModules;
  #stopping = false;

  constructor(modules: HttpModules) {
    this.#modules = modules;
  }

  /** From now on requests are told to go away. */
  stop(): void {
    this.#stopping = true;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { access, connections, limits } = this.#modules;
    if (!access.hostAllowed(request.headers.host)) {
      return this.#refuse(request, response, 403, 'invalid host specified: add it to the allowed host names');
    }
    if (this.#stopping) return this.#refuse(request, response, 503, 'the node is stopping');
    if (access.corsOpen) this.#allowOrigin(request, response);
    const url = request.url ?? '/';
    if (request.method !== 'POST') return this.#other(request, response, url);
    if (url !== '/' && !url.startsWith('/?')) return this.#refuse(request, response, 404, 'JSON-RPC is served at /');
    const { headers } = request;
    if (!isJsonType(headers['content-type']) || headers['content-encoding'] !== undefined) {
      return this.#refuse(request, response, 415, 'send plain application/json');
    }
    if (Number(headers['content-length'] ?? 0) > limits.bodySizeBytesMax) return this.#tooLarge(request, response);
    const connection = connections.of(request.socket);
    if (connection === undefined) return;
    this.#read(request, response, connection);
  }

  /** A body that is announced as too large is refused before it is sent. */
  handleExpectation(request: IncomingMessage, response: ServerResponse): void {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced <= this.#modules.limits.bodySizeBytesMax) response.writeContinue();
    this.handle(request, response);
  }

  #read(request: IncomingMessage, response: ServerResponse, connection: Connection): void {
    const sizeBytesMax = this.#modules.limits.bodySizeBytesMax;
    let body: Buffer | null = null;
    let chunks: Buffer[] | null = null;
    let sizeBytes = 0;
    request.on('data', (chunk: Buffer) => {
      const before = sizeBytes;
      sizeBytes += chunk.length;
      if (sizeBytes > sizeBytesMax) {
        body = chunks = null;
        if (before <= sizeBytesMax) this.#tooLarge(request, response);
      } else if (body === null) body = chunk;
      else (chunks ??= [body]).push(chunk);
    });
    request.on('end', () => {
      if (sizeBytes > sizeBytesMax) return;
      const text = chunks === null ? (body?.toString('utf8') ?? '') : Buffer.concat(chunks, sizeBytes).toString('utf8');
      body = chunks = null;
      this.#execute(text, request, response, connection);
    });
  }

  #execute(text: string, request: IncomingMessage, response: ServerResponse, connection: Connection): void {
    if (connection.inFlight >= this.#modules.limits.inFlightPerConnectionMax) {
      return this.#refuse(request, response, 429, 'too many unanswered requests on this connection');
    }
    connection.inFlight++;
    const answer = this.#modules.rpc.handle(text, HTTP_CALLER);
    if (!(answer instanceof Promise)) return this.#answer(response, connection, answer);
    answer.then(
      (later) => this.#answer(response, connection, later),
      (error: unknown) => {
        this.#modules.log.error('an answer was lost', { error: error instanceof Error ? error : String(error) });
        response.destroy();
      },
    );
  }

  #answer(response: ServerResponse, connection: Connection, answer: Answer): void {
    connection.inFlight--;
    connection.usedMs = performance.now();
    if (response.destroyed) return;
    if (this.#stopping) response.setHeader('connection', 'close');
    if (answer === null) {
      response.writeHead(204).end();
      return;
    }
    const sizeBytes = Buffer.byteLength(answer);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': sizeBytes });
    response.end(answer);
    if (sizeBytes > SMALL_ANSWER_BYTES) this.#expectReading(response);
  }

  /** Who does not read a large answer in time is hung up on, so that it cannot be kept in memory by not reading. */
  #expectReading(response: ServerResponse): void {
    const timer = setTimeout(() => response.destroy(), this.#modules.limits.answerTimeoutMs);
    response.once('close', () => clearTimeout(timer));
  }

  #other(request: IncomingMessage, response: ServerResponse, url: string): void {
    if (request.method === 'OPTIONS') return this.#preflight(request, response);
    const query = url.indexOf('?');
    const route =
      request.method === 'GET' ? this.#modules.extraRoutes.get(query < 0 ? url : url.slice(0, query)) : undefined;
    if (route === undefined) {
      response.setHeader('allow', 'POST');
      return this.#refuse(request, response, 405, 'JSON-RPC is a POST to /');
    }
    void this.#extra(route, url, response);
  }

  async #extra(route: ExtraRoute, url: string, response: ServerResponse): Promise<void> {
    try {
      const { status, contentType, body } = await route();
      if (response.destroyed) return;
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
      response.end(body);
    } catch (error) {
      this.#modules.log.error('a route failed', { url, error: error instanceof Error ? error : String(error) });
      if (!response.headersSent) response.writeHead(500, { 'content-length': 0 });
      response.end();
    }
  }

  /** Without a configured origin this is a plain refusal, and the browser sends nothing. */
  #preflight(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    if (origin === undefined || !this.#modules.access.originAllowed(origin)) {
      return this.#refuse(request, response, 403, 'this origin is not allowed: add it to the CORS origins');
    }
    response.writeHead(204, {
      'access-control-allow-methods': 'POST',
      'access-control-allow-headers': 'content-type',
      'access-control-max-age': '600',
    });
    response.end();
  }

  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    response.setHeader('vary', 'Origin');
    if (origin !== undefined && this.#modules.access.originAllowed(origin)) {
      response.setHeader('access-control-allow-origin', origin);
    }
  }

  /**
   * The refusal goes out at once, but the connection stays open while the sender still uploads: closing it under unread
   * data would reset it, and the sender would see a broken pipe instead of the reason.
   */
  #tooLarge(request: IncomingMessage, response: ServerResponse): void {
    const { limits, refused } = this.#modules;
    refused.add(1, { reason: '413' });
    const message = `the body is too large: ${limits.bodySizeBytesMax} bytes are allowed`;
    const body = errorAnswer('null', { code: LIMIT_EXCEEDED, message });
    const sizeBytes = Buffer.byteLength(body);
    response.writeHead(413, { 'content-type': 'application/json', 'content-length': sizeBytes, connection: 'close' });
    response.write(body);
    const finish = (): void => {
      clearTimeout(timer);
      response.end();
    };
    const timer = setTimeout(finish, limits.lingerMs);
    request.once('end', finish).once('close', finish).resume();
  }

  #refuse(request: IncomingMessage, response: ServerResponse, status: number, message: string): void {
    this.#modules.refused.add(1, { reason: String(status) });
    const code = status === 429 ? LIMIT_EXCEEDED : status === 503 ? RESOURCE_UNAVAILABLE : INVALID_REQUEST;
    const body = errorAnswer('null', { code, message });
    const close = { connection: 'close' };
    response.writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      ...(request.complete || request.method === 'GET' || request.method === 'OPTIONS' ? {} : close),
    });
    response.end(body);
    request.resume();
  }
}
