/** Every method over HTTP: what it answers, and how it refuses. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keccak256, toHex } from 'viem';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { BlockView } from '../../src/node/api.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { Fixture, startFixture } from './fixture.ts';
import { ALICE, BOB, ECHO, FAILER, GENESIS_BALANCE, LOGGER, MINER, REVERTER, THROWER } from './fake-node.ts';

const HASH = /^0x[0-9a-f]{64}$/;
const UNKNOWN = `0x${'77'.repeat(32)}`;
const WORD = `0x${'11'.repeat(32)}`;

let rpc: Fixture;
/** Block 1: a legacy, an access-list and a dynamic-fee transfer. Block 2: one that logs. The pool: one waiting. */
let hashes: string[];
let waiting: string;
let first: BlockView;

beforeAll(async () => {
  rpc = await startFixture();
  const send = (fields: JsonObject): Promise<string> => rpc.text('eth_sendTransaction', { from: ALICE, ...fields });
  const plain = { to: BOB, value: '0x1', gas: '0x5208' };
  hashes = [
    await send({ ...plain, gasPrice: '0x77359400' }),
    await send({
      ...plain,
      gasPrice: '0x77359400',
      type: '0x1',
      accessList: [{ address: BOB, storageKeys: [WORD] }],
    }),
    await send({ ...plain, maxFeePerGas: '0xb2d05e00', maxPriorityFeePerGas: '0x3b9aca00' }),
  ];
  first = rpc.node.mine();
  hashes.push(await send({ to: LOGGER, data: `${WORD}beef` }));
  rpc.node.mine();
  waiting = await send({ ...plain, value: '0x2' });
});
afterAll(() => rpc.server.stop());

/** `$0` … `$3` stand for the mined transactions, `$w` for the waiting one, `$b` for block 1's hash. */
function fill(params: readonly JsonValue[]): JsonValue[] {
  const text = JSON.stringify(params)
    .replaceAll(/"\$([0-3])"/g, (_, i) => `"${hashes[Number(i)]}"`)
    .replaceAll('"$w"', `"${waiting}"`)
    .replaceAll('"$b"', `"${first.hash}"`);
  return JSON.parse(text) as JsonValue[];
}

const has = (fields: JsonObject): JsonObject => expect.objectContaining(fields) as JsonObject;
const hash = expect.stringMatching(HASH) as string;
const hex = (pattern: RegExp): string => expect.stringMatching(pattern) as string;

