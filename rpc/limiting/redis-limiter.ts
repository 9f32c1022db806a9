/**
 * One allowance for many nodes, kept by a Redis server: each message is one script (redis-scripts.ts), so the sum over all nodes obeys
 * exactly what one bucket would.
 *
 * When Redis does not answer, each node admits its share alone (the rule divided by `nodes`): the sum still obeys the rule, and a client of one
 * node gets a part of what it had. An outage begins with the first call that fails, is told once, and ends when the script has
 * run again, which is tried every second; calls in between do not wait for Redis. Each change gives a client at most one allowance more: the
 * shares begin whole, and so does a server that lost its data.
 */
import type { Redis } from 'ioredis';
import { ConfigError } from '../../src/util/errors.ts';
import type { Log } from '../../src/util/log.ts';
import type { Algorithm, Micros } from './algorithm.ts';
import { LocalLimiter } from './local-limiter.ts';
import type { Decision, RateLimiter } from './rate-limiter.ts';
import type { RedisScript } from './redis-scripts.ts';

export type RedisLimiterOptions<Rule, State> = {
  /** `redis://` or `rediss://`; may hold a password, which is never shown. */
  readonly url: string;
  /** Of the fleet: how many share the rule when Redis is gone. */
  readonly nodes: number;
  readonly algorithm: Rule;
  readonly script: RedisScript<Rule, State>;
  /** By Client.id. */
  readonly overrides?: ReadonlyMap<string, Rule>;
  /** In front of every key. */
  readonly prefix?: string;
  /** After it a call counts as failed. */
  readonly callTimeoutMs?: number;
};

export type RedisLimiterModules = { readonly log: Log; readonly now: () => Micros };

/** Redis answers in well under a millisecond; what takes this long is as good as gone. */
const CALL_TIMEOUT_MS = 250;
const TIMED_OUT = 'TIMED_OUT';
const CONNECT_TIMEOUT_MS = 2000;
const RETRY_MS_MAX = 1000;
const PROBE_INTERVAL_MS = 1000;
/** Calls that wait for Redis at once; more get a decision of this node alone. */
const PENDING_MAX = 10_000;
const COMMAND = 'takeAllowance';
const PROBE_KEY = 'probe';

type Commands = { [COMMAND](key: string, ...args: number[]): Promise<readonly number[]> };

export class RedisLimiter<Rule extends Algorithm<State>, State> implements RateLimiter {
  readonly #options: RedisLimiterOptions<Rule, State>;
  readonly #log: Log;
  readonly #redis: Redis & Commands;
  readonly #local: LocalLimiter<State>;
  readonly #server: string;
  readonly #prefix: string;
  #pending = 0;
  #isAway = false;
  #isStopped = false;
  #probe: NodeJS.Timeout | null = null;

  private constructor(options: RedisLimiterOptions<Rule, State>, redis: Redis, modules: RedisLimiterModules) {
    const { algorithm, nodes, overrides = new Map<string, Rule>(), script, prefix = 'parley:limit' } = options;
    this.#options = options;
    this.#log = modules.log;
    this.#redis = redis as Redis & Commands;
    this.#server = new URL(options.url).host;
    this.#prefix = `${prefix}:${script.name}:`;
    const shares = new Map([...overrides].map(([client, rule]) => [client, rule.share(nodes)]));
    this.#local = new LocalLimiter({ algorithm: algorithm.share(nodes), overrides: shares }, modules.now);
    redis.defineCommand(COMMAND, { numberOfKeys: 1, lua: script.lua });
    redis.on('error', () => {});
    redis.on('ready', () => {
      if (this.#isAway) void this.#tryAgain();
    });
  }

  /** Waits for the first connection, but not long: a node starts without Redis too. Throws ConfigError for a wrong URL or without ioredis. */
  static async start<Rule extends Algorithm<State>, State>(
    options: RedisLimiterOptions<Rule, State>,
    modules: RedisLimiterModules,
  ): Promise<RedisLimiter<Rule, State>> {
    checkUrl(options.url);
    const Client = await loadClient();
    const redis = new Client(options.url, {
      lazyConnect: true,
      connectTimeout: CONNECT_TIMEOUT_MS,
      enableOfflineQueue: false,
      // A call that is sent again later would be counted twice.
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times, 10), RETRY_MS_MAX),
    });
    const limiter = new RedisLimiter(options, redis, modules);
    await redis.connect().catch((error: unknown) => limiter.#lost(error));
    return limiter;
  }

