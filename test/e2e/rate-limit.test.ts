import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanUp, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** A fleet that shares its limits by gossip: four real nodes, asked over HTTP by clients behind a proxy. */

const NODES = 4;
const CAPACITY = 400;
const RATE = 100;
/** Calls of each message of the flood. */
const WEIGHT = 10;
const EXCHANGE_MS = 100;
const FLOOD_MS = 6_000;
const FLOODER = '203.0.113.1';
const BATCHER = '203.0.113.2';
const BATCH = 1_000;

let devnet: RunningDevnet;
let urls: readonly string[];

beforeAll(async () => {
  const directory = temporaryDir();
  const secret = join(directory, 'fleet.secret');
  const config = join(directory, 'parley.toml');
  writeFileSync(secret, randomBytes(32).toString('hex'), { mode: 0o600 });
  writeFileSync(
    config,
    `[rpc]
trusted-proxies = ["127.0.0.1"]
[rpc.rate-limit]
scope = "gossip"
capacity = ${CAPACITY}
rate = ${RATE}
exchange-ms = ${EXCHANGE_MS}
secret-file = ${JSON.stringify(secret)}
[rpc.rate-limit.clients]
"address:${BATCHER}" = { capacity = ${NODES * 1.5 * BATCH}, rate = 0.1 }
"address:127.0.0.1" = { capacity = 1000000, rate = 1000000 }
`,
  );
  devnet = await startDevnet({ nodes: NODES, args: ['--config', config] });
  urls = devnet.ready.nodes.map(({ rpc }) => rpc);
  for (const url of urls) {
    await until('the fleet has met', async () => (await metric(url, 'parley_rpc_rate_limit_peers')) === NODES - 1);
  }
}, 60_000);

afterAll(cleanUp);

function post(url: string, client: string, body: unknown): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': client },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(30_000),
  });
}

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

const call = { jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] };
const batch = (size: number): unknown => Array.from({ length: size }, (_, id) => ({ ...call, id }));

it('admits a flood on all nodes up to capacity + rate × t + (nodes − 1) × rate × delay', async () => {
  const admitted: { readonly askedAt: number; readonly answeredAt: number }[] = [];
  let refused = 0;
  const end = performance.now() + FLOOD_MS;
  const lane = async (url: string): Promise<void> => {
    while (performance.now() < end) {
      const askedAt = performance.now();
      const response = await post(url, FLOODER, batch(WEIGHT));
      await response.arrayBuffer();
      if (response.status === 200) admitted.push({ askedAt, answeredAt: performance.now() });
      else {
        expect(response.status).toBe(429);
        refused++;
      }
    }
  };
  await Promise.all(urls.flatMap((url) => [lane(url), lane(url), lane(url)]));
  const wayMs = Math.max(...(await Promise.all(urls.map(slowestMs))));
  // The timer of a busy node may come a whole interval late.
  const delayMs = 2 * EXCHANGE_MS + wayMs;
  const surplus = ((NODES - 1) * RATE * delayMs) / 1_000;
  for (let from = 0; from < FLOOD_MS; from += 250) {
    for (let to = from + 250; to <= FLOOD_MS; to += 250) {
      const [first, last] = [end - FLOOD_MS + from, end - FLOOD_MS + to];
      const inside = admitted.filter(({ askedAt, answeredAt }) => askedAt >= first && answeredAt <= last);
      expect(inside.length * WEIGHT).toBeLessThanOrEqual(CAPACITY + (RATE * (to - from)) / 1_000 + surplus);
    }
  }
  const steady = (RATE * FLOOD_MS) / 1_000;
  process.stdout.write(
    `flood: ${admitted.length * WEIGHT} admitted, ${refused * WEIGHT} refused in ${FLOOD_MS} ms; capacity + rate × t is ${CAPACITY + steady}, ` +
      `the delay at most ${delayMs} ms (on the way ${wayMs}), the surplus at most ${surplus}\n`,
  );
  expect(refused).toBeGreaterThan(0);
  expect(admitted.length * WEIGHT).toBeGreaterThan(0.8 * steady);
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