describe('answers', () => {
  it.each<[string, JsonValue[], unknown]>([
    ['web3_clientVersion', [], 'Parley/v0.0.0-test'],
    ['web3_sha3', ['0x68656c6c6f'], keccak256(toHex('hello'))],
    ['net_version', [], '31337'],
    ['net_listening', [], true],
    ['net_peerCount', [], '0x1'],
    ['eth_chainId', [], '0x7a69'],
    ['eth_syncing', [], false],
    ['eth_mining', [], true],
    ['eth_hashrate', [], '0x4d3'],
    ['eth_coinbase', [], MINER],
    ['eth_blockNumber', [], '0x2'],
    ['eth_getBlockByNumber', ['0x1', false], has({ number: '0x1', uncles: [], transactions: [hash, hash, hash] })],
    ['eth_getBlockByNumber', ['latest'], has({ number: '0x2' })],
    ['eth_getBlockByNumber', ['pending', false], has({ number: '0x2', hash })],
    ['eth_getBlockByNumber', ['earliest', false], has({ number: '0x0' })],
    ['eth_getBlockByNumber', ['safe', false], has({ number: '0x0' })],
    ['eth_getBlockByNumber', ['finalized', false], has({ number: '0x0' })],
    ['eth_getBlockByNumber', ['0x99', false], null],
    ['eth_getBlockByHash', ['$b', true], has({ number: '0x1', nonce: '0x0000000000000000' })],
    ['eth_getBlockByHash', [UNKNOWN, false], null],
    ['eth_getHeaderByNumber', ['0x1'], has({ number: '0x1', hash })],
    ['eth_getHeaderByHash', ['$b'], has({ number: '0x1', hash })],
    ['eth_getHeaderByHash', [UNKNOWN], null],
    ['eth_getBlockTransactionCountByNumber', ['0x1'], '0x3'],
    ['eth_getBlockTransactionCountByNumber', ['0x99'], null],
    ['eth_getBlockTransactionCountByHash', ['$b'], '0x3'],
    ['eth_getBlockTransactionCountByHash', [UNKNOWN], null],
    ['eth_getUncleCountByBlockNumber', ['latest'], '0x0'],
    ['eth_getUncleCountByBlockHash', ['$b'], '0x0'],
    ['eth_getUncleCountByBlockHash', [UNKNOWN], null],
    ['eth_getUncleByBlockNumberAndIndex', ['latest', '0x0'], null],
    ['eth_getUncleByBlockHashAndIndex', ['$b', '0x0'], null],
    [
      'eth_getBlockReceipts',
      ['0x1'],
      [has({ logs: [] }), has({ transactionIndex: '0x1' }), has({ gasUsed: '0x5208' })],
    ],
    ['eth_getBlockReceipts', ['$b'], [has({ type: '0x0' }), has({ type: '0x1' }), has({ type: '0x2' })]],
    ['eth_getBlockReceipts', [{ blockHash: '$b' }], expect.any(Array)],
    ['eth_getBlockReceipts', ['0x99'], null],
    ['eth_getBalance', [BOB, 'latest'], toHex(GENESIS_BALANCE + 3n)],
    ['eth_getBalance', [BOB], toHex(GENESIS_BALANCE + 3n)],
    ['eth_getBalance', [BOB, '0x0'], toHex(GENESIS_BALANCE)],
    ['eth_getBalance', [BOB, { blockNumber: '0x0' }], toHex(GENESIS_BALANCE)],
    ['eth_getBalance', [BOB, { blockHash: '$b', requireCanonical: true }], toHex(GENESIS_BALANCE + 3n)],
    ['eth_getBalance', [MINER, 'latest'], '0x0'],
    ['eth_getTransactionCount', [ALICE, 'latest'], '0x4'],
    ['eth_getTransactionCount', [ALICE, 'pending'], '0x5'],
    ['eth_getTransactionCount', [ALICE, '0x1'], '0x3'],
    ['eth_getCode', [LOGGER, 'latest'], '0x60006000'],
    ['eth_getCode', [ALICE, 'latest'], '0x'],
    ['eth_getStorageAt', [LOGGER, '0x5', 'latest'], `0x${'0'.repeat(63)}5`],
    ['eth_getStorageAt', [ALICE, WORD], `0x${'0'.repeat(64)}`],
    [
      'eth_getStorageValues',
      [{ [LOGGER]: ['0x5', WORD], [BOB]: [] }],
      { [LOGGER]: [`0x${'0'.repeat(63)}5`, WORD], [BOB]: [] },
    ],
    ['eth_getProof', [BOB, ['0x5'], 'latest'], has({ address: BOB, nonce: '0x0', accountProof: ['0xc0'] })],
    ['eth_getTransactionByHash', ['$2'], has({ hash, blockNumber: '0x1', transactionIndex: '0x2', type: '0x2' })],
    ['eth_getTransactionByHash', ['$w'], has({ hash, blockHash: null, blockNumber: null, transactionIndex: null })],
    ['eth_getTransactionByHash', [UNKNOWN], null],
    ['eth_getTransactionByBlockHashAndIndex', ['$b', '0x1'], has({ type: '0x1' })],
    ['eth_getTransactionByBlockHashAndIndex', ['$b', '0x9'], null],
    ['eth_getTransactionByBlockHashAndIndex', [UNKNOWN, '0x0'], null],
    ['eth_getTransactionByBlockNumberAndIndex', ['0x1', '0x0'], has({ type: '0x0' })],
    ['eth_getTransactionByBlockNumberAndIndex', ['0x99', '0x0'], null],
    ['eth_getRawTransactionByHash', ['$2'], expect.stringMatching(/^0x02/)],
    ['eth_getRawTransactionByHash', ['$w'], expect.stringMatching(/^0x02/)],
    ['eth_getRawTransactionByHash', [UNKNOWN], null],
    ['eth_getRawTransactionByBlockHashAndIndex', ['$b', '0x1'], expect.stringMatching(/^0x01/)],
    ['eth_getRawTransactionByBlockHashAndIndex', ['$b', '0x9'], null],
    ['eth_getRawTransactionByBlockNumberAndIndex', ['0x1', '0x2'], expect.stringMatching(/^0x02/)],
    ['debug_getRawTransaction', ['$1'], expect.stringMatching(/^0x01/)],
    ['debug_getRawReceipts', ['0x1'], [hex(/^0xf9/), hex(/^0x01f9/), hex(/^0x02f9/)]],
    ['debug_getRawHeader', ['$b'], hex(/^0xf90/)],
    ['debug_getRawBlock', ['$b'], hex(/^0xf90/)],
    ['eth_getTransactionReceipt', ['$3'], has({ status: '0x1', blockNumber: '0x2', contractAddress: null })],
    ['eth_getTransactionReceipt', ['$w'], null],
    ['eth_call', [{ to: ECHO, data: '0xbeef' }, 'latest'], '0xbeef'],
    ['eth_call', [{ to: ECHO, input: '0xbeef' }], '0xbeef'],
    ['eth_call', [{ to: ECHO }, '0x0', {}, null], '0x'],
    ['eth_estimateGas', [{ from: ALICE, to: BOB, value: '0x1' }], '0x5208'],
    ['eth_createAccessList', [{ to: LOGGER }], has({ gasUsed: '0x5208', accessList: [has({ address: LOGGER })] })],
    ['eth_createAccessList', [{ to: REVERTER }], { gasUsed: '0x5208', accessList: [], error: 'execution reverted' }],
    ['eth_gasPrice', [], '0x77359400'],
    ['eth_baseFee', [], '0x3b9aca00'],
    ['eth_maxPriorityFeePerGas', [], '0x3b9aca00'],
    ['eth_feeHistory', ['0x2', 'latest', [50]], has({ oldestBlock: '0x1', gasUsedRatio: [0.0021, 0.0007] })],
    ['eth_feeHistory', [100, 'latest', []], has({ oldestBlock: '0x0', gasUsedRatio: [0, 0.0021, 0.0007] })],
    [
      'eth_feeHistory',
      ['2', '0x1'],
      has({ oldestBlock: '0x0', baseFeePerGas: Array(3).fill('0x3b9aca00') as string[] }),
    ],
    ['eth_feeHistory', ['0x0', 'latest'], { oldestBlock: '0x0', baseFeePerGas: [], gasUsedRatio: [] }],
    ['eth_getLogs', [{ fromBlock: '0x0', address: LOGGER }], [has({ topics: [WORD], data: '0xbeef' })]],
    ['eth_accounts', [], [ALICE, BOB]],
    ['eth_requestAccounts', [], [ALICE, BOB]],
    ['txpool_status', [], { pending: '0x1', queued: '0x0' }],
    ['txpool_content', [], { pending: { [ALICE]: { 4: has({ value: '0x2' }) } }, queued: {} }],
    ['txpool_contentFrom', [ALICE], { pending: { 4: has({ value: '0x2' }) }, queued: {} }],
    ['txpool_contentFrom', [BOB], { pending: {}, queued: {} }],
    ['txpool_inspect', [], has({ pending: { [ALICE]: { 4: `${BOB}: 2 wei + 21000 gas × 2000000000 wei` } } })],
    ['admin_nodeInfo', [], has({ id: 'peer-self', consensus: 'poa', chainId: 31337 })],
    ['admin_addPeer', ['/ip4/127.0.0.1/tcp/9001'], true],
    ['admin_peers', [], [has({ id: 'peer-1', direction: 'outbound', finalized: null })]],
    ['consensus_status', [], { engine: 'poa', role: 'validator', quorum: null }],
    ['consensus_validators', [], [{ address: MINER, power: '1', jailed: false }]],
    ['consensus_validators', ['0x1'], [{ address: MINER, power: '1', jailed: false }]],
    [
      'rpc_modules',
      [],
      {
        admin: '1.0',
        consensus: '1.0',
        debug: '1.0',
        devnet: '1.0',
        eth: '1.0',
        net: '1.0',
        personal: '1.0',
        rpc: '1.0',
        txpool: '1.0',
        wallet: '1.0',
        web3: '1.0',
      },
    ],
  ])('%s %j', async (method, params, expected) => {
    await expect(rpc.result(method, ...fill(params))).resolves.toEqual(expected);
  });
});

