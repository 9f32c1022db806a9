import { signTransaction } from '../src/codec/transaction.ts';
import { accountsFromMnemonic } from '../src/crypto/mnemonic.ts';
import { DEFAULT_MNEMONIC } from '../src/node/config-schema.ts';
import { toHex } from '../src/util/hex.ts';
import { cpuMs, median, percentile, rssMb } from './process-stats.ts';
import { RpcClient } from './rpc-client.ts';
import type { Server } from './servers.ts';

export type TransferOptions = {
  readonly txs: number;
  readonly accounts: number;
  readonly concurrency: number;
  /** Nobody included for this long: what is missing counts as lost. */
  readonly patienceMs: number;
};

export type TransferResult = {
  readonly includedShare: number;
  readonly submitPerSecond: number;
  readonly committedPerSecond: number;
  readonly submitP50Ms: number;
  readonly submitP99Ms: number;
  readonly inclusionP50Ms: number;
  readonly inclusionP99Ms: number;
  readonly cpuMsPerTx: number;
  readonly rssMb: number;
  readonly firstAnswerMs: number;
};

/** Signed beforehand; the same bytes a wallet would send. */
export function signedTransfers(chainId: number, txs: number, accounts: number): string[] {
  const keys = accountsFromMnemonic(DEFAULT_MNEMONIC, accounts);
  const nonces = keys.map(() => 0);
  return Array.from({ length: txs }, (_, index) => {
    const from = index % accounts;
    const key = keys[from];
    const to = keys[(from + 1) % accounts];
    if (key === undefined || to === undefined) throw new Error('no accounts');
    const nonce = nonces[from] ?? 0;
    nonces[from] = nonce + 1;
    const raw = signTransaction(
      {
        type: 2,
        chainId,
        nonce,
        gasLimit: 21_000,
        maxFeePerGas: 100_000_000_000n,
        maxPriorityFeePerGas: 1_000_000_000n,
        to: to.address,
        value: 1n,
        data: Buffer.alloc(0),
        accessList: [],
      },
      key.privateKey,
    );
    return toHex(raw);
  });
}

/** Closed loop: `concurrency` senders, each waits for its answer; inclusion is watched by block from the side. */
export async function measureTransfers(
  server: Server,
  signed: readonly string[],
  options: TransferOptions,
): Promise<TransferResult> {
  const clients = server.urls.map((url) => new RpcClient(url));
  const first = clients[0];
  if (first === undefined) throw new Error('no server');
  const cpuBefore = server.pids().reduce((sum, pid) => sum + cpuMs(pid), 0);
  const startBlock = Number(await first.call<string>('eth_blockNumber', []));
  const sentAt = new Map<string, number>();
  const submitMs: number[] = [];
  const startedAt = performance.now();
  const watching = watchInclusion(first, startBlock, sentAt, options);
  let next = 0;
  const sender = async (index: number): Promise<void> => {
    const client = clients[index % clients.length];
    if (client === undefined) return;
    while (next < signed.length) {
      const raw = signed[next++] ?? '';
      const at = performance.now();
      const hash = await client.call<string>('eth_sendRawTransaction', [raw]);
      submitMs.push(performance.now() - at);
      sentAt.set(hash, at);
    }
  };
  await Promise.all(Array.from({ length: options.concurrency }, (_, index) => sender(index)));
  const submittedMs = performance.now() - startedAt;
  const { inclusionMs, lastAt } = await watching;
  const cpu = server.pids().reduce((sum, pid) => sum + cpuMs(pid), 0) - cpuBefore;
  const rss = server.pids().reduce((sum, pid) => sum + rssMb(pid), 0);
  for (const client of clients) client.close();
  return {
    includedShare: inclusionMs.length / signed.length,
    submitPerSecond: signed.length / (submittedMs / 1000),
    committedPerSecond: inclusionMs.length / ((lastAt - startedAt) / 1000),
    submitP50Ms: median(submitMs),
    submitP99Ms: percentile(submitMs, 0.99),
    inclusionP50Ms: median(inclusionMs),
    inclusionP99Ms: percentile(inclusionMs, 0.99),
    cpuMsPerTx: cpu / Math.max(1, inclusionMs.length),
    rssMb: rss,
    firstAnswerMs: server.firstAnswerMs,
  };
}

async function watchInclusion(
  client: RpcClient,
  startBlock: number,
  sentAt: ReadonlyMap<string, number>,
  options: TransferOptions,
): Promise<{ readonly inclusionMs: readonly number[]; readonly lastAt: number }> {
  const included = new Map<string, number>();
  let seen = startBlock;
  let lastAt = performance.now();
  while (included.size < options.txs && performance.now() - lastAt < options.patienceMs) {
    const head = Number(await client.call<string>('eth_blockNumber', []));
    for (; seen < head; seen++) {
      const block = await client.call<{ transactions: string[] }>('eth_getBlockByNumber', [
        `0x${(seen + 1).toString(16)}`,
        false,
      ]);
      const at = performance.now();
      for (const hash of block.transactions) included.set(hash, at);
      if (block.transactions.length > 0) lastAt = at;
    }
    await new Promise((wake) => setTimeout(wake, 50));
  }
  if (included.size < options.txs) await countAgain(client, startBlock, seen, included);
  const inclusionMs = [...included].map(([hash, at]) => at - (sentAt.get(hash) ?? at));
  return { inclusionMs, lastAt };
}

/** A reorg may have moved transactions to heights that were read already: the canonical chain decides. */
async function countAgain(
  client: RpcClient,
  startBlock: number,
  head: number,
  included: Map<string, number>,
): Promise<void> {
  const at = performance.now();
  for (let number = startBlock + 1; number <= head; number++) {
    const block = await client.call<{ transactions: string[] }>('eth_getBlockByNumber', [
      `0x${number.toString(16)}`,
      false,
    ]);
    for (const hash of block.transactions) if (!included.has(hash)) included.set(hash, at);
  }
}
