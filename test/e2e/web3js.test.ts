import { hashTypedData, recoverAddress, type TypedDataDefinition } from 'viem';
import { Web3 } from 'web3';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** web3.js, unchanged and with its defaults, over HTTP and WebSocket. One engine: the methods are the same for all. */

const KEY = '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a';
const WORD = `0x${'0'.repeat(64)}`;
const FRIEND = '0x00000000000000000000000000000000000f1e1d';

describe('web3.js', () => {
  let devnet: RunningDevnet;
  let http: Web3;
  let live: Web3;
  /** The node signs for it; for `signer` web3 does. */
  let from: string;
  let signer: string;
  beforeAll(async () => {
    devnet = await startDevnet({ nodes: 2, args: ['--block-time', '400'] });
    http = new Web3(devnet.ready.nodes[0]?.rpc);
    live = new Web3(devnet.ready.nodes[1]?.ws);
    from = devnet.ready.accounts[0] ?? '';
    signer = http.eth.accounts.wallet.add(KEY)[0]?.address ?? '';
  });
  afterAll(async () => {
    live.provider?.disconnect();
    await cleanUp();
  });

  const counter = async () => {
    const contract = new http.eth.Contract(COUNTER_ABI);
    const deployed = await contract.deploy({ data: counterBytecode(), arguments: [40n] }).send({ from });
    const address = deployed.options.address ?? '';
    const increased = await deployed.methods.increase(2n).send({ from });
    return { deployed, address, increased };
  };

  it('reads accounts, blocks, fees and proofs', async () => {
    expect((await http.eth.getAccounts()).map((address) => address.toLowerCase())).toEqual(devnet.ready.accounts);
    expect(await http.eth.getChainId()).toBe(31_337n);
    expect(await http.eth.net.getId()).toBe(31_337n);
    expect(await http.eth.isMining()).toBe(true);
    expect(await http.eth.isSyncing()).toBe(false);
    expect(await http.eth.getCoinbase()).toBe(devnet.ready.nodes[0]?.validator);
    const head = await http.eth.getBlock('latest');
    expect((await http.eth.getBlock(head.hash ?? '')).number).toBe(head.number);
    const { maxPriorityFeePerGas, maxFeePerGas } = await http.eth.calculateFeeData();
    expect(BigInt(maxFeePerGas ?? 0)).toBeGreaterThan(BigInt(maxPriorityFeePerGas ?? 0));
    const history = await http.eth.getFeeHistory(2, 'latest', [25, 75]);
    expect(history.reward.length).toBeGreaterThan(0);
    const proof = await http.eth.getProof(from, [WORD], 'latest');
    expect(proof.balance).toBe(await http.eth.getBalance(from));
  });

  // Without `gas` web3 tries every transfer with 21,000 first, which an access list makes too little.
  it.each([
    ['0x0', (gasPrice: bigint) => ({ type: '0x0', gasPrice })],
    [
      '0x1',
      (gasPrice: bigint) => ({
        type: '0x1',
        gasPrice,
        accessList: [{ address: FRIEND, storageKeys: [] }],
        gas: 30_000n,
      }),
    ],
    ['0x2', () => ({})],
  ] as const)('signs and sends a transfer of type %s', async (type, fields) => {
    const gasPrice = await http.eth.getGasPrice();
    const before = await http.eth.getBalance(FRIEND);
    const receipt = await http.eth.sendTransaction({
      from: signer,
      to: FRIEND,
      value: 7n,
      ...fields(gasPrice),
    });
    expect(receipt).toMatchObject({ status: 1n, type: BigInt(type) });
    expect((await http.eth.getBalance(FRIEND)) - before).toBe(7n);
    const transaction = await http.eth.getTransaction(receipt.transactionHash);
    expect(transaction).toMatchObject({ hash: receipt.transactionHash, value: 7n, type: BigInt(type) });
  });

  it('deploys a contract, calls it, reads its logs and is told why it reverts', async () => {
    const { deployed, address, increased } = await counter();
    expect(await deployed.methods.count().call()).toBe(42n);
    const events = await deployed.getPastEvents('Increased', { fromBlock: 0 });
    expect(events).toMatchObject([{ transactionHash: increased.transactionHash, returnValues: { count: 42n } }]);
    expect(await http.eth.getPastLogs({ address, fromBlock: 0 })).toHaveLength(1);
    await expect(deployed.methods.increase(0n).call()).rejects.toMatchObject({
      cause: { message: expect.stringContaining('increase by at least one') as string },
    });
    const data = deployed.methods.increase(1n).encodeABI();
    const listed = await http.eth.createAccessList({ from, to: address, data });
    expect(listed.accessList).toMatchObject([{ storageKeys: [WORD] }]);
  });

  it('polls filters', async () => {
    const [blocks, pending] = [
      await http.eth.createNewBlockFilter(),
      await http.eth.createNewPendingTransactionFilter(),
    ];
    const { increased, address } = await counter();
    const logs = await http.eth.createNewFilter({ address, fromBlock: '0x0' });
    expect(await http.eth.getFilterLogs(logs)).toHaveLength(1);
    expect((await http.eth.getFilterChanges(blocks)).length).toBeGreaterThan(0);
    expect(await http.eth.getFilterChanges(pending)).toContain(increased.transactionHash);
    expect(await http.eth.uninstallFilter(logs)).toBe(true);
  });

  it('subscribes to blocks, logs, pending transactions and syncing', async () => {
    const seen = { heads: [] as bigint[], pending: [] as string[], logs: [] as string[] };
    const heads = await live.eth.subscribe('newHeads');
    heads.on('data', (header) => void seen.heads.push(BigInt(header.number ?? 0)));
    const pending = await live.eth.subscribe('pendingTransactions');
    pending.on('data', (hash) => void seen.pending.push(hash));
    const logs = await live.eth.subscribe('logs', {});
    logs.on('data', (log) => void seen.logs.push(log.transactionHash?.toString() ?? ''));
    const syncing = await live.eth.subscribe('syncing');
    const { increased } = await counter();
    const hash = increased.transactionHash;
    await until('the events', async () => {
      const complete = seen.pending.includes(hash) && seen.logs.includes(hash);
      return complete && seen.heads.includes(increased.blockNumber) ? true : undefined;
    });
    for (const subscription of [heads, pending, logs, syncing]) await subscription.unsubscribe();
  });

  it('has the node sign messages and typed data', async () => {
    const message = `0x${Buffer.from('hello').toString('hex')}`;
    const signature = (await http.eth.sign(message, from)) as string;
    expect(http.eth.accounts.recover('hello', signature).toLowerCase()).toBe(from);
    const typed = {
      types: { EIP712Domain: [{ name: 'name', type: 'string' }], Vote: [{ name: 'height', type: 'uint64' }] },
      primaryType: 'Vote',
      domain: { name: 'Parley' },
      message: { height: 7 },
    };
    const typedSignature = (await http.eth.signTypedData(from, typed)) as `0x${string}`;
    const digest = hashTypedData(typed as TypedDataDefinition);
    expect((await recoverAddress({ hash: digest, signature: typedSignature })).toLowerCase()).toBe(from);
  });
});