describe('refusals', () => {
  it.each<[string, JsonValue[], number, string]>([
    ['eth_nothing', [], -32601, 'the method eth_nothing does not exist'],
    ['web3_sha3', ['0x123'], -32602, 'argument 0'],
    ['eth_chainId', [1], -32602, 'too many arguments, want at most 0'],
    ['eth_getBlockByNumber', ['0x01', false], -32602, 'argument 0'],
    ['eth_getBlockByNumber', ['soon', false], -32602, 'argument 0'],
    ['eth_getBlockByNumber', ['0x1', 'yes'], -32602, 'argument 1'],
    ['eth_getBlockByHash', ['0x1', false], -32602, 'argument 0'],
    ['eth_getBlockReceipts', [], -32602, 'missing value for required argument 0'],
    ['eth_getUncleByBlockHashAndIndex', [UNKNOWN, 1], -32602, 'argument 1'],
    ['eth_getUncleByBlockNumberAndIndex', ['x', '0x1'], -32602, 'argument 0'],
    ['eth_getBalance', ['0x12', 'latest'], -32602, 'argument 0'],
    ['eth_getBalance', [ALICE, '0x99'], -32001, 'header not found'],
    ['eth_getBalance', [ALICE, UNKNOWN], -32001, 'header not found'],
    ['eth_getTransactionCount', [ALICE, {}], -32602, 'argument 1'],
    ['eth_getCode', [ALICE, 5], -32602, 'argument 1'],
    ['eth_getStorageAt', [ALICE, 'slot'], -32602, 'argument 1'],
    ['eth_getProof', [ALICE, '0x1'], -32602, 'argument 1'],
    ['eth_getProof', [ALICE, Array(2000).fill('0x1') as string[]], -32602, 'more than 1024'],
    ['eth_getTransactionByHash', [UNKNOWN.slice(0, -1)], -32602, 'argument 0'],
    ['eth_getTransactionByBlockHashAndIndex', [UNKNOWN, '0x01'], -32602, 'argument 1'],
    ['eth_getTransactionByBlockNumberAndIndex', ['0x1', null], -32602, 'required argument 1'],
    ['eth_getTransactionReceipt', [5], -32602, 'argument 0'],
    ['eth_sendRawTransaction', ['0x123'], -32602, 'argument 0'],
    ['eth_sendRawTransaction', ['0xc0'], -32602, ''],
    ['eth_sendRawTransaction', ['0x03c0'], -32003, 'transaction type not valid'],
    ['eth_sendRawTransaction', [`0x${'00'.repeat(131_073)}`], -32003, 'oversized data'],
    ['eth_call', [{ to: FAILER }], -32000, 'out of gas'],
    ['eth_call', [{ to: ECHO }, 'latest', { [ALICE]: { state: {}, stateDiff: {} } }], -32602, 'argument 2'],
    ['eth_call', [{ to: ECHO }, 'latest', { [ALICE]: { movePrecompileToAddress: BOB } }], -32602, 'not supported'],
    ['eth_call', [{ to: ECHO }, 'latest', { alice: {} }], -32602, 'argument 2'],
    ['eth_call', [{ to: ECHO }, 'latest', {}, { time: '0xffffffffffff' }], -32602, 'argument 3'],
    ['eth_call', [{ to: ECHO }, 'latest', {}, { prevRandao: WORD }], -32602, 'not supported'],
    ['eth_call', [{ to: THROWER }], -32603, 'internal error'],
    ['eth_call', [{ to: REVERTER }], 3, 'execution reverted'],
    ['eth_estimateGas', [{ to: REVERTER }], 3, 'execution reverted'],
    ['eth_feeHistory', ['many', 'latest'], -32602, 'argument 0'],
    ['eth_feeHistory', ['0x1', 'latest', [90, 10]], -32602, 'argument 2'],
    ['eth_feeHistory', ['0x1', 'latest', [101]], -32602, 'argument 2'],
    ['eth_feeHistory', ['0x1', 'latest', Array(101).fill(1) as number[]], -32602, 'more than 100'],
    ['eth_feeHistory', ['0x1', '0x99'], -32001, 'header not found'],
    ['eth_getFilterChanges', ['0x1'], -32000, 'filter not found'],
    ['eth_subscribe', ['newHeads'], -32601, 'notifications not supported'],
    ['eth_unsubscribe', ['0x1'], -32601, 'notifications not supported'],
    ['eth_sendTransaction', [{ from: MINER, to: BOB }], -32000, 'unknown account'],
    ['eth_sendTransaction', [{ to: BOB }], -32602, '`from` is missing'],
    ['eth_sign', [MINER, '0x00'], -32000, 'unknown account'],
    ['eth_signTypedData_v4', [ALICE, '{'], -32602, 'argument 1'],
    ['txpool_contentFrom', ['me'], -32602, 'argument 0'],
    ['consensus_propose', [BOB, 'yes'], -32602, 'argument 1'],
    ['consensus_validators', ['0x99'], -32001, 'header not found'],
  ])('%s %.80j', async (method, params, code, message) => {
    const { error } = await rpc.call(method, ...params);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) as string });
    await expect(rpc.answers()).resolves.toBe(true);
  });

  it('gives a revert its reason and its bytes', async () => {
    const data = `0x08c379a0${'20'.padStart(64, '0')}${'4'.padStart(64, '0')}${'6f6f7073'.padEnd(64, '0')}`;
    const reverted = { code: 3, message: 'execution reverted: oops', data };
    expect((await rpc.call('eth_call', { to: REVERTER, data })).error).toEqual(reverted);
    expect((await rpc.call('eth_estimateGas', { to: REVERTER, data })).error).toEqual(reverted);
  });

  it.each([
    ['POOL_INSUFFICIENT_FUNDS', -32003, 'insufficient funds for gas * price + value: you lack 5'],
    ['POOL_FEE_BELOW_BASE', -32003, 'max fee per gas less than block base fee: you lack 5'],
    ['POOL_BUSY', -32005, 'you lack 5'],
    ['POOL_OF_TOMORROW', -32003, 'you lack 5'],
    ['TX_SIGNATURE_INVALID', -32003, 'invalid sender: you lack 5'],
    ['STATE_PRUNED', -32002, 'missing state: you lack 5'],
    ['CONSENSUS_UNSUPPORTED', -32004, 'you lack 5'],
    ['SOMETHING_ELSE', -32603, 'internal error'],
  ])('maps %s', async (code, number, message) => {
    rpc.node.refuseWith = new ParleyError(code, 'you lack 5');
    const { error } = await rpc.call('eth_sendRawTransaction', '0x00');
    expect(error).toMatchObject({ code: number, message: expect.stringContaining(message) as string });
  });
});

