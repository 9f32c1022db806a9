import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JsonRpcProvider, verifyTypedData, WebSocketProvider } from 'ethers';
import {
  createPublicClient,
  createWalletClient,
  http,
  parseEther,
  verifyTypedData as verifyWithViem,
  webSocket,
  type Address,
  type Hex,
} from 'viem';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, ROOT, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** Fees, filters, subscriptions and typed data, by viem, ethers and cast. Transfers and contracts are in wallets.test.ts, under every engine. */

const CAST = join(ROOT, 'node_modules/.bin/cast');
const run = promisify(execFile);
const FRIEND: Address = '0x00000000000000000000000000000000000f1e1d';

const TYPED = {
  domain: { name: 'Parley', version: '1', chainId: foundry.id },
  types: {
    Vote: [
      { name: 'subject', type: 'address' },
      { name: 'authorize', type: 'bool' },
    ] as { name: string; type: string }[],
  },
  message: { subject: FRIEND, authorize: true },
};

let devnet: RunningDevnet;
/** The node signs for these. */
let accounts: readonly Address[];
let rpcUrl: string;
let wsUrl: string;
beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, args: ['--block-time', '400'] });
  accounts = devnet.ready.accounts as Address[];
  rpcUrl = devnet.ready.nodes[0]?.rpc ?? '';
  wsUrl = devnet.ready.nodes[1]?.ws ?? '';
});
afterAll(cleanUp);

const account = (index: number): Address => accounts[index] ?? FRIEND;

describe('viem', () => {
  const client = () => createPublicClient({ chain: foundry, transport: http(rpcUrl), pollingInterval: 50 });
  const wallet = (index: number) =>
    createWalletClient({ chain: foundry, transport: http(rpcUrl), account: account(index) });

  const deployed = async (): Promise<Address> => {
    const hash = await wallet(0).deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [40n] });
    const { contractAddress } = await client().waitForTransactionReceipt({ hash });
    if (contractAddress === null || contractAddress === undefined) throw new Error('no contract');
    return contractAddress;
  };

  it('tells fees', async () => {
    const { maxFeePerGas, maxPriorityFeePerGas } = await client().estimateFeesPerGas();
    expect(maxFeePerGas).toBeGreaterThan(maxPriorityFeePerGas);
    const history = await client().getFeeHistory({ blockCount: 2, rewardPercentiles: [10, 90] });
    expect(history.baseFeePerGas.length).toBe(history.gasUsedRatio.length + 1);
    expect(await client().getGasPrice()).toBeGreaterThan(0n);
  });

  it('polls filters of blocks, pending transactions and events', async () => {
    const [blocks, pending, events] = await Promise.all([
      client().createBlockFilter(),
      client().createPendingTransactionFilter(),
      client().createEventFilter(),
    ]);
    const address = await deployed();
    const sent = await wallet(0).writeContract({ address, abi: COUNTER_ABI, functionName: 'increase', args: [2n] });
    await client().waitForTransactionReceipt({ hash: sent });
    expect(await client().getFilterChanges({ filter: blocks })).not.toHaveLength(0);
    expect(await client().getFilterChanges({ filter: pending })).toContain(sent);
    const logs = await client().getFilterChanges({ filter: events });
    expect(logs.map(({ transactionHash }) => transactionHash)).toContain(sent);
    expect(await client().uninstallFilter({ filter: events })).toBe(true);
  });

  it('hears of pending transactions and events over WebSocket', async () => {
    const live = createPublicClient({ chain: foundry, transport: webSocket(wsUrl) });
    const heard: Hex[] = [];
    const address = await deployed();
    const stops = [
      live.watchPendingTransactions({ onTransactions: (hashes) => heard.push(...hashes) }),
      live.watchEvent({ address, onLogs: (logs) => heard.push(...logs.map(({ transactionHash }) => transactionHash)) }),
    ];
    // Nothing says that a subscription stands but its first event.
    const hash = await until('both events', async () => {
      const sent = await wallet(0).writeContract({ address, abi: COUNTER_ABI, functionName: 'increase', args: [1n] });
      await client().waitForTransactionReceipt({ hash: sent });
      return heard.filter((known) => known === sent).length === 2 ? sent : null;
    });
    expect(heard).toContain(hash);
    for (const stop of stops) stop();
    const socket = await live.transport.getRpcClient();
    socket.close();
  });

  it('has typed data signed by the node', async () => {
    const signature = await wallet(1).signTypedData({ ...TYPED, primaryType: 'Vote' });
    expect(await verifyWithViem({ ...TYPED, primaryType: 'Vote', address: account(1), signature })).toBe(true);
  });
});

describe('ethers', () => {
  it('tells fees, hears of blocks and transactions, and has typed data signed by the node', async () => {
    const provider = new JsonRpcProvider(rpcUrl, undefined, { pollingInterval: 50 });
    const live = new WebSocketProvider(wsUrl);
    try {
      const { maxFeePerGas, gasPrice } = await provider.getFeeData();
      expect(maxFeePerGas).toBeGreaterThan(0n);
      expect(gasPrice).toBeGreaterThan(0n);
      const heard: string[] = [];
      await live.on('pending', (hash: string) => heard.push(hash));
      const number = await new Promise<number>((seen) => void live.once('block', seen));
      expect(number).toBeGreaterThan(0);
      const signer = await provider.getSigner(account(2));
      const hash = await until('the pending transaction', async () => {
        const sent = await signer.sendTransaction({ to: FRIEND, value: parseEther('0.1') });
        await sent.wait();
        return heard.includes(sent.hash) ? sent.hash : null;
      });
      expect(heard).toContain(hash);
      const signature = await signer.signTypedData(TYPED.domain, TYPED.types, TYPED.message);
      expect(verifyTypedData(TYPED.domain, TYPED.types, TYPED.message, signature).toLowerCase()).toBe(account(2));
    } finally {
      await live.destroy();
      provider.destroy();
    }
  });
});

describe('cast', () => {
  const cast = async (...args: readonly string[]): Promise<string> =>
    (await run(CAST, args, { env: { ...process.env, ETH_RPC_URL: rpcUrl } })).stdout.trim();

  it('tells fees, polls a filter, and has typed data signed by the node', async () => {
    expect(Number(await cast('base-fee'))).toBeGreaterThan(0);
    const filter = JSON.parse(await cast('rpc', 'eth_newBlockFilter')) as string;
    const before = Number(await cast('block-number'));
    await until('a block', async () => Number(await cast('block-number')) > before || null);
    expect(JSON.parse(await cast('rpc', 'eth_getFilterChanges', filter))).not.toHaveLength(0);
    const typed = JSON.stringify({
      ...TYPED,
      primaryType: 'Vote',
      types: { ...TYPED.types, EIP712Domain: ['name', 'version', 'chainId'].map(domainField) },
    });
    const signature = JSON.parse(await cast('rpc', 'eth_signTypedData_v4', account(3), typed)) as string;
    expect(verifyTypedData(TYPED.domain, TYPED.types, TYPED.message, signature).toLowerCase()).toBe(account(3));
  });
});

function domainField(name: string): { name: string; type: string } {
  return { name, type: name === 'chainId' ? 'uint256' : 'string' };
}
