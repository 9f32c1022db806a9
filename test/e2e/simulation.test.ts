import {
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  http,
  parseEther,
  parseGwei,
  zeroAddress,
  type Address,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toHex } from '../../src/util/hex.ts';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { devAccount } from './support/raw-transactions.ts';
import { heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** eth_simulateV1 and eth_fillTransaction as viem uses them, beside what the chain then does. */

const FRIEND: Address = '0x00000000000000000000000000000000000f1e1d';
const COINS = '0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee';

let devnet: RunningDevnet;
let rpc: Rpc;
let counter: Address;
const account = privateKeyToAccount(toHex(devAccount(3).privateKey));
const client = () =>
  createPublicClient({ chain: foundry, transport: http(devnet.ready.nodes[0]?.rpc ?? ''), pollingInterval: 50 });
const wallet = () => createWalletClient({ chain: foundry, transport: http(devnet.ready.nodes[0]?.rpc ?? ''), account });

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, args: ['--block-time', '400'] });
  rpc = devnet.rpcs[0] as Rpc;
  const hash = await wallet().deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [40n] });
  const { contractAddress } = await client().waitForTransactionReceipt({ hash });
  counter = contractAddress ?? zeroAddress;
});
afterAll(cleanUp);

const increase = (amount: bigint) =>
  ({ to: counter, abi: COUNTER_ABI, functionName: 'increase', args: [amount] }) as const;
const count = () => ({ to: counter, abi: COUNTER_ABI, functionName: 'count' }) as const;

describe('simulateBlocks', () => {
  it('runs calls on each other, in blocks with the numbers and times that are asked for', async () => {
    const number = await client().getBlockNumber();
    const [first, last] = await client().simulateBlocks({
      blockNumber: number,
      blocks: [
        {
          calls: [increase(2n), count(), { from: FRIEND, to: account.address, value: 3n }],
          stateOverrides: [{ address: FRIEND, balance: 10n }],
        },
        { blockOverrides: { number: number + 2n, time: 4_000_000_000n }, calls: [increase(101n), count()] },
      ],
      traceTransfers: true,
      returnFullTransactions: true,
    });
    expect([first?.number, last?.number]).toEqual([number + 1n, number + 2n]);
    expect(last?.parentHash).toBe(first?.hash);
    expect(last?.timestamp).toBe(4_000_000_000n);
    const [increased, counted, moved] = first?.calls ?? [];
    expect(increased).toMatchObject({ status: 'success', logs: [{ address: counter, logIndex: 0 }] });
    expect(counted).toMatchObject({ status: 'success', result: 42n });
    expect(moved).toMatchObject({ gasUsed: 21_000n, logs: [{ address: COINS, logIndex: 1 }] });
    expect(last?.calls).toMatchObject([{ status: 'failure' }, { status: 'success', result: 42n }]);
    expect(first?.transactions[2]).toMatchObject({ from: FRIEND, value: 3n, blockHash: first?.hash });
    expect(await client().readContract({ address: counter, abi: COUNTER_ABI, functionName: 'count' })).toBe(40n);
  });

  it('fills gaps with blocks, which viem does not expect', async () => {
    const number = await heightOf(rpc);
    const blockOverrides = { number: `0x${(number + 3).toString(16)}` };
    const payload = { blockStateCalls: [{}, { blockOverrides }] };
    const blocks = await rpc<{ number: string; calls: unknown[] }[]>('eth_simulateV1', [payload, 'latest']);
    expect(blocks.length).toBeLessThanOrEqual(3);
    expect(blocks.at(-1)?.number).toBe(blockOverrides.number);
    expect(blocks.at(-2)?.calls).toEqual([]);
  });

  it('comes to what the transaction then comes to, gas and tip included', async () => {
    const fees = { maxFeePerGas: parseGwei('20'), maxPriorityFeePerGas: parseGwei('1') };
    const { number } = await client().getBlock();
    const call = { account, ...increase(1n), ...fees, gas: 100_000n };
    const [simulated] = await client().simulateBlocks({
      blockNumber: number,
      blocks: [{ calls: [call] }],
      validation: true,
    });
    const data = encodeFunctionData({ abi: COUNTER_ABI, functionName: 'increase', args: [1n] });
    const hash = await wallet().sendTransaction({ to: counter, data, ...fees, gas: 100_000n });
    const receipt = await client().waitForTransactionReceipt({ hash });
    expect(receipt.status).toBe('success');
    expect(simulated?.calls[0]?.gasUsed).toBe(receipt.gasUsed);
    expect(simulated?.baseFeePerGas).toBeGreaterThan(0n);
  });

  it('stands on old blocks as well, whose state is read from the archive', async () => {
    await until('finality', async () => (await heightOf(rpc, 'finalized')) > 5);
    const [block] = await client().simulateBlocks({
      blockNumber: 0n,
      blocks: [{ calls: [{ from: account.address, to: FRIEND, value: 5n }] }, { calls: [count()] }],
    });
    expect(block).toMatchObject({ number: 1n, calls: [{ status: 'success' }] });
    const { stateRoot } = await client().getBlock({ blockNumber: 0n });
    expect(block?.stateRoot).not.toBe(stateRoot);
  });

  it('refuses in words that viem knows', async () => {
    const poor = client().simulateBlocks({
      blocks: [{ calls: [{ from: FRIEND, to: counter, value: parseEther('1') }] }],
    });
    await expect(poor).rejects.toThrow(/exceeds the balance/);
    const late = client().simulateBlocks({
      blocks: [{ calls: [{ account, to: FRIEND, nonce: 0, maxFeePerGas: parseGwei('20') }] }],
      validation: true,
    });
    await expect(late).rejects.toThrow(/nonce/i);
  });
});

describe('simulateCalls', () => {
  it('tells what coins and logs move', async () => {
    const { results, assetChanges } = await client().simulateCalls({
      account: account.address,
      calls: [{ to: FRIEND, value: parseEther('1.5') }, increase(3n)],
      traceAssetChanges: true,
    });
    expect(results.map(({ status }) => status)).toEqual(['success', 'success']);
    expect(assetChanges).toMatchObject([{ token: { symbol: 'ETH' }, value: { diff: -parseEther('1.5') } }]);
  });
});

describe('fillTransaction', () => {
  it('gives what only a signature is missing from', async () => {
    const { transaction } = await client().fillTransaction({ account: account.address, to: FRIEND, value: 7n });
    const nonce = await client().getTransactionCount({ address: account.address, blockTag: 'pending' });
    expect(transaction).toMatchObject({
      type: 'eip1559',
      to: FRIEND,
      value: 7n,
      nonce,
      chainId: foundry.id,
      gas: 21_000n,
    });
    const { maxFeePerGas, maxPriorityFeePerGas } = transaction as {
      maxFeePerGas: bigint;
      maxPriorityFeePerGas: bigint;
    };
    const request = {
      to: FRIEND,
      value: 7n,
      nonce,
      gas: 21_000n,
      maxFeePerGas,
      maxPriorityFeePerGas,
      chainId: foundry.id,
    };
    const hash = await client().sendRawTransaction({
      serializedTransaction: await account.signTransaction({ ...request, type: 'eip1559' }),
    });
    expect((await client().waitForTransactionReceipt({ hash })).status).toBe('success');
  });

  it.each(['legacy', 'eip2930', 'eip1559'] as const)('prepares what viem sends as %s', async (type) => {
    const hash = await wallet().sendTransaction({ to: FRIEND, value: 1n, type });
    const { status } = await client().waitForTransactionReceipt({ hash });
    expect([status, (await client().getTransaction({ hash })).type]).toEqual(['success', type]);
  });
});
