import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HAS_REDIS, RedisServer } from '../rpc/redis-server.ts';
import { cleanUp, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** Fleets that share their limits: four real nodes, asked over HTTP by clients behind a proxy. */

const NODES = 4;
const FLOODER = '203.0.113.1';
/** Calls of each message of a flood. */
const WEIGHT = 10;

/** Asks after the nodes' own business as somebody who is not limited. */
const PROXIED = `[rpc]
trusted-proxies = ["127.0.0.1"]
[rpc.rate-limit.clients]
"address:127.0.0.1" = { capacity = 1000000, rate = 1000000 }
`;

async function startFleet(config: string): Promise<RunningDevnet> {
  const file = join(temporaryDir(), 'parley.toml');
  writeFileSync(file, `${PROXIED}${config}`);
  return startDevnet({ nodes: NODES, args: ['--config', file] });
}

function post(url: string, client: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': client },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
}

const call = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] };
const batch = (size: number): unknown => Array.from({ length: size }, (_, id) => ({ ...call, id }));

type Admitted = { readonly askedAt: number; readonly answeredAt: number };

/** Three lanes to each node at once, each as long as it is told to go on. */
class Flood {
  readonly admitted: Admitted[] = [];
  /** Messages answered, by node. */
  readonly answered: number[];
  refused = 0;
  readonly #urls: readonly string[];

  constructor(urls: readonly string[]) {
    this.#urls = urls;
    this.answered = urls.map(() => 0);
  }

  async run(goesOn: (flood: Flood) => boolean): Promise<void> {
    const lane = async (url: string, node: number): Promise<void> => {
      while (goesOn(this)) {
        const askedAt = performance.now();
        const response = await post(url, FLOODER, batch(WEIGHT));
        await response.arrayBuffer();
        this.answered[node] = (this.answered[node] ?? 0) + 1;
        if (response.status === 200) this.admitted.push({ askedAt, answeredAt: performance.now() });
        else {
          expect(response.status).toBe(429);
          this.refused++;
        }
      }
    };
    await Promise.all(this.#urls.flatMap((url, node) => [lane(url, node), lane(url, node), lane(url, node)]));
  }

  /** In every window: what was surely decided within it must fit into it. */
  expectBound(startMs: number, endMs: number, allowed: (lengthMs: number) => number): void {
    const step = (endMs - startMs) / 24;
    for (let first = startMs; first < endMs; first += step) {
      for (let last = first + step; last <= endMs; last += step) {
        const inside = this.admitted.filter(({ askedAt, answeredAt }) => askedAt >= first && answeredAt <= last);
        expect(inside.length * WEIGHT).toBeLessThanOrEqual(allowed(last - first));
      }
    }
  }
}

describe('a fleet that shares its limits by gossip', () => {
  const CAPACITY = 400;
  const RATE = 100;
  const EXCHANGE_MS = 100;
  const FLOOD_MS = 6_000;
  const BATCHER = '203.0.113.2';
  const BATCH = 1_000;

  let urls: readonly string[];

  beforeAll(async () => {
    const secret = join(temporaryDir(), 'fleet.secret');
    writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o600 });
    const devnet = await startFleet(
      `"address:${BATCHER}" = { capacity = ${NODES * 1.5 * BATCH}, rate = 0.1 }
[rpc.rate-limit]
scope = "gossip"
capacity = ${CAPACITY}
rate = ${RATE}
exchange-ms = ${EXCHANGE_MS}
secret-file = ${JSON.stringify(secret)}
`,
    );
    urls = devnet.ready.nodes.map(({ rpc }) => rpc);
    for (const url of urls) {
      await until('the fleet has met', async () => (await metric(url, 'parley_rpc_rate_limit_peers')) === NODES - 1);
    }
  }, 60_000);

  afterAll(cleanUp);

  async function metric(url: string, name: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
    return Number(line?.split(' ')[1] ?? Number.NaN);
  }

