/**
 * The RPC of one node: HTTP and WebSocket on one port, on top of src/node/api.ts. Puts the parts together and owns
 * their life; what is said is in json-rpc.ts and methods/, how it travels in http-endpoint.ts and websocket-endpoint.ts.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { NodeApi } from '../src/node/api.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import type { Counter, Gauge, Metrics } from '../src/util/metrics.ts';
import { Access } from './access.ts';
import { Authentication, type ApiKey, type JwtOptions } from './authentication.ts';
import { ConnectionTable } from './connection-table.ts';
import { INVALID_REQUEST } from './errors.ts';
import { EventLoopLag } from './event-loop-lag.ts';
import { Feed } from './feed.ts';
import { FeeOracle } from './fee-oracle.ts';
import { Filters } from './filters.ts';
import { TrustedProxies } from './forwarded.ts';
import { HttpEndpoint, type ExtraRoute } from './http-endpoint.ts';
import { Intake } from './intake.ts';
import { errorAnswer, JsonRpc } from './json-rpc.ts';
import { weightOf as weightByDefault } from './limiting/method-weights.ts';
import type { RateLimiter } from './limiting/rate-limiter.ts';
import { DEFAULT_RPC_LIMITS, type RpcLimits } from './limits.ts';
import { Load } from './load.ts';
import { LongCalls } from './long-calls.ts';
import { allMethods } from './methods/all-methods.ts';
import { RenderedBlocks, renderedMetrics, type RenderedMetrics } from './rendered-blocks.ts';
import { Router, routerCounters, type RouterCounters } from './router.ts';
import { Subscriptions } from './subscriptions.ts';
import { Turns } from './turns.ts';
import { WebSocketEndpoint } from './websocket-endpoint.ts';

export type RpcServerOptions = {
  readonly host: string;
  /** 0 takes a free one; see `port`. */
  readonly port: number;
  /** Namespaces that are open to everybody. */
  readonly namespaces: readonly string[];
  /** Host names that requests may carry; default localhost, 127.0.0.1 and ::1. IP addresses always may. */
  readonly hostAllow?: readonly string[];
  /** Origins that browsers may call from; default none. */
  readonly corsOrigins?: readonly string[];
  /** Known API keys; default none. */
  readonly apiKeys?: readonly ApiKey[];
  /** Default null: tokens are not known. */
  readonly jwt?: JwtOptions | null;
  /** Without a key or token no call is answered; default false. */
  readonly requireKey?: boolean;
  /** Addresses and CIDR ranges whose `X-Forwarded-For` is believed; default none. */
  readonly trustedProxies?: readonly string[];
  readonly limits?: Partial<RpcLimits>;
  /** GET routes by path, such as `/metrics` and `/health`. */
  readonly extraRoutes?: { readonly [path: string]: ExtraRoute };
};

export type RpcServerModules = {
  readonly node: NodeApi;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Stopped with the server. Default null: clients have no allowance. */
  readonly limiter?: RateLimiter | null;
  /** Of one call of a method; default: limiting/method-weights.ts. */
  readonly weightOf?: (method: string) => number;
  /** By how much the event loop is late, in ms; default: measured. */
  readonly lagMs?: () => number;
};

const HOSTS_DEFAULT = ['localhost', '127.0.0.1', '::1'];
const REPORT_INTERVAL_MS = 1000;

export class RpcServer {
  readonly #options: RpcServerOptions;
  readonly #limits: RpcLimits;
  readonly #log: Log;
  readonly #router: Router;
  readonly #rpc: JsonRpc;
  readonly #limiter: RateLimiter | null;
  readonly #lag = new EventLoopLag();
  readonly #connections: ConnectionTable;
  readonly #rendered: RenderedBlocks;
  readonly #feed: Feed;
  readonly #subscriptions: Subscriptions;
  readonly #http: HttpEndpoint;
  readonly #webSockets: WebSocketEndpoint;
  readonly #server: Server;
  readonly #gauges: { readonly connections: Gauge; readonly subscriptions: Gauge };
  readonly #counters: RouterCounters;
  readonly #renderedMetrics: RenderedMetrics;
  readonly #admitted: Counter;
  #report: NodeJS.Timeout | null = null;

