/** eth_simulateV1, eth_fillTransaction, eth_config, eth_capabilities and debug_getBadBlocks: what is asked, shown and refused. */
import { keccak256 } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeBlock, headerHash } from '../../src/codec/block.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { word } from '../unit/execution/support.ts';
import { simulated } from '../unit/execution/simulation/support.ts';
import { startFixture, type Fixture } from './fixture.ts';
import { ALICE, BOB, REVERTER } from './fake-node.ts';
import { ownResults, specifiedResult, type OpenRpc } from './schema-oracle.ts';

const COINS = `0x${'e'.repeat(40)}`;

let rpc: Fixture;
beforeAll(async () => {
  rpc = await startFixture();
});
afterAll(() => rpc.server.stop());

async function held(method: string, ...params: JsonValue[]): Promise<JsonValue> {
  const result = await rpc.result(method, ...params);
  const own = ownResults((await rpc.result('rpc.discover')) as unknown as OpenRpc);
  expect(own.get(method)?.(result)).toBeNull();
  expect(specifiedResult(method)?.(result)).toBeNull();
  return result;
}

const simulate = (blocks: JsonValue[], more: JsonObject = {}): Promise<JsonValue> =>
  rpc.result('eth_simulateV1', { blockStateCalls: blocks, ...more }, 'latest');

describe('a payload', () => {
  it('is handed on as it was given', async () => {
    const blockOverrides = {
      number: '0x14',
      time: '0xc8',
      gasLimit: '0x2e631',
      feeRecipient: BOB,
      prevRandao: '0x1234',
      baseFeePerGas: '0x14',
      withdrawals: [],
    };
    const account = { balance: '0x5', nonce: '0x6', code: '0x00', stateDiff: { '0x1': word(2) } };
    const call = {
      from: ALICE,
      to: BOB,
      value: '0x1',
      input: '0x1234',
      gas: '0x5208',
      nonce: '0x7',
      type: '0x2',
      chainId: '0x7a69',
      maxFeePerGas: '0x9',
      maxPriorityFeePerGas: '0x8',
      accessList: [],
      maxFeePerBlobGas: '0x0',
      blobVersionedHashes: [],
      authorizationList: [],
    };
    const stateOverrides = { [ALICE]: account, [BOB]: { movePrecompileToAddress: ALICE, state: {} } };
    await simulate([{ blockOverrides, stateOverrides, calls: [call, {}] }, {}], {
      validation: true,
      traceTransfers: true,
      returnFullTransactions: true,
    });
    const fees = { maxFeePerGas: 9n, maxPriorityFeePerGas: 8n };
    expect(rpc.node.simulation).toEqual({
      blocks: [
        {
          block: {
            number: 20,
            timeMs: 200_000,
            gasLimit: 190_001,
            beneficiary: BOB,
            prevRandao: word(0x1234),
            baseFeePerGas: 20n,
          },
          accounts: new Map<string, object>([
            [ALICE, { balance: 5n, nonce: 6, code: fromHex('0x00'), stateDiff: new Map([[word(1), word(2)]]) }],
            [BOB, { movePrecompileTo: ALICE, state: new Map() }],
          ]),
          calls: [
            {
              from: ALICE,
              to: BOB,
              value: 1n,
              data: fromHex('0x1234'),
              gasLimit: 21_000,
              nonce: 7,
              type: 2,
              accessList: [],
              ...fees,
            },
            {},
          ],
        },
        { block: {}, accounts: new Map(), calls: [] },
      ],
      isValidated: true,
      tracesTransfers: true,
      outputSizeBytesMax: (25 * 1024 * 1024) / 2,
    });
  });

  it.each<[string, JsonObject]>([
    ['`blockStateCalls` is missing', {}],
    ['`calls` must be an array', { blockStateCalls: [{ calls: {} }] }],
    ['`withdrawals` is not supported', { blockStateCalls: [{ blockOverrides: { withdrawals: [{}] } }] }],
    ['`blobBaseFee` is not supported', { blockStateCalls: [{ blockOverrides: { blobBaseFee: '0x1' } }] }],
    ['`beaconRoot` is not supported', { blockStateCalls: [{ blockOverrides: { beaconRoot: word(0) } }] }],
    ['`maxFeePerBlobGas` is not supported', { blockStateCalls: [{ calls: [{ maxFeePerBlobGas: '0x1' }] }] }],
    ['`blobVersionedHashes` is not supported', { blockStateCalls: [{ calls: [{ blobVersionedHashes: [word(1)] }] }] }],
    ['`authorizationList` is not supported', { blockStateCalls: [{ calls: [{ authorizationList: [{}] }] }] }],
    ['`type` must be 0x0, 0x1 or 0x2', { blockStateCalls: [{ calls: [{ type: '0x3' }] }] }],
    ['max priority fee per gas higher', { blockStateCalls: [{ calls: [{ maxPriorityFeePerGas: '0x1' }] }] }],
    ['`chainId` does not match', { blockStateCalls: [{ calls: [{ chainId: '0x1' }] }] }],
    ['give `state` or `stateDiff`', { blockStateCalls: [{ stateOverrides: { [BOB]: { state: {}, stateDiff: {} } } }] }],
    ['`blockStateCalls` is empty', { blockStateCalls: [] }],
  ])('is refused: %s', async (message, payload) => {
    const { error } = await rpc.call('eth_simulateV1', payload, 'latest');
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(message) as string });
  });
});