  /** Upper end, in ms, of the histogram's bucket into which the slowest message fell. */
  async function slowestMs(url: string): Promise<number> {
    const text = await (await fetch(`${url}/metrics`)).text();
    const counts = [...text.matchAll(/^parley_rpc_rate_limit_delay_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)];
    const all = Number(counts.at(-1)?.[2]);
    const slowest = counts.find(([, , count]) => Number(count) === all)?.[1];
    return Number(slowest === '+Inf' ? Number.NaN : slowest) * 1_000;
  }

  it('admits a flood on all nodes up to capacity + rate × t + (nodes − 1) × rate × delay', async () => {
    const flood = new Flood(urls);
    const startMs = performance.now();
    const endMs = startMs + FLOOD_MS;
    await flood.run(() => performance.now() < endMs);
    const wayMs = Math.max(...(await Promise.all(urls.map(slowestMs))));
    // The timer of a busy node may come a whole interval late.
    const delayMs = 2 * EXCHANGE_MS + wayMs;
    const surplus = ((NODES - 1) * RATE * delayMs) / 1_000;
    flood.expectBound(startMs, endMs, (lengthMs) => CAPACITY + (RATE * lengthMs) / 1_000 + surplus);
    const steady = (RATE * FLOOD_MS) / 1_000;
    process.stdout.write(
      `flood: ${flood.admitted.length * WEIGHT} admitted, ${flood.refused * WEIGHT} refused in ${FLOOD_MS} ms; capacity + rate × t is ` +
        `${CAPACITY + steady}, the delay at most ${delayMs} ms (on the way ${wayMs}), the surplus at most ${surplus}\n`,
    );
    expect(flood.refused).toBeGreaterThan(0);
    expect(flood.admitted.length * WEIGHT).toBeGreaterThan(0.8 * steady);
  });

  it('counts a batch of a thousand calls as a thousand, and on the other nodes too', async () => {
    const [here = '', there = ''] = urls;
    const first = await post(here, BATCHER, batch(BATCH));
    expect(first.status).toBe(200);
    expect(await first.json()).toHaveLength(BATCH);
    expect(first.headers.get('ratelimit-limit')).toBe(String(1.5 * BATCH));
    expect(first.headers.get('ratelimit-remaining')).toBe(String(BATCH / 2));
    const second = await post(here, BATCHER, batch(BATCH / 2 + 1));
    expect(second.status).toBe(429);
    expect(Number(second.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await post(here, BATCHER, batch(BATCH / 2))).status).toBe(200);
    expect((await post(here, BATCHER, call)).status).toBe(429);
    const heard = (): Promise<number> => metric(there, 'parley_rpc_rate_limit_delay_seconds_count');
    const before = await heard();
    await until('the other node has heard', async () => (await heard()) > before + NODES);
    expect((await post(there, BATCHER, call)).status).toBe(429);
    expect((await post(there, '203.0.113.3', call)).status).toBe(200);
  });
});

