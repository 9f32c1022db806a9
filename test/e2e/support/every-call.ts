/** At least one call of every method there is, on a network with something in it. */
import type { Hex } from '../../../src/types/primitives.ts';
import type { SocketRpc } from './socket-rpc.ts';

/** What was put on the chain before. */
export type Scene = {
  /** Funded, and the node signs for it. */
  readonly account: string;
  readonly friend: string;
  /** Counter with a log in it, and the call that makes another. */
  readonly contract: string;
  readonly increase: Hex;
  /** In blocks, one of each type and the one that logged. */
  readonly mined: readonly string[];
  readonly logged: { readonly hash: string; readonly blockHash: string; readonly blockNumber: string };
  /** Must wait for another nonce. */
  readonly waiting: string;
  readonly sender: string;
  /** A signed transaction that was not sent yet. */
  readonly raw: string;
  /** Multiaddress of another node. */
  readonly peer: string;
  readonly subscription: string;
  /** A keystore account of the node. */
  readonly keystore: { readonly address: string; readonly password: string };
  readonly signature: string;
};

export type EveryCall = readonly [method: string, ...params: unknown[]];

const WORD = `0x${'0'.repeat(64)}`;
const MESSAGE = '0x68656c6c6f';
const TYPED_DATA = {
  types: { EIP712Domain: [{ name: 'name', type: 'string' }], Vote: [{ name: 'height', type: 'uint64' }] },
  primaryType: 'Vote',
  domain: { name: 'Parley' },
  message: { height: '7' },
};

export async function everyCall(scene: Scene, ask: SocketRpc['call']): Promise<readonly EveryCall[]> {
  const filters = {
    logs: await ask('eth_newFilter', [{ fromBlock: '0x0', address: scene.contract }]),
    blocks: await ask('eth_newBlockFilter', []),
    pending: await ask('eth_newPendingTransactionFilter', [true]),
  };
  return [
    ...chainCalls(scene),
    ...transactionCalls(scene),
    ...filterCalls(scene, filters),
    ...signingCalls(scene),
    ...nodeCalls(scene),
  ];
}

function chainCalls({ account, friend, contract, increase, logged }: Scene): readonly EveryCall[] {
  const { blockHash, blockNumber } = logged;
  const call = { from: account, to: contract, input: increase };
  return [
    ['eth_chainId'],
    ['eth_syncing'],
    ['eth_coinbase'],
    ['eth_mining'],
    ['eth_hashrate'],
    ['eth_blockNumber'],
    ['eth_getBlockByNumber', blockNumber, true],
    ['eth_getBlockByNumber', 'earliest', false],
    ['eth_getBlockByNumber', 'pending', true],
    ['eth_getBlockByNumber', '0xffffffff', true],
    ['eth_getBlockByHash', blockHash, true],
    ['eth_getBlockByHash', blockHash],
    ['eth_getHeaderByNumber', 'finalized'],
    ['eth_getHeaderByHash', blockHash],
    ['eth_getBlockTransactionCountByNumber', blockNumber],
    ['eth_getBlockTransactionCountByHash', blockHash],
    ['eth_getBlockReceipts', blockHash],
    ['eth_getBlockReceipts', { blockHash, requireCanonical: false }],
    ['eth_getUncleCountByBlockNumber', blockNumber],
    ['eth_getUncleCountByBlockHash', blockHash],
    ['eth_getUncleByBlockNumberAndIndex', blockNumber, '0x0'],
    ['eth_getUncleByBlockHashAndIndex', blockHash, '0x0'],
    ['eth_getBalance', account, 'latest'],
    ['eth_getTransactionCount', account, 'pending'],
    ['eth_getCode', contract, { blockHash }],
    ['eth_getCode', friend],
    ['eth_getStorageAt', contract, '0x0', 'latest'],
    ['eth_getStorageValues', { [contract]: ['0x0', '0x1'], [friend]: [] }, 'latest'],
    ['eth_getProof', contract, ['0x0', WORD], 'latest'],
    ['eth_call', call, 'latest'],
    ['eth_call', { ...call, from: friend }, 'latest', { [friend]: { balance: '0x1' } }, { number: '0xffff' }],
    ['eth_estimateGas', call],
    ['eth_createAccessList', call, 'latest'],
    ['eth_simulateV1', simulation({ account, friend, contract, increase }), 'latest'],
    ['eth_simulateV1', { ...simulation({ account, friend, contract, increase }), returnFullTransactions: true }],
    ['eth_simulateV1', { blockStateCalls: [{}], validation: true }, { blockHash }],
    ['eth_config'],
    ['eth_capabilities'],
    ['eth_gasPrice'],
    ['eth_baseFee'],
    ['eth_maxPriorityFeePerGas'],
    ['eth_feeHistory', '0x4', 'latest', [10, 50, 90]],
    ['eth_feeHistory', '0x4', 'latest', []],
    ['debug_getRawHeader', blockNumber],
    ['debug_getRawBlock', blockHash],
    ['debug_getRawReceipts', blockNumber],
    ['debug_getBadBlocks'],
    ...traceCalls({ call, logged }),
  ];
}

const TRACERS = [
  { enableMemory: true, enableReturnData: true },
  { tracer: 'callTracer', tracerConfig: { withLog: true } },
  { tracer: 'flatCallTracer' },
  { tracer: 'prestateTracer' },
  { tracer: 'prestateTracer', tracerConfig: { diffMode: true } },
  { tracer: '4byteTracer' },
  { tracer: 'noopTracer' },
];

