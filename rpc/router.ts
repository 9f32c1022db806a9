/** From a method's name to its handler: which namespaces are open, how many parameters there may be, and counting. */
import type { JsonValue } from '../src/types/primitives.ts';
import { ConfigError, ParleyError } from '../src/util/errors.ts';
import type { Metrics } from '../src/util/metrics.ts';
import type { Audience } from './audiences.ts';
import type { Client } from './client.ts';
import type { Method, MethodDoc, MethodTable } from './method.ts';
import type { Params } from './params.ts';
import { absent, isList } from './schema/json.ts';

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
  readonly client: Client;
  /** null over HTTP, where nobody can be told anything later. */
  readonly notifications: NotificationClient | null;
  /** Keeps notifications back until this message is answered, so that a subscription's id arrives before its events. */
  hold(): void;
}

export function httpCaller(client: Client): Caller {
  return { client, notifications: null, hold: nothing };
}

function nothing(): void {}

/** A WebSocket client, as subscriptions see it. */
export interface NotificationClient extends Audience {
  /** Sends text, or drops the client when it does not read. */
  notify(text: string): void;
}

type Route = Method & {
  readonly name: string;
  readonly namespace: string;
  /** To everybody. */
  readonly open: boolean;
  calls: number;
  errors: number;
  seconds: number;
};

const NO_PARAMS: Params = [];
/** `rpc_modules` tells what may be called at all. */
const ALWAYS_OPEN = 'rpc';

export class Router {
  readonly #routes = new Map<string, Route>();
  readonly #namespaces: readonly string[];
  readonly #open: ReadonlySet<string>;
  #unknownCalls = 0;

  /**
   * `open`: namespaces for everybody, always with `rpc`. `granted`: those that some client's key opens. Methods of others do
   * not exist.
   * @throws ConfigError for a namespace that has no methods.
   */
  constructor(tables: readonly MethodTable[], open: readonly string[], granted: readonly string[] = []) {
    this.#open = new Set([...open, ALWAYS_OPEN]);
    const wanted = new Set([...this.#open, ...granted]);
    const known = new Set([ALWAYS_OPEN]);
    for (const [name, entry] of tables.flatMap((table) => Object.entries(table))) {
      const namespace = namespaceOf(name);
      known.add(namespace);
      if (!wanted.has(namespace)) continue;
      const isOpen = this.#open.has(namespace);
      this.#routes.set(name, { ...entry, name, namespace, open: isOpen, calls: 0, errors: 0, seconds: 0 });
    }
    for (const namespace of wanted) {
      if (known.has(namespace)) continue;
      throw new ConfigError(`unknown RPC namespace "${namespace}": use some of ${[...known].sort().join(', ')}`, {
        path: 'rpc.namespaces',
      });
    }
    this.#namespaces = [...known].filter((namespace) => wanted.has(namespace)).sort();
  }

  /** What this client may use. */
  namespacesOf(client: Client): readonly string[] {
    return this.#namespaces.filter((namespace) => this.#mayUse(client, namespace, this.#open.has(namespace)));
  }

  /** What is told of the methods that this client may use. */
  docsOf(client: Client): (readonly [name: string, doc: MethodDoc])[] {
    return [...this.#routes.values()]
      .filter(({ namespace, open }) => this.#mayUse(client, namespace, open))
      .map(({ name, doc }) => [name, doc]);
  }

  /** Names of all that anybody may call. */
  get methods(): readonly string[] {
    return [...this.#routes.keys()];
  }

  /** @throws ParleyError, or whatever the handler throws. */
  call(name: string, params: JsonValue | undefined, caller: Caller): MethodResult | Promise<MethodResult> {
    const route = this.#routes.get(name);
    if (route === undefined || !this.#mayUse(caller.client, route.namespace, route.open)) {
      this.#unknownCalls++;
      const shown = name.length > 64 ? `${name.slice(0, 64)}…` : name;
      throw new ParleyError('RPC_METHOD_NOT_FOUND', `the method ${shown} does not exist/is not available`);
    }
    route.calls++;
    const started = performance.now();
    try {
      const list = positional(params);
      checkCount(route, list);
      const result = route.handle(list, caller);
      if (result instanceof Promise) return settle(route, result, started);
      route.seconds += (performance.now() - started) / 1000;
      return result;
    } catch (error) {
      route.errors++;
      throw error;
    }
  }

  #mayUse({ namespaces }: Client, namespace: string, open: boolean): boolean {
    return namespaces === null ? open : namespaces.has(namespace) || namespace === ALWAYS_OPEN;
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
  return /^[a-z0-9]+/.exec(name)?.[0] ?? name;
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

/** @throws -32602 for parameters by name: Ethereum's methods take them by position. */
function positional(params: JsonValue | undefined): Params {
  if (isList(params)) return params;
  if (absent(params)) return NO_PARAMS;
  throw new ParleyError('RPC_INVALID_PARAMS', 'non-array args: give the parameters by position, in an array');
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
