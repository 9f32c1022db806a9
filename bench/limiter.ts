import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { CounterExchange, CounterVerdict } from '../rpc/limiting/counter-exchange.ts';
import { FleetKey } from '../rpc/limiting/fleet-key.ts';
import { GossipLimiter } from '../rpc/limiting/gossip-limiter.ts';
import { LocalLimiter } from '../rpc/limiting/local-limiter.ts';
import type { RateLimiter } from '../rpc/limiting/rate-limiter.ts';
import { RedisLimiter } from '../rpc/limiting/redis-limiter.ts';
import { BUCKET_SCRIPT, WINDOW_SCRIPT } from '../rpc/limiting/redis-scripts.ts';
import { SlidingWindow } from '../rpc/limiting/sliding-window.ts';
import { TokenBucket } from '../rpc/limiting/token-bucket.ts';
import { silentLog } from '../src/util/log.ts';
import { median } from './process-stats.ts';

/**
 * What one `take` costs by scope, all in one run and in turns, so that a drift of the machine hits all alike: medians over the runs. Of
 * Redis, with calls in flight at once as clients make them, so it is time per call and not the way there and back. And what a message
 * between nodes costs who sends it and who hears it.
 */

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    calls: { type: 'string', default: '200000' },
    clients: { type: 'string', default: '1000' },
    concurrency: { type: 'string', default: '64' },
  },
});
const calls = Number(values.calls);
const concurrency = Number(values.concurrency);
const names = Array.from(
  { length: Number(values.clients) },
  (_, i) => `address:10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
);
const nameAt = (index: number): string => names[index % names.length] ?? '';

const CAPACITY = 1_000_000;
const RATE = 1_000_000;
const FEW = 20;
const bucket = new TokenBucket(CAPACITY, RATE);
const window = new SlidingWindow(CAPACITY, 1_000);
const now = (): number => Math.floor(performance.now() * 1_000);
const key = new FleetKey(Buffer.alloc(32, 1), 'bench');

function gossip(node: number, exchange: CounterExchange): GossipLimiter {
  const name = node.toString(16).padStart(16, '0');
  const options = { rule: bucket, nodes: 4, exchangeMs: 100, node: name, incarnation: Date.now() };
  return new GossipLimiter(options, { exchange, key, now, wallNow: Date.now });
}

type Contestant = { readonly name: string; readonly limiter: RateLimiter };

async function measure({ limiter }: Contestant): Promise<number> {
  const first = limiter.take(nameAt(0), 1);
  const isRemote = first instanceof Promise;
  await first;
  // What takes a round trip is asked less often, or a run would take minutes.
  const total = isRemote ? calls / 10 : calls;
  const startedAt = performance.now();
  if (isRemote) {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < total) await limiter.take(nameAt(next++), 1);
    };
    await Promise.all(Array.from({ length: concurrency }, lane));
  } else {
    for (let i = 0; i < total; i++) void limiter.take(nameAt(i), 1);
  }
  return ((performance.now() - startedAt) * 1_000) / total;
}

/** One message with news of all clients (1,024 at most): making it, and taking it in. */
function measureExchange(): { readonly sendUs: number; readonly hearUs: number } {
  let sent: Uint8Array = new Uint8Array();
  let hear: (message: Uint8Array) => CounterVerdict = () => 'ignore';
  const sender = gossip(1, { publish: (message) => void (sent = message), onMessage: () => {} });
  gossip(2, { publish: () => {}, onMessage: (handler) => void (hear = handler) });
  let [sendUs, hearUs] = [0, 0];
  for (let round = 0; round < FEW; round++) {
    for (const name of names) sender.take(name, 1);
    const startedAt = performance.now();
    sender.exchange();
    const sentAt = performance.now();
    if (hear(sent) !== 'accept') throw new Error('the message was not taken');
    sendUs += ((sentAt - startedAt) * 1_000) / FEW;
    hearUs += ((performance.now() - sentAt) * 1_000) / FEW;
  }
  return { sendUs, hearUs };
}

type Redis = { readonly url: string; readonly stop: () => Promise<void> };

/** null: this machine has none. */
async function startRedis(): Promise<Redis | null> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  const directory = mkdtempSync(join(tmpdir(), 'parley-bench-'));
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
  const child: ChildProcess = spawn('redis-server', args, { cwd: directory, stdio: ['ignore', 'pipe', 'inherit'] });
  const isThere = await new Promise<boolean>((answer, failed) => {
    child.once('error', (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? answer(false) : failed(error)));
    child.once('exit', (code) => failed(new Error(`redis-server ended with ${code}`)));
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('Ready to accept')) answer(true);
    });
  });
  if (!isThere) {
    rmSync(directory, { recursive: true, force: true });
    return null;
  }
  const stop = async (): Promise<void> => {
    child.kill();
    await once(child, 'exit');
    rmSync(directory, { recursive: true, force: true });
  };
  return { url: `redis://127.0.0.1:${port}`, stop };
}

async function overRedis({ url }: Redis): Promise<readonly Contestant[]> {
  const modules = { log: silentLog, now };
  const shared = { url, nodes: 4 };
  const [ofBucket, ofWindow] = [
    await RedisLimiter.start({ ...shared, algorithm: bucket, script: BUCKET_SCRIPT }, modules),
    await RedisLimiter.start({ ...shared, algorithm: window, script: WINDOW_SCRIPT }, modules),
  ];
  return [
    { name: 'redis, token bucket', limiter: ofBucket },
    { name: 'redis, sliding window', limiter: ofWindow },
  ];
}

const redis = await startRedis();
if (redis === null) process.stderr.write('redis-server is not installed: its rows are left out\n');
const contestants: readonly Contestant[] = [
  { name: 'local, token bucket', limiter: new LocalLimiter({ algorithm: bucket }, now) },
  { name: 'local, sliding window', limiter: new LocalLimiter({ algorithm: window }, now) },
  { name: 'gossip, token bucket', limiter: gossip(0, { publish: () => {}, onMessage: () => {} }) },
  ...(redis === null ? [] : await overRedis(redis)),
];
const times = new Map<string, number[]>(contestants.map(({ name }) => [name, []]));
const exchanges: { sendUs: number; hearUs: number }[] = [];
for (const contestant of contestants) await measure(contestant);
measureExchange();
for (let run = 0; run < Number(values.runs); run++) {
  for (const contestant of contestants) times.get(contestant.name)?.push(await measure(contestant));
  exchanges.push(measureExchange());
}
for (const { limiter } of contestants) await limiter.stop();
await redis?.stop();

const base = median(times.get(contestants[0]?.name ?? '') ?? []);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
print(
  `${calls} calls of ${names.length} clients (a tenth of that for Redis, ${concurrency} at once), medians of ${values.runs} runs\n`,
);
print('| scope | µs/take | ratio to local |\n| --- | ---: | ---: |');
for (const { name } of contestants) {
  const us = median(times.get(name) ?? []);
  print(`| ${name} | ${us.toFixed(2)} | ${(us / base).toFixed(1)} |`);
}
print(`\n| a message of ${Math.min(names.length, 1_024)} clients | µs |\n| --- | ---: |`);
print(`| sending | ${median(exchanges.map(({ sendUs }) => sendUs)).toFixed(0)} |`);
print(`| hearing | ${median(exchanges.map(({ hearUs }) => hearUs)).toFixed(0)} |`);
