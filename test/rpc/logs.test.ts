/** eth_getLogs and polled filters: matching, ranges, limits. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { RpcLimits } from '../../rpc/limits.ts';
import { startFixture, type Fixture } from './fixture.ts';
import { ALICE, BOB, LOGGER } from './fake-node.ts';

const word = (byte: string): string => `0x${byte.repeat(32)}`;

let rpc: Fixture;

/** Blocks 1 to 4; each holds a transfer and one log per given byte. */
async function setUp(limits: Partial<RpcLimits> = {}): Promise<void> {
  rpc = await startFixture({ limits });
  for (const block of [['aa'], ['bb', 'aa'], [], ['cc']]) {
    await rpc.result('eth_sendTransaction', { from: ALICE, to: BOB, value: '0x1' });
    for (const byte of block)
      await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: `${word(byte)}01` });
    rpc.node.mine();
  }
}
afterEach(() => rpc.server.stop());

async function topics(filter: JsonObject): Promise<string[]> {
  const logs = (await rpc.result('eth_getLogs', filter)) as unknown as { blockNumber: string; topics: string[] }[];
  return logs.map((log) => `${log.blockNumber}:${log.topics[0]?.slice(2, 4)}`);
}

const ALL = { fromBlock: 'earliest', toBlock: 'latest' };
const EVERYTHING = ['0x1:aa', '0x2:bb', '0x2:aa', '0x4:cc'];

describe('eth_getLogs', () => {
  beforeEach(() => setUp());

  it.each<[string, JsonObject, string[]]>([
    ['a whole range', ALL, EVERYTHING],
    ['the latest block by default', {}, ['0x4:cc']],
    ['a part', { fromBlock: '0x2', toBlock: '0x3' }, ['0x2:bb', '0x2:aa']],
    ['beyond the head', { fromBlock: '0x4', toBlock: '0x99' }, ['0x4:cc']],
    ['only the future', { fromBlock: '0x50', toBlock: '0x99' }, []],
    ['up to pending', { fromBlock: '0x4', toBlock: 'pending' }, ['0x4:cc']],
    ['an address', { ...ALL, address: LOGGER }, EVERYTHING],
    ['addresses', { ...ALL, address: [BOB, LOGGER] }, EVERYTHING],
    ['another address', { ...ALL, address: BOB }, []],
    ['no address', { ...ALL, address: [] }, EVERYTHING],
    ['a topic', { ...ALL, topics: [word('aa')] }, ['0x1:aa', '0x2:aa']],
    ['one of two topics', { ...ALL, topics: [[word('aa'), word('cc')]] }, ['0x1:aa', '0x2:aa', '0x4:cc']],
    ['any topic', { ...ALL, topics: [null] }, EVERYTHING],
    ['no topics', { ...ALL, topics: [] }, EVERYTHING],
    ['an empty position', { ...ALL, topics: [[]] }, EVERYTHING],
    ['a topic too many', { ...ALL, topics: [null, null] }, []],
    [
      'forty topics, past the bloom filter',
      { ...ALL, topics: [[...Array(39).fill(word('dd')), word('cc')] as string[]] },
      ['0x4:cc'],
    ],
  ])('finds %s', async (_, filter, expected) => {
    await expect(topics(filter)).resolves.toEqual(expected);
  });

  it('finds one block by its hash, and counts log indexes through it', async () => {
    const blockHash = rpc.node.chain.byNumber(2)?.hash ?? '0x';
    await expect(rpc.result('eth_getLogs', { blockHash })).resolves.toEqual([
      expect.objectContaining({ logIndex: '0x0', transactionIndex: '0x1', removed: false, blockHash }),
      expect.objectContaining({ logIndex: '0x1', transactionIndex: '0x2', blockTimestamp: '0x6553f102' }),
    ]);
  });

  it.each<[string, JsonValue, number]>([
    ['from above to', { fromBlock: '0x3', toBlock: '0x1' }, -32602],
    ['hash and range', { blockHash: word('aa'), fromBlock: '0x1' }, -32602],
    ['an unknown block', { blockHash: word('aa') }, -32001],
    ['a short topic', { topics: ['0x12'] }, -32602],
    ['five positions', { topics: [null, null, null, null, null] }, -32602],
    ['a deep topic', { topics: [[[word('aa')]]] }, -32602],
    ['1,001 addresses', { address: Array(1001).fill(BOB) as string[] }, -32602],
    ['1,001 topics', { topics: [Array(1001).fill(word('aa')) as string[]] }, -32602],
    ['a bad address', { address: ['0x1'] }, -32602],
    ['a list', [], -32602],
  ])('refuses %s', async (_, filter, code) => {
    expect((await rpc.call('eth_getLogs', filter)).error?.code).toBe(code);
  });
});