describe('over time', () => {
  it('shows syncing progress', async () => {
    rpc.node.syncProgress = { startingBlock: 1, currentBlock: 10, highestBlock: 255 };
    await expect(rpc.result('eth_syncing')).resolves.toEqual({
      startingBlock: '0x1',
      currentBlock: '0xa',
      highestBlock: '0xff',
    });
    rpc.node.syncProgress = null;
  });

  it('tells an unknown block from one off the canonical chain, where that was ruled out (EIP-1898)', async () => {
    const own = await startFixture();
    const blockHash = own.node.mine().hash;
    await expect(own.result('eth_getBalance', BOB, { blockHash, requireCanonical: true })).resolves.toBe(
      toHex(GENESIS_BALANCE),
    );
    own.node.reorg(1);
    await expect(own.result('eth_getBalance', BOB, { blockHash })).resolves.toBe(toHex(GENESIS_BALANCE));
    const { error } = await own.call('eth_getBalance', BOB, { blockHash, requireCanonical: true });
    expect(error).toMatchObject({ code: -32000, message: `block ${blockHash} is not on the canonical chain` });
    const unknown = await own.call('eth_getBalance', BOB, { blockHash: UNKNOWN, requireCanonical: true });
    expect(unknown.error).toMatchObject({ code: -32001 });
    await own.server.stop();
  });

  it('says which state is gone', async () => {
    rpc.node.prunedBelow = 1;
    expect((await rpc.call('eth_getBalance', ALICE, '0x0')).error).toMatchObject({ code: -32002, data: { number: 0 } });
    rpc.node.prunedBelow = 0;
  });

  it('hands overrides on as they were given', async () => {
    const words = { '0x1': WORD };
    const account = { balance: '0x5', nonce: '0x2', code: '0x6000', stateDiff: words };
    const block = { number: '0x10', time: '0x3', gasLimit: '0x7', baseFeePerGas: '0x8', feeRecipient: MINER };
    await rpc.result('eth_call', { to: ECHO }, 'latest', { [BOB]: account, [ALICE]: { state: words } }, block);
    const storage = new Map([[`0x${'0'.repeat(63)}1`, WORD]]);
    expect(rpc.node.overrides).toEqual({
      accounts: new Map<string, unknown>([
        [BOB, { balance: 5n, nonce: 2, code: Buffer.from('6000', 'hex'), stateDiff: storage }],
        [ALICE, { state: storage }],
      ]),
      block: { number: 16, timeMs: 3000, gasLimit: 7, baseFeePerGas: 8n, beneficiary: MINER },
    });
  });

  it('keeps proposals about signers', async () => {
    await expect(rpc.result('consensus_propose', BOB, true)).resolves.toBeNull();
    await expect(rpc.result('consensus_proposals')).resolves.toEqual({ [BOB]: true });
    await expect(rpc.result('consensus_discard', BOB)).resolves.toBeNull();
    await expect(rpc.result('consensus_proposals')).resolves.toEqual({});
  });

  it('answers a raw transaction with its hash, and refuses a used nonce', async () => {
    const fields = { from: BOB, to: ALICE, value: '0x5', nonce: '0x0', gas: '0x5208', gasPrice: '0x77359400' };
    const raw = await rpc.text('eth_signTransaction', fields);
    await expect(rpc.result('eth_sendRawTransaction', raw)).resolves.toBe(keccak256(raw as `0x${string}`));
    expect((await rpc.call('eth_sendRawTransaction', raw)).error).toMatchObject({
      code: -32003,
      message: 'nonce too low: nonce 0 is used: take 1',
    });
  });
});

