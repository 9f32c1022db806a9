/**
 * JSON-RPC over HTTP: one POST, one answer, status 200 whatever JSON-RPC says (204 for notifications). Other statuses
 * speak of the request itself: 401 key, 403 Host or origin, 404 path, 405 method, 413 size, 415 content type, 429 too much
 * from this client, 503 too much from all, or stopping. 429 and 503 say in `Retry-After` when to come back; where clients
 * have an allowance, the `RateLimit-` headers tell what is left of it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../src/util/log.ts';
import type { Counter } from '../src/util/metrics.ts';
import { Access, isJsonType } from './access.ts';
import { Unauthorized, type Authentication, type Identity } from './authentication.ts';
import type { Client } from './client.ts';
import type { Connection, ConnectionTable } from './connection-table.ts';
import { INVALID_REQUEST, LIMIT_EXCEEDED, RESOURCE_UNAVAILABLE } from './errors.ts';
import type { Intake } from './intake.ts';
import { errorAnswer, type JsonRpc, type Reply } from './json-rpc.ts';
import type { Decision } from './limiting/rate-limiter.ts';
import type { RpcLimits } from './limits.ts';
import { httpCaller } from './router.ts';

export type ExtraAnswer = { readonly status: number; readonly contentType: string; readonly body: string };
/** Answers GET on one path, such as `/metrics`. */
export type ExtraRoute = () => Promise<ExtraAnswer>;

export type HttpModules = {
  readonly rpc: JsonRpc;
  readonly access: Access;
  readonly authentication: Authentication;
  readonly intake: Intake;
  readonly connections: ConnectionTable;
  readonly limits: RpcLimits;
  readonly extraRoutes: ReadonlyMap<string, ExtraRoute>;
  readonly log: Log;
  /** Labelled with `reason`. */
  readonly refused: Counter;
};