describe('limits of eth_getLogs', () => {
  it('bounds the range and advises a smaller one', async () => {
    await setUp({ logsBlockRangeMax: 3 });
    await expect(topics({ fromBlock: '0x1', toBlock: '0x3' })).resolves.toHaveLength(3);
    expect((await rpc.call('eth_getLogs', { fromBlock: '0x1', toBlock: '0x4' })).error).toMatchObject({
      code: -32005,
      data: { fromBlock: '0x1', toBlock: '0x3' },
    });
  });

  it('bounds the results and advises a range that fits', async () => {
    await setUp({ logsResultsMax: 2 });
    const { error } = await rpc.call('eth_getLogs', ALL);
    expect(error).toMatchObject({ code: -32005, data: { fromBlock: '0x0', toBlock: '0x1' } });
    await expect(topics(error?.data as JsonObject)).resolves.toEqual(['0x1:aa']);
  });

  it('bounds the time', async () => {
    await setUp({ logsDurationMsMax: -1 });
    expect((await rpc.call('eth_getLogs', ALL)).error?.code).toBe(-32005);
  });

  it('lets others be answered while it searches', async () => {
    await setUp();
    rpc.node.mineQuietly(9000);
    const slowChain = rpc.node.chain as { byNumber: (number: number) => unknown };
    const byNumber = slowChain.byNumber;
    slowChain.byNumber = (number) => {
      for (const until = performance.now() + 0.02; performance.now() < until;);
      return byNumber(number);
    };
    const order: string[] = [];
    const search = topics(ALL).then((found) => order.push(`logs ${found.length}`));
    for (let i = 0; i < 3; i++) order.push(await rpc.text('eth_chainId'));
    await search;
    expect(order).toEqual(['0x7a69', '0x7a69', '0x7a69', 'logs 4']);
  });
});

describe('polled filters', () => {
  beforeEach(() => setUp());

  it('tell what is new, once', async () => {
    const ids = {
      logs: await rpc.result('eth_newFilter', { topics: [word('dd')] }),
      blocks: await rpc.result('eth_newBlockFilter'),
      hashes: await rpc.result('eth_newPendingTransactionFilter'),
      full: await rpc.result('eth_newPendingTransactionFilter', true),
    };
    await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: word('ee') });
    const hash = await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: word('dd') });
    const view = rpc.node.mine();
    await expect(rpc.result('eth_getFilterChanges', ids.logs)).resolves.toMatchObject([{ transactionHash: hash }]);
    await expect(rpc.result('eth_getFilterChanges', ids.logs)).resolves.toEqual([]);
    await expect(rpc.result('eth_getFilterChanges', ids.blocks)).resolves.toEqual([view.hash]);
    await expect(rpc.result('eth_getFilterChanges', ids.hashes)).resolves.toEqual([expect.any(String), hash]);
    await expect(rpc.result('eth_getFilterChanges', ids.full)).resolves.toMatchObject([{}, { hash, from: ALICE }]);
    await expect(rpc.result('eth_uninstallFilter', ids.blocks)).resolves.toBe(true);
    await expect(rpc.result('eth_uninstallFilter', ids.blocks)).resolves.toBe(false);
  });

  it('search their whole range again on demand', async () => {
    const id = await rpc.result('eth_newFilter', { ...ALL, topics: [word('aa')] });
    await expect(rpc.result('eth_getFilterChanges', id)).resolves.toEqual([]);
    await expect(rpc.result('eth_getFilterLogs', id)).resolves.toHaveLength(2);
    const blocks = await rpc.result('eth_newBlockFilter');
    expect((await rpc.call('eth_getFilterLogs', blocks)).error?.code).toBe(-32000);
  });

  it('see a reorg', async () => {
    const id = await rpc.result('eth_newFilter', {});
    await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: word('dd') });
    rpc.node.mine();
    rpc.node.reorg(1);
    const changes = (await rpc.result('eth_getFilterChanges', id)) as unknown as { removed: boolean }[];
    expect(changes.map(({ removed }) => removed)).toEqual([false, true]);
  });
});
