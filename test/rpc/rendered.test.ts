/** Answers from kept JSON: right through reorgs, for pending blocks and within the limits, and the same as when nothing is kept. */
import { createHash } from 'node:crypto';
import { afterEach, expect, it } from 'vitest';
import type { BlockTag, BlockView } from '../../src/node/api.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { RpcLimits } from '../../rpc/limits.ts';
import { ALICE, LOGGER } from './fake-node.ts';
import { notified, startFixture, type Fixture, type RpcAnswer } from './fixture.ts';

const ALL = { fromBlock: 'earliest', toBlock: 'latest' };
const DATA = `0x${'aa'.repeat(32)}01`;
const KEPT = [1 << 24, 0];

let rpc: Fixture;
afterEach(() => rpc.server.stop());

async function setUp(renderedSizeBytesMax: number, limits: Partial<RpcLimits> = {}): Promise<void> {
  rpc = await startFixture({ limits: { renderedSizeBytesMax, ...limits } });
}

/** A block with so many logs. */
async function mineLogs(count: number): Promise<BlockView> {
  for (let i = 0; i < count; i++) await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: DATA });
  return rpc.node.mine();
}

it.each(KEPT)('tells subscribers and filters of a reorg what was there (%i bytes)', async (sizeBytesMax) => {
  await setUp(sizeBytesMax);
  const sockets = [await rpc.webSocket(), await rpc.webSocket()];
  for (const socket of sockets) await socket.subscribe('logs', {});
  const filter = await rpc.result('eth_newFilter', {});
  const dropped = await mineLogs(2);
  const before = (await rpc.result('eth_getLogs', ALL)) as JsonObject[];
  expect(before.map(({ removed }) => removed)).toEqual([false, false]);
  await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: DATA });
  rpc.node.reorg(1);
  const after = (await rpc.result('eth_getLogs', ALL)) as JsonObject[];
  expect(after).toEqual([expect.objectContaining({ removed: false, logIndex: '0x0' })]);
  expect(after[0]?.['blockHash']).not.toBe(dropped.hash);

  const told = [...before, ...before.toReversed().map((log) => ({ ...log, removed: true })), ...after];
  await expect(rpc.result('eth_getFilterChanges', filter)).resolves.toEqual(told);
  for (const socket of sockets) {
    expect((await socket.take(4 + after.length)).map((message) => notified(message).result)).toEqual(told);
    socket.socket.close();
  }
  await expect(rpc.result('eth_getLogs', { blockHash: dropped.hash })).resolves.toEqual(before);
});

it.each(KEPT)('answers the same again (%i bytes)', async (sizeBytesMax) => {
  await setUp(sizeBytesMax);
  const { hash } = await mineLogs(3);
  const [transaction] = (rpc.node.chain.byHash(hash) as BlockView).transactions();
  const calls: [string, ...JsonValue[]][] = [
    ['eth_getBlockByHash', hash, true],
    ['eth_getBlockByHash', hash, false],
    ['eth_getBlockByNumber', 'latest', true],
    ['eth_getBlockReceipts', hash],
    ['eth_getTransactionReceipt', transaction?.hash ?? ''],
    ['eth_getLogs', ALL],
  ];
  for (const [method, ...params] of calls) {
    const first = await rpc.result(method, ...params);
    expect(first).not.toBeNull();
    await expect(rpc.result(method, ...params)).resolves.toEqual(first);
  }
  const [byHash, receipts, receipt] = await Promise.all([
    rpc.result('eth_getBlockByNumber', 'pending', true),
    rpc.result('eth_getBlockReceipts', 'latest'),
    rpc.result('eth_getTransactionReceipt', transaction?.hash ?? ''),
  ]);
  expect(byHash).toMatchObject({ hash, transactions: [{ blockHash: hash }, {}, {}] });
  expect((receipts as JsonObject[])[0]).toEqual(receipt);
});

it('shows a pending block without its hash, and as it is once it is on the chain', async () => {
  await setUp(1 << 24);
  const block = await mineLogs(1);
  const { chain } = rpc.node;
  const parent = chain.byNumber(0) as BlockView;
  const { head, byTag } = chain;
  Object.assign(chain, { head: () => parent, byTag: (tag: BlockTag) => (tag === 'pending' ? block : byTag(tag)) });
  for (let time = 0; time < 2; time++) {
    await expect(rpc.result('eth_getBlockByNumber', 'pending', true)).resolves.toMatchObject({
      hash: null,
      nonce: null,
      transactions: [{ blockHash: null }],
    });
  }
  Object.assign(chain, { head, byTag });
  await expect(rpc.result('eth_getBlockByNumber', 'latest', true)).resolves.toMatchObject({
    hash: block.hash,
    transactions: [{ blockHash: block.hash }],
  });
});

it.each(KEPT)('is bounded by the size of an answer, also in a batch (%i bytes)', async (sizeBytesMax) => {
  await setUp(sizeBytesMax, { answerSizeBytesMax: 3000 });
  await mineLogs(1);
  await mineLogs(8);
  for (let time = 0; time < 2; time++) {
    await expect(rpc.result('eth_getLogs', { fromBlock: '0x1', toBlock: '0x1' })).resolves.toHaveLength(1);
    expect((await rpc.call('eth_getLogs', ALL)).error).toMatchObject({
      code: -32005,
      data: { fromBlock: '0x0', toBlock: '0x1' },
    });
    expect((await rpc.call('eth_getBlockByNumber', 'latest', true)).error?.message).toContain('response too large');
    const request = { jsonrpc: '2.0', id: 1, method: 'eth_getBlockByNumber', params: ['0x1', true] };
    const answers = (await (await rpc.post(JSON.stringify([request, request]))).json()) as JsonObject[];
    expect(answers.map((answer) => 'error' in answer)).toEqual([false, true]);
  }
});

it('lets a client have its own filters and no more, and takes nothing from others', async () => {
  const apiKeys = ['ann', 'ben'].map((name) => ({
    name,
    sha256: createHash('sha256').update(name).digest('hex'),
    namespaces: null,
  }));
  rpc = await startFixture({ apiKeys, limits: { filtersPerClientMax: 1 } });
  const call = async (key: string, method: string, ...params: JsonValue[]): Promise<RpcAnswer> => {
    const request = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return (await (await rpc.post(request, { 'x-api-key': key })).json()) as RpcAnswer;
  };
  const { result: first = null } = await call('ann', 'eth_newBlockFilter');
  for (const method of ['eth_newBlockFilter', 'eth_newPendingTransactionFilter']) {
    expect((await call('ann', method)).error).toMatchObject({ code: -32005, data: { code: 'RPC_LIMIT' } });
  }
  expect((await call('ann', 'eth_newFilter', {})).error?.message).toContain('this client holds 1 filters');
  expect((await call('ben', 'eth_newFilter', {})).result).toMatch(/^0x[0-9a-f]{20,32}$/);
  expect((await call('ann', 'eth_uninstallFilter', first)).result).toBe(true);
  expect((await call('ann', 'eth_newFilter', {})).result).toMatch(/^0x/);
});