describe('simulated blocks', () => {
  it('are shown whole, with their calls; logs count through the block', async () => {
    const accounts = [
      [ALICE, { balance: 10n }],
      [BOB, { code: fromHex('0x60ff60005260016000a0') }],
      // Reverts with Error("no").
      [REVERTER, { code: fromHex(`0x${revertingWith('no')}`) }],
    ] as const;
    const calls = [
      { from: ALICE, to: BOB, value: 1n },
      { from: ALICE, to: BOB, value: 2n },
      { to: REVERTER },
      { to: BOB, gasLimit: 21_100 },
    ];
    rpc.node.simulated = await simulated([{ block: { prevRandao: word(7) }, accounts, calls }, {}], {
      tracesTransfers: true,
    });
    const [first, second] = (await held('eth_simulateV1', { blockStateCalls: [{}] })) as JsonObject[];
    const [block] = rpc.node.simulated;
    const place = { blockHash: block?.view.hash, blockNumber: '0x1' };
    expect(first).toMatchObject({
      hash: block?.view.hash,
      number: '0x1',
      baseFeePerGas: '0x0',
      mixHash: word(7),
      transactions: block?.view.transactions().map(({ hash }) => hash),
    });
    expect(second).toMatchObject({ number: '0x2', parentHash: first?.['hash'], mixHash: word(0), calls: [] });
    const [one, two, reverted, failed] = (first?.['calls'] ?? []) as JsonObject[];
    expect(one).toMatchObject({ status: '0x1', returnData: '0x', maxUsedGas: one?.['gasUsed'] });
    const indexes = [one, two].flatMap((call) => call?.['logs'] as JsonObject[]);
    expect(indexes).toMatchObject([
      { ...place, address: COINS, logIndex: '0x0', transactionIndex: '0x0' },
      { ...place, address: BOB, logIndex: '0x1', transactionIndex: '0x0', data: '0x00' },
      { ...place, address: COINS, logIndex: '0x2', transactionIndex: '0x1' },
      { ...place, address: BOB, logIndex: '0x3', transactionIndex: '0x1' },
    ]);
    expect(reverted).toMatchObject({
      status: '0x0',
      returnData: '0x',
      logs: [],
      error: { code: -32000, message: 'execution reverted: no', data: expect.stringMatching(/^0x08c379a0/) as string },
    });
    expect(failed).toMatchObject({ status: '0x0', error: { code: -32015, message: 'out of gas' } });
  });

  it('show transactions whole where that is asked for, of each type', async () => {
    const calls = [{}, { to: BOB, gasPrice: 0n }, { to: BOB, gasPrice: 0n, accessList: [] }];
    rpc.node.simulated = await simulated([{ calls }]);
    const payload = { blockStateCalls: [{}], returnFullTransactions: true };
    const [block] = (await held('eth_simulateV1', payload)) as JsonObject[];
    expect(block?.['transactions']).toMatchObject([
      { type: '0x2', to: null, r: '0x0', s: '0x0', v: '0x0', yParity: '0x0', transactionIndex: '0x0' },
      { type: '0x0', gasPrice: '0x0' },
      { type: '0x1', accessList: [] },
    ]);
  });

  it.each<[string, number, string]>([
    ['SIMULATION_NONCE_LOW', -38010, 'nonce too low: '],
    ['SIMULATION_NONCE_HIGH', -38011, 'nonce too high: '],
    ['SIMULATION_BASE_FEE', -38012, 'max fee per gas less than block base fee: '],
    ['SIMULATION_INTRINSIC_GAS', -38013, 'intrinsic gas too low: '],
    ['SIMULATION_FUNDS', -38014, 'insufficient funds for gas * price + value: '],
    ['SIMULATION_BLOCK_GAS', -38015, 'block gas limit reached: '],
    ['SIMULATION_BLOCK_NUMBER', -38020, 'block numbers must be in order: '],
    ['SIMULATION_BLOCK_TIME', -38021, 'block timestamps must be in order: '],
    ['SIMULATION_MOVE_TO_ITSELF', -38022, ''],
    ['SIMULATION_MOVE_TWICE', -38023, ''],
    ['SIMULATION_INIT_CODE', -38025, 'max initcode size exceeded: '],
    ['SIMULATION_LIMIT', -38026, ''],
    ['SIMULATION_MOVE', -32000, ''],
    ['SIMULATION_EXECUTION', -32015, ''],
    ['SIMULATION_TIMEOUT', -32016, ''],
  ])('are refused with %s as %i', async (code, number, phrase) => {
    const other = await startFixture();
    other.node.simulateBlocks = () => Promise.reject(new ParleyError(code, 'so it is', { block: 3, call: 1 }));
    const { error } = await other.call('eth_simulateV1', { blockStateCalls: [{}] });
    expect(error).toEqual({ code: number, message: `${phrase}so it is`, data: { code, block: 3, call: 1 } });
    await other.server.stop();
  });
});

