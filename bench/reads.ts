import { parseArgs } from 'node:util';
import { signTransaction } from '../src/codec/transaction.ts';
import { accountsFromMnemonic } from '../src/crypto/mnemonic.ts';
import { DEFAULT_MNEMONIC } from '../src/node/config-schema.ts';
import type { Address } from '../src/types/primitives.ts';
import { fromHex, toHex } from '../src/util/hex.ts';
import { cpuMs, median, percentile } from './process-stats.ts';
import { RpcClient } from './rpc-client.ts';
import { anvil, parley, type Server, type ServerSpec } from './servers.ts';

/**
 * Reads beside Anvil in one run, over the same chain: a few full blocks of transfers and of calls that write a log. A closed loop
 * of clients for each method in turn; medians over the runs, the rows of Parley with their ratio to Anvil's.
 */

const CHAIN_ID = 31337;
const ACCOUNTS = 10;
const ROUNDS = 5;
/** Of each account and round: half transfers, half calls. */
const TXS_EACH = 20;
const TOPIC = `0x${'77'.repeat(32)}`;
/** Writes one log with that topic whenever it is called. */
const RUNTIME = `7f${TOPIC.slice(2)}60006000a100`;
const INIT_CODE = `0x602780600b6000396000f3${RUNTIME}` as const;

const SERVERS: readonly ServerSpec[] = [
  anvil('anvil', ['--block-time', '1']),
  parley('parley, 1 node', 1, []),
  parley('parley, 4 nodes', 4, []),
];

type Read = { readonly method: string; readonly params: readonly unknown[]; readonly calls: number };
type ReadResult = {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuMs: number;
};

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '3' },
    calls: { type: 'string', default: '10000' },
    concurrency: { type: 'string', default: '32' },
    only: { type: 'string', default: '' },
  },
});
const calls = Number(values.calls);
const concurrency = Number(values.concurrency);

/** Gives the number of a block full of transactions. */
async function fill(client: RpcClient): Promise<number> {
  const keys = accountsFromMnemonic(DEFAULT_MNEMONIC, ACCOUNTS);
  const nonces = keys.map(() => 0);
  const send = async (from: number, to: Address | null, data: string, gasLimit: number): Promise<string> => {
    const key = keys[from];
    if (key === undefined) throw new Error('no account');
    const fees = { maxFeePerGas: 100_000_000_000n, maxPriorityFeePerGas: 1_000_000_000n };
    const nonce = nonces[from] ?? 0;
    nonces[from] = nonce + 1;
    const unsigned = { type: 2, chainId: CHAIN_ID, nonce, gasLimit, ...fees, to, value: 0n, accessList: [] } as const;
    const raw = signTransaction({ ...unsigned, data: Buffer.from(fromHex(data as `0x${string}`)) }, key.privateKey);
    return client.call<string>('eth_sendRawTransaction', [toHex(raw)]);
  };
  const { contractAddress } = await mined(client, await send(0, null, INIT_CODE, 200_000));
  let full = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const sent: Promise<string>[] = [];
    for (let i = 0; i < TXS_EACH; i++) {
      for (let from = 0; from < ACCOUNTS; from++) {
        const to = i % 2 === 0 ? keys[(from + 1) % ACCOUNTS]?.address : contractAddress;
        sent.push(send(from, to ?? null, '0x', i % 2 === 0 ? 21_000 : 50_000));
      }
    }
    const hashes = await Promise.all(sent);
    const receipts = await Promise.all(hashes.map((hash) => mined(client, hash)));
    full = Math.max(...receipts.map(({ blockNumber }) => Number(blockNumber)));
  }
  return full;
}

type MinedReceipt = { readonly contractAddress: Address; readonly blockNumber: string };

async function mined(client: RpcClient, hash: string): Promise<MinedReceipt> {
  for (let tries = 0; tries < 1000; tries++) {
    const receipt = await client.call<MinedReceipt | null>('eth_getTransactionReceipt', [hash]);
    if (receipt !== null) return receipt;
    await new Promise((wake) => setTimeout(wake, 50));
  }
  throw new Error(`${hash} was never mined`);
}

function readsOf(full: number): readonly Read[] {
  const [account] = accountsFromMnemonic(DEFAULT_MNEMONIC, 1);
  const number = `0x${full.toString(16)}`;
  return [
    { method: 'eth_blockNumber', params: [], calls },
    { method: 'eth_getBalance', params: [account?.address, 'latest'], calls },
    { method: 'eth_getBlockByNumber', params: [number, true], calls: calls / 10 },
    { method: 'eth_getLogs', params: [{ fromBlock: '0x0', toBlock: number, topics: [TOPIC] }], calls: calls / 10 },
  ];
}

async function measure(server: Server, client: RpcClient, read: Read): Promise<ReadResult> {
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method: read.method, params: read.params });
  const loop = async (total: number, times: number[]): Promise<void> => {
    let next = 0;
    const one = async (): Promise<void> => {
      while (next++ < total) {
        const at = performance.now();
        const answer = await client.post(body);
        times.push(performance.now() - at);
        if (answer.includes('"error"')) throw new Error(`${read.method}: ${answer.slice(0, 200)}`);
      }
    };
    await Promise.all(Array.from({ length: concurrency }, one));
  };
  await loop(read.calls / 5, []);
  const cpu = (): number => server.pids().reduce((sum, pid) => sum + cpuMs(pid), 0);
  const [cpuBefore, startedAt, times] = [cpu(), performance.now(), [] as number[]];
  await loop(read.calls, times);
  const tookMs = performance.now() - startedAt;
  return {
    perSecond: read.calls / (tookMs / 1000),
    p50Ms: median(times),
    p99Ms: percentile(times, 0.99),
    cpuMs: (cpu() - cpuBefore) / read.calls,
  };
}

const results = new Map<string, ReadResult[]>();
const servers = SERVERS.filter(({ name }) => name.includes(values.only));
for (let run = 0; run < Number(values.runs); run++) {
  for (const spec of servers) {
    const server = await spec.start(ACCOUNTS);
    const client = new RpcClient(server.urls[0] ?? '');
    try {
      for (const read of readsOf(await fill(client))) {
        const key = `${read.method} | ${spec.name}`;
        const result = await measure(server, client, read);
        results.set(key, [...(results.get(key) ?? []), result]);
        process.stderr.write(`run ${run + 1}: ${key}: ${result.perSecond.toFixed(0)}/s\n`);
      }
    } finally {
      client.close();
      await server.stop();
    }
  }
}

const print = (cells: readonly string[]): void => void process.stdout.write(`| ${cells.join(' | ')} |\n`);
process.stdout.write(`${calls} calls, ${concurrency} in flight, medians of ${values.runs} runs\n\n`);
print(['method', 'server', 'calls/s', 'to anvil', 'p50 ms', 'p99 ms', 'server CPU ms/call', 'to anvil']);
print(['---', '---', '---:', '---:', '---:', '---:', '---:', '---:']);
for (const { method } of readsOf(0)) {
  const of = (name: string, figure: keyof ReadResult): number =>
    median((results.get(`${method} | ${name}`) ?? []).map((result) => result[figure]));
  for (const { name } of servers) {
    const ratio = (figure: keyof ReadResult): string => (of(name, figure) / of('anvil', figure)).toFixed(2);
    print([
      `\`${method}\``,
      name,
      of(name, 'perSecond').toFixed(0),
      ratio('perSecond'),
      of(name, 'p50Ms').toFixed(1),
      of(name, 'p99Ms').toFixed(1),
      of(name, 'cpuMs').toFixed(3),
      ratio('cpuMs'),
    ]);
  }
}
