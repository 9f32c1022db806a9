import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';
import type { Log } from '../../src/util/log.ts';
import type { Metrics } from '../../src/util/metrics.ts';
import type { Algorithm, Micros } from './algorithm.ts';
import type { CounterExchange } from './counter-exchange.ts';
import { FleetKey } from './fleet-key.ts';
import { GossipLimiter, type ExchangeOutcome } from './gossip-limiter.ts';
import { LocalLimiter } from './local-limiter.ts';
import { MeteredLimiter, type CountingLimiter } from './metered-limiter.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { RedisLimiter } from './redis-limiter.ts';
import { BUCKET_SCRIPT, WINDOW_SCRIPT, type RedisScript } from './redis-scripts.ts';
import { SlidingWindow } from './sliding-window.ts';
import { limitProblem, TokenBucket } from './token-bucket.ts';

/** `rate`: weights per second; without a meaning for the sliding window, whose capacity is that of one window. */
export type RateLimit = { readonly capacity: number; readonly rate: number };

export type RateLimitSettings = RateLimit & {
  readonly scope: 'local' | 'redis' | 'gossip';
  readonly algorithm: 'token-bucket' | 'sliding-window';
  readonly windowMs: Millis;
  /** Of the fleet that shares the limits. */
  readonly nodes: number;
  /** Other limits by Client.id. */
  readonly overrides: ReadonlyMap<string, RateLimit>;
  /** May hold a password. */
  readonly redisUrl: string | null;
  /** What the fleet has in common. */
  readonly secret: Bytes | null;
  readonly exchangeMs: Millis;
  /** Name of the network: limits of several do not meet. */
  readonly network: string;
  /** 16 hexadecimal digits, the same after a restart. */
  readonly node: string;
};

export type RateLimitModules = { readonly log: Log; readonly metrics: Metrics; readonly exchange: CounterExchange };

const DELAY_SECONDS = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10];

/** Ready to be asked. Throws ConfigError, which names the key. */
export async function createLimiter(settings: RateLimitSettings, modules: RateLimitModules): Promise<RateLimiter> {
  checkLimits(settings);
  const limiter = await scoped(settings, modules);
  return new MeteredLimiter(limiter, settings.scope, modules.metrics);
}

function scoped(settings: RateLimitSettings, modules: RateLimitModules): CountingLimiter | Promise<CountingLimiter> {
  const bucket = ({ capacity, rate }: RateLimit): TokenBucket => new TokenBucket(capacity, rate);
  const window = ({ capacity }: RateLimit): SlidingWindow => new SlidingWindow(capacity, settings.windowMs);
  const isWindow = settings.algorithm === 'sliding-window';
  switch (settings.scope) {
    case 'local':
      return isWindow ? local(settings, window) : local(settings, bucket);
    case 'redis':
      return isWindow
        ? redis(settings, window, WINDOW_SCRIPT, modules)
        : redis(settings, bucket, BUCKET_SCRIPT, modules);
    case 'gossip':
      // A window's limit is both its burst and its rate: nodes that share it would either all give all of it, or never more than a part.
      if (isWindow) throw wrong('algorithm', 'must be token-bucket where the scope is gossip');
      return gossip(settings, bucket, modules);
  }
}

type RuleOf<Rule> = (limit: RateLimit) => Rule;

function rules<Rule>({ overrides }: RateLimitSettings, ruleOf: RuleOf<Rule>): ReadonlyMap<string, Rule> {
  return new Map([...overrides].map(([client, limit]) => [client, ruleOf(limit)]));
}

function local<State>(settings: RateLimitSettings, ruleOf: RuleOf<Algorithm<State>>): CountingLimiter {
  return new LocalLimiter({ algorithm: ruleOf(settings), overrides: rules(settings, ruleOf) }, monotonicUs);
}

function redis<Rule extends Algorithm<State>, State>(
  settings: RateLimitSettings,
  ruleOf: RuleOf<Rule>,
  script: RedisScript<Rule, State>,
  { log }: RateLimitModules,
): Promise<CountingLimiter> {
  const { redisUrl: url, nodes, network } = settings;
  if (url === null) throw wrong('redis-url', 'or redis-url-file is missing, and the scope is redis');
  const prefix = `parley:${network}:limit`;
  const options = { url, nodes, algorithm: ruleOf(settings), script, overrides: rules(settings, ruleOf), prefix };
  return RedisLimiter.start(options, { log, now: monotonicUs });
}

function gossip(
  settings: RateLimitSettings,
  ruleOf: RuleOf<TokenBucket>,
  { metrics, exchange }: RateLimitModules,
): CountingLimiter {
  const { secret, network, nodes, exchangeMs, node } = settings;
  if (secret === null) throw wrong('secret-file', 'is missing, and the scope is gossip');
  const messages = metrics.counter(
    'parley_rpc_rate_limit_messages_total',
    'Counters of other nodes received, by what came of them.',
    ['outcome'],
  );
  const delay = metrics.histogram(
    'parley_rpc_rate_limit_delay_seconds',
    'Time that counters of other nodes were on their way, by the two clocks.',
    DELAY_SECONDS,
  );
  const heard = (outcome: ExchangeOutcome, delayMs: Millis | null): void => {
    messages.add(1, { outcome });
    if (delayMs !== null) delay.observe(delayMs / 1000);
  };
  const limiter = new GossipLimiter(
    {
      rule: ruleOf(settings),
      overrides: rules(settings, ruleOf),
      nodes,
      exchangeMs,
      node,
      incarnation: Date.now(),
    },
    { exchange, key: new FleetKey(secret, network), now: monotonicUs, wallNow: Date.now, heard },
  );
  limiter.start();
  return limiter;
}

/** A share of less than one weight, or of no rate, would admit nothing at all. */
function checkLimits({ scope, nodes, capacity, rate, overrides }: RateLimitSettings): void {
  const sharing = scope === 'local' ? 1 : nodes;
  for (const [client, limit] of [[null, { capacity, rate }] as const, ...overrides]) {
    const of = client === null ? '' : ` of ${client}`;
    const problem = limitProblem(limit.capacity, limit.rate);
    if (problem !== null) throw wrong('capacity', `or rate${of}: ${problem}`);
    if (limit.capacity < sharing) throw wrong('capacity', `${of} must be at least ${sharing}, the nodes that share it`);
    if (limit.rate * 1000 < sharing)
      throw wrong('rate', `${of} must be at least ${sharing / 1000} for ${sharing} nodes`);
  }
}

function wrong(key: string, problem: string): ConfigError {
  return new ConfigError(`rpc.rate-limit.${key} ${problem.trimStart()}`, { path: `rpc.rate-limit.${key}` });
}

function monotonicUs(): Micros {
  return Math.floor(performance.now() * 1000);
}