describe('a transaction is filled in', () => {
  it.each<[string, JsonObject, JsonObject]>([
    ['type 2', {}, { type: '0x2', maxFeePerGas: '0xb2d05e00', maxPriorityFeePerGas: '0x3b9aca00', accessList: [] }],
    ['a gas price', { gasPrice: '0x77359400' }, { type: '0x0', gasPrice: '0x77359400' }],
    ['a gas price and a list', { gasPrice: '0x5', accessList: [] }, { type: '0x1', gasPrice: '0x5', accessList: [] }],
    ['what is given', { gas: '0x9999', nonce: '0x5' }, { gas: '0x9999', nonce: '0x5' }],
  ])('%s', async (_, given, filled) => {
    const result = await held('eth_fillTransaction', { from: ALICE, to: BOB, value: '0x1', ...given });
    const { raw, tx } = result as { raw: string; tx: { type: string } };
    expect(tx).toMatchObject({
      from: ALICE,
      to: BOB,
      value: '0x1',
      chainId: '0x7a69',
      nonce: '0x0',
      gas: '0x5208',
      ...filled,
    });
    expect(raw).toMatch(tx.type === '0x0' ? /^0x[cdef]/ : new RegExp(`^0x0${tx.type.slice(2)}`));
  });

  it('but not one that would revert, or says nothing', async () => {
    expect((await rpc.call('eth_fillTransaction', { from: ALICE, to: REVERTER })).error).toMatchObject({ code: 3 });
    expect((await rpc.call('eth_fillTransaction', { from: ALICE })).error).toMatchObject({ code: -32602 });
  });
});

it('the configuration is that of genesis', async () => {
  expect(await held('eth_config')).toEqual({
    current: {
      activationTime: 0,
      blobSchedule: { baseFeeUpdateFraction: 5_007_716, max: 0, target: 0 },
      chainId: '0x7a69',
      forkId: '0x01234567',
      precompiles: { ECREC: '0x0000000000000000000000000000000000000001' },
      systemContracts: {},
    },
  });
});

it('everything is kept from genesis on', async () => {
  const all = { disabled: false, oldestBlock: '0x0' };
  const { hash, block } = rpc.node.chain.head();
  const head = { number: `0x${block.header.number.toString(16)}`, hash };
  const resources = { state: all, tx: all, logs: all, receipts: all, blocks: all, stateproofs: all };
  expect(await held('eth_capabilities')).toEqual({ head, ...resources });
});

it('bad blocks are shown with what they came as, whatever is in them', async () => {
  expect(await held('debug_getBadBlocks')).toEqual([]);
  const { header, body } = rpc.node.chain.head().block;
  const block = { header, body: { ...body, transactions: [fromHex('0x01')] } };
  const encoded = encodeBlock(block);
  rpc.node.bad = [{ hash: headerHash(header), block, encoded }];
  const [bad] = (await held('debug_getBadBlocks')) as { block: JsonObject; hash: string; rlp: string }[];
  expect(bad).toMatchObject({ hash: headerHash(header), rlp: toHex(encoded) });
  expect(bad?.block).toMatchObject({ hash: headerHash(header), transactions: [keccak256('0x01')] });
});

/** Error(string) of at most 32 characters, from memory. */
function revertingWith(reason: string): string {
  const text = Buffer.from(reason).toString('hex').padEnd(64, '0');
  const length = reason.length.toString(16).padStart(2, '0');
  return `6308c379a060e01b600052602060045260${length}6024527f${text}60445260646000fd`;
}