  /** @throws ConfigError for an unknown namespace, a proxy that is no address, or keys that cannot be told apart. */
  constructor(options: RpcServerOptions, modules: RpcServerModules) {
    const { node, log, metrics, limiter = null, weightOf = weightByDefault } = modules;
    this.#options = options;
    this.#log = log;
    this.#limiter = limiter;
    const limits: RpcLimits = { ...DEFAULT_RPC_LIMITS, ...options.limits };
    this.#limits = limits;
    this.#rendered = new RenderedBlocks(limits.renderedSizeBytesMax);
    const turns = new Turns();
    this.#feed = new Feed(node.events, this.#rendered, () => node.chain.syncing(), turns);
    this.#subscriptions = new Subscriptions(this.#feed, limits);
    const context = {
      node,
      limits,
      rendered: this.#rendered,
      feed: this.#feed,
      subscriptions: this.#subscriptions,
      fees: new FeeOracle(node.chain),
      filters: new Filters(this.#feed, limits),
      longCalls: new LongCalls(limits, turns),
    };
    this.#router = new Router(
      allMethods(context, {
        namespacesOf: (client) => this.#router.namespacesOf(client),
        docsOf: (client) => this.#router.docsOf(client),
      }),
      options.namespaces,
      grantedNamespaces(options),
    );
    const proxies = new TrustedProxies(options.trustedProxies ?? []);
    this.#connections = new ConnectionTable(limits, proxies);
    const load = new Load(limits, modules.lagMs ?? (() => this.#lag.lagMs));
    const refused = metrics.counter('parley_rpc_refused_total', 'Requests, calls and clients refused.', ['reason']);
    this.#rpc = new JsonRpc({ router: this.#router, limits, load, turns, limiter, weightOf, log, refused });
    const shared = {
      rpc: this.#rpc,
      access: new Access({ hostAllow: options.hostAllow ?? HOSTS_DEFAULT, corsOrigins: options.corsOrigins ?? [] }),
      authentication: new Authentication(
        { keys: options.apiKeys ?? [], jwt: options.jwt ?? null, requireKey: options.requireKey ?? false },
        proxies,
      ),
      intake: new Intake(limits),
      connections: this.#connections,
      limits,
      log,
      refused,
    };
    this.#http = new HttpEndpoint({ ...shared, extraRoutes: new Map(Object.entries(options.extraRoutes ?? {})) });
    this.#webSockets = new WebSocketEndpoint({ ...shared, subscriptions: this.#subscriptions });
    this.#counters = routerCounters(metrics);
    this.#renderedMetrics = renderedMetrics(metrics);
    this.#admitted = metrics.counter('parley_rpc_admitted_total', 'Messages admitted, a batch being one.');
    this.#gauges = {
      connections: metrics.gauge('parley_rpc_connections', 'Open connections.', ['kind']),
      subscriptions: metrics.gauge('parley_rpc_subscriptions', 'Active subscriptions.'),
    };
    this.#server = this.#createServer();
  }

  /** Where clients on this machine reach it. */
  get url(): string {
    const { host } = this.#options;
    return `http://${host.includes(':') ? `[${host}]` : host}:${this.port}`;
  }

  /** The port that is listened on; the configured one before `start`. */
  get port(): number {
    return (this.#server.address() as AddressInfo | null)?.port ?? this.#options.port;
  }

  /** Open connections of both kinds. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Names of all methods that are open. */
  get methods(): readonly string[] {
    return this.#router.methods;
  }

  /** @throws ParleyError PORT_IN_USE, or PORT_UNAVAILABLE (data.reason) when the address cannot be listened on. */
  async start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onError = (error: NodeJS.ErrnoException): void => reject(this.#listenError(error));
    this.#server.once('error', onError);
    this.#server.listen({ host: this.#options.host, port: this.#options.port }, resolve);
    await promise;
    this.#server.off('error', onError);
    this.#server.on('error', (error) => this.#log.error('RPC server failed', { error }));
    this.#report = setInterval(() => this.#reportMetrics(), REPORT_INTERVAL_MS);
    this.#report.unref();
    this.#lag.start();
    this.#log.info('RPC listens', { host: this.#options.host, port: this.port });
  }

  /** Idle connections end at once, requests in flight get `stopGraceMs`. Safe to call twice, or without `start`. */
  async stop(): Promise<void> {
    if (this.#report !== null) clearInterval(this.#report);
    this.#report = null;
    this.#lag.stop();
    this.#http.stop();
    this.#feed.stop();
    const closed = Promise.withResolvers<void>();
    this.#server.close(() => closed.resolve());
    this.#connections.closeIdle();
    const graceMs = this.#limits.stopGraceMs;
    const timer = setTimeout(() => this.#connections.closeAll(), graceMs);
    await Promise.all([closed.promise, this.#webSockets.stop(graceMs)]);
    clearTimeout(timer);
    await this.#limiter?.stop();
  }

  #createServer(): Server {
    const { headersSizeBytesMax, headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, answerTimeoutMs } =
      this.#limits;
    const server = createServer({
      headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.max(50, Math.min(headersTimeoutMs, requestTimeoutMs) / 4),
      maxHeaderSize: headersSizeBytesMax,
      noDelay: true,
      // Some clients offer `h2c` with an ordinary POST: that is answered as if they had not.
      shouldUpgradeCallback: (request) => request.headers.upgrade?.toLowerCase() === 'websocket',
    });
    server.timeout = answerTimeoutMs;
    server.on('connection', (socket: Socket) => {
      if (!this.#connections.admit(socket)) socket.destroy();
    });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => this.#http.handle(request, response));
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) =>
      this.#http.handleExpectation(request, response),
    );
    server.on('upgrade', (request: IncomingMessage, socket, head: Buffer) =>
      this.#webSockets.upgrade(request, socket, head),
    );
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => refuseBrokenRequest(error, socket as Socket));
    return server;
  }

  #listenError(error: NodeJS.ErrnoException): ParleyError {
    const { host, port } = this.#options;
    if (error.code === 'EADDRINUSE') {
      const message = `port ${port} on ${host} is in use: stop the other program or choose another RPC port`;
      return new ParleyError('PORT_IN_USE', message, { host, port }, { cause: error });
    }
    const message = `cannot listen on ${host}:${port} (${error.code ?? error.message}): choose another RPC host or port`;
    return new ParleyError('PORT_UNAVAILABLE', message, { host, port, reason: error.code ?? '' }, { cause: error });
  }

  #reportMetrics(): void {
    this.#router.report(this.#counters);
    this.#rpc.report(this.#admitted);
    this.#rendered.report(this.#renderedMetrics);
    const webSockets = this.#webSockets.size;
    this.#gauges.connections.set(this.#connections.size - webSockets, { kind: 'http' });
    this.#gauges.connections.set(webSockets, { kind: 'websocket' });
    this.#gauges.subscriptions.set(this.#subscriptions.count);
  }
}

/** What some key or token opens, beyond what is open to everybody. */
function grantedNamespaces({ apiKeys = [], jwt }: RpcServerOptions): readonly string[] {
  return [...apiKeys.flatMap((key) => key.namespaces ?? []), ...(jwt?.namespaces ?? [])];
}

/** What is not HTTP, comes too slowly or has endless headers. */
function refuseBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? '408 Request Timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? '431 Request Header Fields Too Large'
        : '400 Bad Request';
  const body = errorAnswer('null', { code: INVALID_REQUEST, message: `bad HTTP request: ${status.slice(4)}` });
  socket.end(
    `HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    () => socket.destroy(),
  );
}