describe('namespaces and keys', () => {
  it('has only the methods of open namespaces', async () => {
    const narrow = await startFixture({ namespaces: ['eth', 'net'] });
    await expect(narrow.result('rpc_modules')).resolves.toEqual({ eth: '1.0', net: '1.0', rpc: '1.0' });
    for (const method of ['personal_sign', 'admin_peers', 'txpool_status', 'web3_clientVersion']) {
      expect((await narrow.call(method)).error?.code).toBe(-32601);
    }
    await narrow.server.stop();
  });

  it('refuses a namespace that does not exist', async () => {
    await expect(startFixture({ namespaces: ['eth', 'trace'] })).rejects.toThrow('unknown RPC namespace "trace"');
  });

  it('signs nothing on a node without keys', async () => {
    const keyless = await startFixture();
    keyless.node.accounts = null;
    await expect(keyless.result('eth_accounts')).resolves.toEqual([]);
    const calls: [string, JsonValue[]][] = [
      ['eth_sendTransaction', [{ from: ALICE, to: BOB }]],
      ['eth_signTransaction', [{ from: ALICE, to: BOB }]],
      ['eth_sign', [ALICE, '0x00']],
      ['personal_sign', ['0x00', ALICE]],
      ['eth_signTypedData_v4', [ALICE, {}]],
    ];
    for (const [method, params] of calls) expect((await keyless.call(method, ...params)).error?.code).toBe(-32004);
    await keyless.server.stop();
  });
});
