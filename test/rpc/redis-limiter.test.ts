import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Algorithm } from '../../rpc/limiting/algorithm.ts';
import { RedisLimiter } from '../../rpc/limiting/redis-limiter.ts';
import { BUCKET_SCRIPT, WINDOW_SCRIPT, type RedisScript } from '../../rpc/limiting/redis-scripts.ts';
import { SlidingWindow } from '../../rpc/limiting/sliding-window.ts';
import { TokenBucket } from '../../rpc/limiting/token-bucket.ts';
import type { Log, LogContext } from '../../src/util/log.ts';
import { HAS_REDIS, RedisServer } from './redis-server.ts';

const CLIENT = 'address:192.0.2.1';
const NODES = 4;
/** Longer than any of these tests: what is asked at once finds nothing refilled. */
const SLOW_RATE = 0.004;

type Line = { readonly level: string; readonly message: string; readonly context: LogContext | undefined };

class Lines implements Log {
  readonly lines: Line[] = [];
  child = (): Log => this;
  debug = (message: string, context?: LogContext): void => this.#add('debug', message, context);
  info = (message: string, context?: LogContext): void => this.#add('info', message, context);
  warn = (message: string, context?: LogContext): void => this.#add('warn', message, context);
  error = (message: string, context?: LogContext): void => this.#add('error', message, context);

  of(level: string): readonly Line[] {
    return this.lines.filter((line) => line.level === level);
  }

  #add(level: string, message: string, context: LogContext | undefined): void {
    this.lines.push({ level, message, context });
  }
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serverOf(args: readonly string[] = []): Promise<RedisServer> {
  const server = await RedisServer.start(args);
  closers.push(() => server.stop());
  return server;
}

async function limiterOf<Rule extends Algorithm<State>, State>(
  url: string,
  algorithm: Rule,
  script: RedisScript<Rule, State>,
  options: { readonly callTimeoutMs?: number } = { callTimeoutMs: 5_000 },
): Promise<{ limiter: RedisLimiter<Rule, State>; log: Lines }> {
  const log = new Lines();
  const now = (): number => Math.floor(performance.now() * 1000);
  const limiter = await RedisLimiter.start({ url, nodes: NODES, algorithm, script, ...options }, { log, now });
  closers.push(() => limiter.stop());
  return { limiter, log };
}

const bucketOf = (url: string, capacity: number, rate: number) =>
  limiterOf(url, new TokenBucket(capacity, rate), BUCKET_SCRIPT);

/** Four nodes ask as fast as they can for a while; gives what all admitted, each with when it was asked and when answered. */
async function flood(
  limiters: readonly { take: RedisLimiter<never, never>['take'] }[],
  durationMs: number,
): Promise<{ readonly askedAt: number; readonly answeredAt: number; readonly weight: number }[]> {
  const admitted: { askedAt: number; answeredAt: number; weight: number }[] = [];
  const end = performance.now() + durationMs;
  const lane = async (index: number): Promise<void> => {
    for (let turn = index; performance.now() < end; turn++) {
      const weight = 1 + ((turn * 7) % 5);
      const askedAt = performance.now();
      const decision = await limiters[turn % limiters.length]?.take(CLIENT, weight);
      if (decision?.admitted === true) admitted.push({ askedAt, answeredAt: performance.now(), weight });
    }
  };
  await Promise.all(Array.from({ length: 16 }, (_, index) => lane(index)));
  return admitted;
}

/** In every window: whatever was surely decided within it must fit into it. */
function expectBound(admitted: Awaited<ReturnType<typeof flood>>, allowed: (lengthMs: number) => number): void {
  const sorted = admitted.toSorted((a, b) => a.askedAt - b.askedAt);
  const ends = admitted.map(({ answeredAt }) => answeredAt).sort((a, b) => a - b);
  const starts = sorted.filter((_, index) => index % Math.ceil(sorted.length / 200) === 0);
  for (const { askedAt: start } of starts) {
    for (const end of ends.filter((_, index) => index % Math.ceil(ends.length / 200) === 0)) {
      const sum = sorted
        .filter(({ askedAt, answeredAt }) => askedAt >= start && answeredAt <= end)
        .reduce((total, { weight }) => total + weight, 0);
      if (end > start) expect(sum).toBeLessThanOrEqual(allowed(end - start));
    }
  }
}