describe.skipIf(!HAS_REDIS)('a fleet that shares its limits through Redis (skipped without redis-server)', () => {
  /** What is gained meanwhile is little beside it: unshared, four nodes would admit about four times as much. */
  const CAPACITY = 2_000;
  const RATE = 50;
  /** A share of the capacity, on each node, while there is no Redis. */
  const SHARE = CAPACITY / NODES;

  let redis: RedisServer;
  let devnet: RunningDevnet;
  let urls: readonly string[];

  beforeAll(async () => {
    redis = await RedisServer.start();
    devnet = await startFleet(
      `[rpc.rate-limit]
scope = "redis"
redis-url = "${redis.url}"
capacity = ${CAPACITY}
rate = ${RATE}
`,
    );
    urls = devnet.ready.nodes.map(({ rpc }) => rpc);
  }, 60_000);

  afterAll(async () => {
    await cleanUp();
    await redis.stop();
  });

  const logLines = (index: number, says: string): readonly string[] =>
    readFileSync(join(devnet.dataDir, `node-${index}`, 'node.log'), 'utf8')
      .split('\n')
      .filter((line) => line.includes(says));

  const GONE = 'rate limits: Redis is gone';
  const BACK = 'rate limits: Redis is back';

  it('admits a flood on all nodes up to capacity + rate × t, as one node would', async () => {
    const flood = new Flood(urls);
    // Each node is asked for all that one node could admit by itself, and the bucket has time to gain something.
    const asked = (2 * CAPACITY) / WEIGHT;
    const startMs = performance.now();
    await flood.run(({ answered }) => answered.some((count) => count < asked) || performance.now() < startMs + 2_000);
    const endMs = performance.now();
    const admitted = flood.admitted.length * WEIGHT;
    const allowed = CAPACITY + (RATE * (endMs - startMs)) / 1_000;
    process.stdout.write(
      `flood through Redis: ${admitted} admitted, ${flood.refused * WEIGHT} refused in ${Math.round(endMs - startMs)} ms; ` +
        `capacity + rate × t is ${Math.floor(allowed)}, unshared limits would have admitted ${NODES * CAPACITY} at least\n`,
    );
    expect(admitted).toBeLessThanOrEqual(allowed);
    flood.expectBound(startMs, endMs, (lengthMs) => CAPACITY + (RATE * lengthMs) / 1_000);
    expect(admitted).toBeGreaterThan(CAPACITY);
    expect(allowed).toBeLessThan((NODES * CAPACITY) / 2);
    for (const index of urls.keys()) expect(logLines(index, GONE)).toEqual([]);
  });

  it('refuses with 429, says when to come back and what the allowance is, and what each call gets', async () => {
    const client = '203.0.113.2';
    const [here = '', there = ''] = urls;
    expect((await post(here, client, batch(1_000))).headers.get('ratelimit-remaining')).toBe(String(CAPACITY - 1_000));
    expect((await post(here, client, batch(1_000))).status).toBe(200);
    const refused = await post(there, client, batch(1_000));
    expect(refused.status).toBe(429);
    // To have a thousand again takes 1000 / rate, less what was gained since.
    const retryAfter = Number(refused.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(1_000 / RATE);
    expect(refused.headers.get('ratelimit-limit')).toBe(String(CAPACITY));
    expect(Number(refused.headers.get('ratelimit-remaining'))).toBeLessThan(1_000);
    expect(Number(refused.headers.get('ratelimit-reset'))).toBeLessThanOrEqual(CAPACITY / RATE);
    const answers = (await refused.json()) as { readonly id: number; readonly error: { readonly code: number } }[];
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 1_000 }, (_, id) => id));
    expect(new Set(answers.map(({ error }) => error.code))).toEqual(new Set([-32005]));
    expect(answers[0]).toMatchObject({
      error: { message: expect.stringMatching(/^rate limited: try again in \d+ s$/) as string },
    });
    expect((await post(there, '203.0.113.3', call)).status).toBe(200);
  });

  it('gives each node its share while Redis is gone, says so once, and shares again when it is back', async () => {
    await redis.kill();
    const orphan = '203.0.113.4';
    for (const url of urls) {
      const first = await post(url, orphan, batch(SHARE / 2));
      expect([first.status, first.headers.get('ratelimit-limit')]).toEqual([200, String(SHARE)]);
      expect((await post(url, orphan, batch(SHARE / 2))).status).toBe(200);
      const refused = await post(url, orphan, batch(SHARE / 2));
      expect(refused.status).toBe(429);
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    for (const index of urls.keys()) {
      expect(logLines(index, GONE).map((line) => JSON.parse(line) as unknown)).toMatchObject([{ level: 'warn' }]);
      expect(logLines(index, BACK)).toEqual([]);
    }
    await redis.run();
    for (const index of urls.keys()) await until('Redis is back', async () => logLines(index, BACK).length === 1);
    const client = '203.0.113.5';
    for (const [index, url] of urls.entries()) {
      const response = await post(url, client, batch(SHARE));
      expect([response.status, response.headers.get('ratelimit-limit')]).toEqual([200, String(CAPACITY)]);
      // The others have used the rest of it.
      expect(Number(response.headers.get('ratelimit-remaining'))).toBeLessThan(CAPACITY - index * SHARE);
    }
    for (const url of urls) expect((await post(url, client, batch(SHARE))).status).toBe(429);
    for (const index of urls.keys()) expect(logLines(index, GONE)).toHaveLength(1);
  });
});
