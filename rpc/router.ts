/** From a method's name to its handler: which namespaces are open, how many parameters there may be, and counting. */
import type { JsonValue } from '../src/types/primitives.ts';
import { ConfigError, ParleyError } from '../src/util/errors.ts';
import type { Metrics } from '../src/util/metrics.ts';
import type { Params } from './params.ts';

/** A result that is JSON text already. */
export class RawJson {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type MethodResult = JsonValue | RawJson;

/** Who calls, in one message. */
export interface Caller {
  /** null over HTTP, where nobody can be told anything later. */
  readonly client: NotificationClient | null;
  /** Keeps notifications back until this message is answered, so that a subscription's id arrives before its events. */
  hold(): void;
}

export const HTTP_CALLER: Caller = { client: null, hold: () => {} };

/** A WebSocket client, as subscriptions see it. */
export interface NotificationClient {
  /** Sends text, or drops the client when it does not read. */
  notify(text: string): void;
}

export type MethodHandler = (params: Params, caller: Caller) => MethodResult | Promise<MethodResult>;

export type Method = {
  /** Parameters that must be there and not null. */
  readonly required: number;
  readonly allowed: number;
  readonly handle: MethodHandler;
};

/** By full name: `eth_blockNumber`. */
export type MethodTable = { readonly [name: string]: Method };

export function method(required: number, allowed: number, handle: MethodHandler): Method {
  return { required, allowed, handle };
}

type Route = Method & { readonly name: string; calls: number; errors: number; seconds: number };

export class Router {
  readonly #routes = new Map<string, Route>();
  readonly #namespaces: readonly string[];
  #unknownCalls = 0;

  /**
   * Methods outside `namespaces` do not exist for callers.
   * @throws ConfigError for a namespace that has no methods.
   */
  constructor(tables: readonly MethodTable[], namespaces: readonly string[]) {
    const open = new Set([...namespaces, 'rpc']);
    const known = new Set<string>();
    for (const [name, entry] of tables.flatMap((table) => Object.entries(table))) {
      const namespace = namespaceOf(name);
      known.add(namespace);
      if (open.has(namespace)) this.#routes.set(name, { ...entry, name, calls: 0, errors: 0, seconds: 0 });
    }
    for (const namespace of namespaces) {
      if (known.has(namespace)) continue;
      throw new ConfigError(`unknown RPC namespace "${namespace}": use some of ${[...known].sort().join(', ')}`, {
        path: 'rpc.namespaces',
      });
    }
    this.#namespaces = [...known].filter((namespace) => open.has(namespace)).sort();
  }

  get namespaces(): readonly string[] {
    return this.#namespaces;
  }

  get methods(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** @throws ParleyError, or whatever the handler throws. */
  call(name: string, params: Params, caller: Caller): MethodResult | Promise<MethodResult> {
    const route = this.#routes.get(name);
    if (route === undefined) {
      this.#unknownCalls++;
      const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name;
      throw new ParleyError('RPC_METHOD_NOT_FOUND', `the method ${shown} does not exist/is not available`);
    }
    route.calls++;
    const started = performance.now();
    try {
      checkCount(route, params);
      const result = route.handle(params, caller);
      if (result instanceof Promise) return settle(route, result, started);
      route.seconds += (performance.now() - started) / 1000;
      return result;
    } catch (error) {
      route.errors++;
      throw error;
    }
  }

  /** Adds what was counted since the last time; called now and then, so that a call itself costs no metric. */
  report(counters: RouterCounters): void {
    for (const route of this.#routes.values()) {
      if (route.calls === 0) continue;
      const labels = { method: route.name };
      counters.calls.add(route.calls, labels);
      counters.seconds.add(route.seconds, labels);
      if (route.errors > 0) counters.errors.add(route.errors, labels);
      route.calls = 0;
      route.errors = 0;
      route.seconds = 0;
    }
    if (this.#unknownCalls > 0) counters.errors.add(this.#unknownCalls, { method: 'unknown' });
    this.#unknownCalls = 0;
  }
}

export type RouterCounters = {
  readonly calls: ReturnType<Metrics['counter']>;
  readonly errors: ReturnType<Metrics['counter']>;
  readonly seconds: ReturnType<Metrics['counter']>;
};

export function routerCounters(metrics: Metrics): RouterCounters {
  return {
    calls: metrics.counter('parley_rpc_calls_total', 'Calls by method.', ['method']),
    errors: metrics.counter('parley_rpc_errors_total', 'Calls answered with an error, by method.', ['method']),
    seconds: metrics.counter('parley_rpc_call_seconds_total', 'Time until the answer, by method.', ['method']),
  };
}

function namespaceOf(name: string): string {
  return name.split('_', 1)[0] ?? name;
}

async function settle(route: Route, pending: Promise<MethodResult>, started: number): Promise<MethodResult> {
  try {
    return await pending;
  } catch (error) {
    route.errors++;
    throw error;
  } finally {
    route.seconds += (performance.now() - started) / 1000;
  }
}

function checkCount(route: Method, params: Params): void {
  if (params.length > route.allowed) {
    throw new ParleyError('RPC_INVALID_PARAMS', `too many arguments, want at most ${route.allowed}`, {
      index: route.allowed,
    });
  }
  for (let index = 0; index < route.required; index++) {
    if (params[index] !== undefined && params[index] !== null) continue;
    throw new ParleyError('RPC_INVALID_PARAMS', `missing value for required argument ${index}`, { index });
  }
}