  /** Redis is gone, and this node admits its share alone. */
  get isAway(): boolean {
    return this.#isAway;
  }

  /** Clients that are remembered here. */
  get size(): number {
    return this.#local.size;
  }

  take(client: string, weight: number): Decision | Promise<Decision> {
    if (!this.#isAway && this.#redis.status !== 'ready') this.#lost(null);
    if (this.#isAway || this.#pending >= PENDING_MAX) return this.#local.take(client, weight);
    return this.#ask(client, weight);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    if (this.#probe !== null) clearInterval(this.#probe);
    this.#probe = null;
    this.#redis.disconnect();
  }

  async #ask(client: string, weight: number): Promise<Decision> {
    const { algorithm, overrides } = this.#options;
    const rule = overrides?.get(client) ?? algorithm;
    this.#pending++;
    try {
      return await this.#run(client, rule, weight);
    } catch (error) {
      this.#lost(error);
      return this.#local.take(client, weight);
    } finally {
      this.#pending--;
    }
  }

  async #run(name: string, rule: Rule, weight: number): Promise<Decision> {
    const { args, state } = this.#options.script;
    const reply = this.#redis[COMMAND](this.#prefix + name, ...args(rule), weight);
    const [admitted, ...numbers] = await this.#inTime(reply);
    return rule.decision(state(numbers), weight, admitted === 1);
  }

  /** A connection that does not answer is dropped, with all that waits on it. */
  async #inTime<T>(reply: Promise<T>): Promise<T> {
    const late = Promise.withResolvers<never>();
    let isSettled = false;
    const expire = (): void => {
      if (isSettled) return;
      late.reject(Object.assign(new Error('Redis did not answer in time'), { code: TIMED_OUT }));
      this.#redis.disconnect(true);
    };
    // Where this process itself was held up, the answer may be there, unread: that comes first.
    const timer = setTimeout(() => setImmediate(expire), this.#options.callTimeoutMs ?? CALL_TIMEOUT_MS);
    try {
      return await Promise.race([reply, late.promise]);
    } finally {
      isSettled = true;
      clearTimeout(timer);
    }
  }

  #lost(error: unknown): void {
    if (this.#isAway || this.#isStopped) return;
    this.#isAway = true;
    this.#log.warn('rate limits: Redis is gone; each node admits its share alone until it is back', {
      server: this.#server,
      reason: reasonOf(error),
      nodes: this.#options.nodes,
    });
    this.#probe = setInterval(() => void this.#tryAgain(), PROBE_INTERVAL_MS);
    this.#probe.unref();
  }

  /** With the script itself: a server may answer and yet not write. */
  async #tryAgain(): Promise<void> {
    if (this.#redis.status !== 'ready') return;
    try {
      await this.#run(PROBE_KEY, this.#options.algorithm, 1);
    } catch {
      return;
    }
    if (!this.#isAway) return;
    this.#isAway = false;
    if (this.#probe !== null) clearInterval(this.#probe);
    this.#probe = null;
    this.#log.info('rate limits: Redis is back', { server: this.#server });
  }
}

function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && (url.protocol === 'redis:' || url.protocol === 'rediss:') && url.hostname !== '') return;
  throw new ConfigError('rpc.rate-limit.redis-url must be redis://[user:password@]host:port, or rediss:// for TLS', {
    path: 'rpc.rate-limit.redis-url',
  });
}

async function loadClient(): Promise<typeof Redis> {
  try {
    return (await import('ioredis')).Redis;
  } catch (error) {
    throw new ConfigError(
      'rpc.rate-limit.scope is redis, but the package ioredis is missing: install it (npm install ioredis), or choose another scope',
      { path: 'rpc.rate-limit.scope' },
      { cause: error },
    );
  }
}

/** Never the text of a reply: a server that does not know AUTH repeats what it was sent, password and all. */
function reasonOf(error: unknown): string {
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code === 'string') return code;
  const [word] = /^[A-Z]{3,}\b/.exec(String(message)) ?? [];
  if (word !== undefined) return word;
  return 'NOT_CONNECTED';
}