describe.skipIf(!HAS_REDIS)('limits shared by Redis (skipped without redis-server)', () => {
  it('let four nodes together admit what one bucket would, in every window', async () => {
    const { url } = await serverOf();
    const nodes = await Promise.all(Array.from({ length: NODES }, () => bucketOf(url, 300, 500)));
    const admitted = await flood(
      nodes.map(({ limiter }) => limiter),
      1_000,
    );
    expectBound(admitted, (lengthMs) => 300 + 0.5 * lengthMs);
    const sum = admitted.reduce((total, { weight }) => total + weight, 0);
    expect(sum).toBeGreaterThan(300);
    expect(nodes.flatMap(({ log }) => log.lines)).toEqual([]);
  });

  it('let them admit what one sliding window would', async () => {
    const { url } = await serverOf();
    const nodes = await Promise.all(
      Array.from({ length: NODES }, () => limiterOf(url, new SlidingWindow(200, 300), WINDOW_SCRIPT)),
    );
    const admitted = await flood(
      nodes.map(({ limiter }) => limiter),
      1_000,
    );
    expectBound(admitted, (lengthMs) => 200 * (1 + lengthMs / 300));
    expect(admitted.reduce((total, { weight }) => total + weight, 0)).toBeGreaterThan(200);
  });

  it('are taken whole or not at all by calls that come at once', async () => {
    const { url } = await serverOf();
    const nodes = await Promise.all(Array.from({ length: NODES }, () => bucketOf(url, 1_000, SLOW_RATE)));
    const decisions = await Promise.all(
      Array.from({ length: 2_000 }, async (_, i) => nodes[i % NODES]?.limiter.take(CLIENT, 3)),
    );
    expect(decisions.filter((decision) => decision?.admitted === true)).toHaveLength(333);
    expect(await nodes[0]?.limiter.take(CLIENT, 1)).toMatchObject({ admitted: true, remaining: 0 });
    expect(await nodes[1]?.limiter.take(CLIENT, 1)).toMatchObject({ admitted: false, limit: 1_000, remaining: 0 });
    expect(await nodes[1]?.limiter.take('key:other', 1_000)).toMatchObject({ admitted: true });
  });

  it('say the same as on one node', async () => {
    const { url } = await serverOf();
    const { limiter } = await bucketOf(url, 10, 1);
    expect(await limiter.take('key:a', 4)).toMatchObject({
      admitted: true,
      limit: 10,
      remaining: 6,
      waitMs: 0,
    });
    expect(await limiter.take('key:a', 11)).toMatchObject({ admitted: false, waitMs: Infinity });
    const refused = await limiter.take('key:a', 8);
    expect(refused).toMatchObject({ admitted: false, remaining: 6 });
    expect(refused.waitMs).toBeGreaterThan(1_000);
    expect(refused.waitMs).toBeLessThanOrEqual(2_000);
  });

  it('leave no key behind once the allowance is whole, and none for what was refused', async () => {
    const { url } = await serverOf();
    const { limiter } = await bucketOf(url, 10, 5);
    await limiter.take(CLIENT, 11);
    const redis = new Redis(url);
    closers.push(async () => redis.disconnect());
    expect(await redis.keys('*')).toEqual([]);
    await limiter.take(CLIENT, 10);
    const [key = ''] = await redis.keys('*');
    expect(key).toBe(`parley:limit:bucket:${CLIENT}`);
    const ttlMs = await redis.pttl(key);
    expect(ttlMs).toBeGreaterThan(1_000);
    expect(ttlMs).toBeLessThanOrEqual(3_001);
  });

  it('become shares when Redis dies, told once, and are shared again when it is back', async () => {
    const server = await serverOf();
    const nodes = await Promise.all(Array.from({ length: NODES }, () => bucketOf(server.url, 40, SLOW_RATE)));
    expect(await nodes[0]?.limiter.take(CLIENT, 40)).toMatchObject({ admitted: true, limit: 40 });
    await server.kill();
    let sum = 0;
    for (let i = 0; i < 200; i++) {
      const decision = await nodes[i % NODES]?.limiter.take(CLIENT, 1);
      if (decision?.admitted === true) sum++;
      expect(decision?.limit).toBe(10);
    }
    expect(sum).toBe(40);
    for (const { log } of nodes) expect(log.of('warn')).toHaveLength(1);
    await server.run();
    await vi.waitFor(() => expect(nodes.every(({ limiter }) => !limiter.isAway)).toBe(true), { timeout: 10_000 });
    expect(await nodes[2]?.limiter.take(CLIENT, 40)).toMatchObject({ admitted: true, limit: 40 });
    expect(await nodes[3]?.limiter.take(CLIENT, 1)).toMatchObject({ admitted: false, limit: 40 });
    for (const { log } of nodes) {
      expect(log.of('warn')).toHaveLength(1);
      expect(log.of('info')).toHaveLength(1);
    }
  });

  it('do not wait for a Redis that hangs, but for the first time', async () => {
    const server = await serverOf();
    const { limiter, log } = await limiterOf(server.url, new TokenBucket(40, SLOW_RATE), BUCKET_SCRIPT, {});
    server.pause();
    expect(await limiter.take(CLIENT, 1)).toMatchObject({ admitted: true, limit: 10 });
    expect(limiter.take(CLIENT, 1)).not.toBeInstanceOf(Promise);
    expect(log.of('warn')[0]?.context).toMatchObject({ reason: 'TIMED_OUT' });
    server.resume();
    await vi.waitFor(() => expect(limiter.isAway).toBe(false), { timeout: 10_000 });
    expect(await limiter.take(CLIENT, 1)).toMatchObject({ limit: 40 });
  });

  it('are shares from the beginning where there is no Redis, and no password is ever told', async () => {
    const server = await serverOf(['--requirepass', 'right']);
    const wrong = `redis://:pa55word@127.0.0.1:${server.port}`;
    const { limiter, log } = await bucketOf(wrong, 40, SLOW_RATE);
    expect(await limiter.take(CLIENT, 10)).toMatchObject({ admitted: true, limit: 10 });
    expect(await limiter.take(CLIENT, 1)).toMatchObject({ admitted: false });
    expect(log.of('warn')).toHaveLength(1);
    expect(JSON.stringify(log.lines)).not.toContain('pa55word');
    expect(log.of('warn')[0]?.context).toMatchObject({ server: `127.0.0.1:${server.port}` });
    const { limiter: other } = await bucketOf(`redis://:right@127.0.0.1:${server.port}`, 40, SLOW_RATE);
    expect(await other.take(CLIENT, 1)).toMatchObject({ limit: 40 });
  });

  it('notice a server that answers but does not write', async () => {
    const server = await serverOf();
    const { limiter, log } = await bucketOf(server.url, 40, SLOW_RATE);
    const redis = new Redis(server.url);
    closers.push(async () => redis.disconnect());
    await redis.replicaof('127.0.0.1', 1);
    expect(await limiter.take(CLIENT, 1)).toMatchObject({ admitted: true, limit: 10 });
    expect(log.of('warn')[0]?.context).toMatchObject({ reason: 'READONLY' });
    await redis.replicaof('NO', 'ONE');
    await vi.waitFor(() => expect(limiter.isAway).toBe(false), { timeout: 10_000 });
  });

  it('load their script again when the server has forgotten it', async () => {
    const server = await serverOf();
    const { limiter, log } = await bucketOf(server.url, 40, SLOW_RATE);
    await limiter.take(CLIENT, 1);
    const redis = new Redis(server.url);
    closers.push(async () => redis.disconnect());
    await redis.script('FLUSH');
    expect(await limiter.take(CLIENT, 1)).toMatchObject({ admitted: true, limit: 40, remaining: 38 });
    expect(log.lines).toEqual([]);
  });
});

it.each(['http://127.0.0.1:1', 'nothing', 'redis://', ''])('the URL %j is refused without being shown', async (url) => {
  await expect(bucketOf(`${url}?s3cret`, 4, 1)).rejects.toMatchObject({
    code: 'CONFIG',
    message: expect.not.stringContaining('s3cret') as string,
  });
});