function traceCalls({ call, logged }: Pick<Scene, 'logged'> & { readonly call: object }): readonly EveryCall[] {
  return [
    ['debug_traceTransaction', logged.hash],
    ['debug_traceBlockByNumber', logged.blockNumber],
    ['debug_traceCall', call],
    ...TRACERS.flatMap((tracer): EveryCall[] => [
      ['debug_traceTransaction', logged.hash, tracer],
      ['debug_traceBlockByHash', logged.blockHash, tracer],
      ['debug_traceCall', call, 'latest', tracer],
    ]),
  ];
}

/** Blocks with each kind of transaction and of outcome. */
function simulation({
  account,
  friend,
  contract,
  increase,
}: Pick<Scene, 'account' | 'friend' | 'contract' | 'increase'>): object {
  const calls = [
    { from: account, to: contract, input: increase },
    { from: account, to: friend, value: '0x5', gasPrice: '0x0' },
    { from: account, to: friend, gasPrice: '0x0', accessList: [] },
    { from: account, to: contract, input: '0x12345678' },
    { from: friend, input: '0xfe', gas: '0x186a0' },
  ];
  const stateOverrides = { [friend]: { balance: '0x1' } };
  const blockOverrides = { time: '0xffffffff', prevRandao: WORD };
  return { blockStateCalls: [{ stateOverrides, calls }, {}, { blockOverrides, calls }], traceTransfers: true };
}

function transactionCalls({ mined, waiting, sender, logged, raw }: Scene): readonly EveryCall[] {
  return [
    ['eth_sendRawTransaction', raw],
    ...mined.flatMap((hash): EveryCall[] => [
      ['eth_getTransactionByHash', hash],
      ['eth_getTransactionReceipt', hash],
      ['eth_getRawTransactionByHash', hash],
      ['debug_getRawTransaction', hash],
    ]),
    ['eth_getTransactionByHash', waiting],
    ['eth_getTransactionReceipt', waiting],
    ['eth_getTransactionByBlockHashAndIndex', logged.blockHash, '0x0'],
    ['eth_getTransactionByBlockNumberAndIndex', logged.blockNumber, '0x0'],
    ['eth_getTransactionByBlockNumberAndIndex', logged.blockNumber, '0xffff'],
    ['eth_getRawTransactionByBlockHashAndIndex', logged.blockHash, '0x0'],
    ['eth_getRawTransactionByBlockNumberAndIndex', logged.blockNumber, '0x0'],
    ['txpool_status'],
    ['txpool_content'],
    ['txpool_inspect'],
    ['txpool_contentFrom', sender],
  ];
}

function filterCalls(
  { contract, logged, subscription }: Scene,
  filters: { readonly logs: unknown; readonly blocks: unknown; readonly pending: unknown },
): readonly EveryCall[] {
  return [
    ['eth_getLogs', { fromBlock: '0x0', toBlock: 'latest', address: [contract], topics: [null] }],
    ['eth_getLogs', { blockHash: logged.blockHash }],
    ['eth_newFilter', {}],
    ['eth_newBlockFilter'],
    ['eth_newPendingTransactionFilter'],
    ['eth_getFilterLogs', filters.logs],
    ['eth_getFilterChanges', filters.logs],
    ['eth_getFilterChanges', filters.blocks],
    ['eth_uninstallFilter', filters.pending],
    ['eth_uninstallFilter', '0x1'],
    ['eth_subscribe', 'logs', { address: contract }],
    ['eth_subscribe', 'syncing'],
    ['eth_unsubscribe', subscription],
  ];
}

function signingCalls({ account, friend, keystore, signature }: Scene): readonly EveryCall[] {
  const transfer = { from: account, to: friend, value: '0x1' };
  const free = {
    ...transfer,
    from: keystore.address,
    gas: '0x5208',
    nonce: '0x0',
    maxFeePerGas: '0xffffffff',
    value: '0x0',
  };
  return [
    ['eth_accounts'],
    ['eth_requestAccounts'],
    ['eth_sendTransaction', transfer],
    ['eth_signTransaction', transfer],
    ['eth_fillTransaction', transfer],
    ['eth_fillTransaction', { ...transfer, gasPrice: '0x77359400' }],
    ['eth_fillTransaction', { ...transfer, type: '0x1' }],
    ['eth_sign', account, MESSAGE],
    ['eth_signTypedData_v4', account, TYPED_DATA],
    ['eth_signTypedData_v4', account, JSON.stringify(TYPED_DATA)],
    ['personal_sign', MESSAGE, account],
    ['personal_ecRecover', MESSAGE, signature],
    ['personal_newAccount', 'another password'],
    ['personal_importRawKey', '11'.repeat(32), 'a third password'],
    ['personal_listAccounts'],
    ['personal_listWallets'],
    ['personal_unlockAccount', keystore.address, keystore.password, 60],
    ['personal_sendTransaction', transfer, ''],
    ['personal_signTransaction', free, keystore.password],
    ['wallet_status'],
    ['personal_lockAccount', keystore.address],
    ['wallet_lockAll'],
  ];
}

function nodeCalls({ peer, friend }: Scene): readonly EveryCall[] {
  return [
    ['net_version'],
    ['net_listening'],
    ['net_peerCount'],
    ['web3_clientVersion'],
    ['web3_sha3', MESSAGE],
    ['admin_nodeInfo'],
    ['admin_peers'],
    ['admin_addPeer', peer],
    ['consensus_status'],
    ['consensus_validators', 'latest'],
    ['consensus_evidence', '0x0', 'latest'],
    ['devnet_setFaults', { delayMs: 1 }],
    ['devnet_setFaults', {}],
    ['devnet_faults'],
    ['consensus_propose', friend, false],
    ['consensus_proposals'],
    ['consensus_discard', friend],
    ['rpc_modules'],
    ['rpc.discover'],
  ];
}