/** Answers up to this size fit in the socket's own buffers; larger ones get a time by which they must be read. */
const SMALL_ANSWER_BYTES = 64 * 1024;
/** What browsers let a page read beyond the body. */
const EXPOSED_HEADERS = 'retry-after, ratelimit-limit, ratelimit-remaining, ratelimit-reset';
const RETRY_SECONDS = '1';
/** One POST, from the first byte of its body to its answer. */
type Exchange = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly connection: Connection;
  readonly client: Client;
  /** Of the body, as far as it has come. */
  sizeBytes: number;
};

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
    const { access, connections } = this.#modules;
    if (!access.hostAllowed(request.headers.host)) {
      return this.#refuse(request, response, 403, 'invalid host specified: add it to the allowed host names');
    }
    if (this.#stopping) return this.#refuse(request, response, 503, 'the node is stopping', RESOURCE_UNAVAILABLE);
    if (access.corsOpen) this.#allowOrigin(request, response);
    const url = request.url ?? '/';
    if (request.method !== 'POST') return this.#other(request, response, url);
    if (url !== '/' && !url.startsWith('/?')) return this.#refuse(request, response, 404, 'JSON-RPC is served at /');
    if (access.foreignPage(request.headers.origin)) {
      return this.#refuse(request, response, 403, 'this origin is not allowed: add it to the CORS origins');
    }
    const { headers } = request;
    if (!isJsonType(headers['content-type']) || headers['content-encoding'] !== undefined) {
      return this.#refuse(request, response, 415, 'send plain application/json');
    }
    const connection = connections.of(request.socket);
    if (connection === undefined) return;
    const identity = this.#modules.authentication.identify(headers, connection.address);
    if (identity instanceof Promise) void identity.then((found) => this.#accept(request, response, connection, found));
    else this.#accept(request, response, connection, identity);
  }

  /** A body that is announced as too large is refused before it is sent. */
  handleExpectation(request: IncomingMessage, response: ServerResponse): void {
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced <= this.#modules.limits.bodySizeBytesMax) response.writeContinue();
    this.handle(request, response);
  }

  #accept(request: IncomingMessage, response: ServerResponse, connection: Connection, identity: Identity): void {
    if (identity instanceof Unauthorized) {
      response.setHeader('www-authenticate', identity.challenge);
      return this.#refuse(request, response, 401, identity.message);
    }
    const announced = Number(request.headers['content-length'] ?? 0);
    if (announced > this.#modules.limits.bodySizeBytesMax) return this.#tooLarge(request, response);
    this.#read({ request, response, connection, client: identity, sizeBytes: 0 });
  }

  #read(exchange: Exchange): void {
    const { request, response, client } = exchange;
    const { intake, limits } = this.#modules;
    let body: Buffer | null = null;
    let chunks: Buffer[] | null = null;
    let isOver = false;
    const giveUp = (): void => {
      if (isOver) return;
      isOver = true;
      body = chunks = null;
      intake.remove(client.id, exchange.sizeBytes);
    };
    request.on('data', (chunk: Buffer) => {
      if (isOver) return;
      exchange.sizeBytes += chunk.length;
      const hasRoom = intake.add(client.id, chunk.length);
      if (exchange.sizeBytes > limits.bodySizeBytesMax) {
        giveUp();
        this.#tooLarge(request, response);
      } else if (!hasRoom) {
        const ofAll = intake.sizeBytes > limits.bodiesSizeBytesMax;
        giveUp();
        this.#busy(request, response, ofAll);
      } else if (body === null) body = chunk;
      else (chunks ??= [body]).push(chunk);
    });
    request.on('end', () => {
      if (isOver) return;
      isOver = true;
      const whole = chunks === null ? body : Buffer.concat(chunks, exchange.sizeBytes);
      body = chunks = null;
      this.#execute(whole?.toString('utf8') ?? '', exchange);
    });
    request.on('close', giveUp);
  }

  #execute(text: string, exchange: Exchange): void {
    const { request, response, connection, client } = exchange;
    if (connection.inFlight >= this.#modules.limits.inFlightPerConnectionMax) {
      this.#modules.intake.remove(client.id, exchange.sizeBytes);
      response.setHeader('retry-after', RETRY_SECONDS);
      return this.#refuse(request, response, 429, 'too many unanswered requests on this connection');
    }
    connection.inFlight++;
    const reply = this.#modules.rpc.handle(text, httpCaller(client));
    if (!(reply instanceof Promise)) return this.#answer(exchange, reply);
    reply.then(
      (later) => this.#answer(exchange, later),
      (error: unknown) => {
        this.#modules.log.error('an answer was lost', { error: error instanceof Error ? error : String(error) });
        this.#modules.intake.remove(client.id, exchange.sizeBytes);
        response.destroy();
      },
    );
  }

  #answer({ response, connection, client, sizeBytes }: Exchange, { answer, decision, refusal }: Reply): void {
    this.#modules.intake.remove(client.id, sizeBytes);
    connection.inFlight--;
    connection.usedMs = performance.now();
    if (response.destroyed) return;
    if (this.#stopping) response.setHeader('connection', 'close');
    if (decision !== null) setAllowance(response, decision);
    if (refusal !== null && Number.isFinite(refusal.waitMs)) {
      response.setHeader('retry-after', String(Math.max(1, Math.ceil(refusal.waitMs / 1000))));
    }
    if (answer === null) {
      response.writeHead(refusal?.status ?? 204, refusal === null ? {} : { 'content-length': 0 }).end();
      return;
    }
    const isLarge = answer.length > SMALL_ANSWER_BYTES;
    // Large text is turned into bytes once; the socket would take three times their room to do so.
    const body = isLarge ? Buffer.from(answer) : answer;
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    response.writeHead(refusal?.status ?? 200, headers);
    response.end(body);
    if (isLarge) this.#expectReading(response);
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
    void this.#extra(route, query < 0 ? url : url.slice(0, query), response);
  }

  async #extra(route: ExtraRoute, path: string, response: ServerResponse): Promise<void> {
    try {
      const { status, contentType, body } = await route();
      if (response.destroyed) return;
      response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
      response.end(body);
    } catch (error) {
      this.#modules.log.error('a route failed', { path, error: error instanceof Error ? error : String(error) });
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
      'access-control-allow-headers': this.#modules.authentication.used
        ? 'content-type, authorization, x-api-key'
        : 'content-type',
      'access-control-max-age': '600',
    });
    response.end();
  }

  #allowOrigin(request: IncomingMessage, response: ServerResponse): void {
    const { origin } = request.headers;
    response.setHeader('vary', 'Origin');
    if (origin !== undefined && this.#modules.access.originAllowed(origin)) {
      response.setHeader('access-control-allow-origin', origin);
      response.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
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

  /** There is no room for what it sends: of all, or of this client. */
  #busy(request: IncomingMessage, response: ServerResponse, ofAll: boolean): void {
    response.setHeader('retry-after', RETRY_SECONDS);
    const message = 'server busy: too many large requests at once, try again in a second';
    this.#refuse(request, response, ofAll ? 503 : 429, message, LIMIT_EXCEEDED);
  }

  #refuse(
    request: IncomingMessage,
    response: ServerResponse,
    status: number,
    message: string,
    code = status === 429 ? LIMIT_EXCEEDED : INVALID_REQUEST,
  ): void {
    this.#modules.refused.add(1, { reason: String(status) });
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

/** As the IETF's draft-ietf-httpapi-ratelimit-headers-06 has them, in weights and whole seconds. */
function setAllowance(response: ServerResponse, { limit, remaining, resetMs }: Decision): void {
  response.setHeader('ratelimit-limit', Math.floor(limit));
  response.setHeader('ratelimit-remaining', Math.max(0, Math.floor(remaining)));
  response.setHeader('ratelimit-reset', Math.ceil(resetMs / 1000));
}
