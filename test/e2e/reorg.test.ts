import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createPublicClient, createWalletClient, http, type Address, type Hex } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { agreedInTime, lowest } from './support/agreement.ts';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { heightOf } from './support/rpc.ts';
import { Subscription } from './support/subscription.ts';
import { until } from './support/wait.ts';

/** Two halves of a network that do not know of each other, and then do: real nodes, real sockets. */

const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
/** Neither branch may be final when they meet. */
const CONFIRMATIONS = 500;
const BLOCK_TIME_MS = 400;

type Status = { readonly details: { readonly totalWork: string }; readonly counters: { readonly reorgs: number } };
type Header = { readonly number: string; readonly hash: string; readonly parentHash: string };
type Log = { readonly blockHash: string; readonly transactionHash: string; readonly removed: boolean };

describe.each(ENGINES.filter(({ forks }) => forks))('a network in two halves under $consensus', (engine) => {
  let left: TestNetwork;
  let right: TestNetwork;
  beforeAll(async () => {
    const params = { ...(engine.keys['engine'] as object), confirmations: CONFIRMATIONS };
    const keys = { ...engine.keys, engine: params, genesis: { time: Date.now() }, 'block-time': BLOCK_TIME_MS };
    // One genesis, but the ports that the nodes of one half dial are those of its own.
    [left, right] = [await createNetwork(keys), await createNetwork(keys)];
    for (const node of all()) node.start();
    await Promise.all(all().map((node) => node.answering()));
  });
  afterAll(async () => {
    await Promise.all([left.stop(), right.stop()]);
    await cleanUp();
  });

  const light = () => left.nodes.slice(0, 1);
  const heavy = () => right.nodes.slice(1);
  const all = () => [...light(), ...heavy()];
  const node = () => light()[0] as TestNode;
  const rpcs = () => all().map(({ rpc }) => rpc);
  const workOf = async ({ rpc }: TestNode) => BigInt((await rpc<Status>('consensus_status')).details.totalWork);

  it('heals to the heavier branch: dropped transactions are mined again, subscriptions tell all of it', async () => {
    const transport = http(node().rpcUrl);
    const account = privateKeyToAccount(KEY);
    const wallet = createWalletClient({ chain: foundry, transport, account });
    const client = createPublicClient({ chain: foundry, transport, pollingInterval: 50 });
    const deployment = await wallet.deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [1n] });
    const { contractAddress } = await client.waitForTransactionReceipt({ hash: deployment });
    const address = contractAddress as Address;
    const call = await wallet.writeContract({ address, abi: COUNTER_ABI, functionName: 'increase', args: [2n] });
    const before = await client.waitForTransactionReceipt({ hash: call });
    for (const { rpc } of heavy()) expect(await rpc('eth_getTransactionReceipt', [call])).toBeNull();

    const heads = await Subscription.open<Header>(node().rpcUrl, 'newHeads');
    const logs = await Subscription.open<Log>(node().rpcUrl, 'logs', { address });
    await until('the other branch is clearly heavier', async () => {
      const [ours, theirs] = await Promise.all([workOf(node()), workOf(heavy()[0] as TestNode)]);
      return theirs > ours + ours / 4n && (await heightOf(node().rpc)) > 4;
    });
    const dropped = await node().rpc<Header>('eth_getBlockByNumber', ['0x1', false]);
    const other = heavy()[0] as TestNode;
    const { addresses } = await other.rpc<{ addresses: readonly string[] }>('admin_nodeInfo');
    expect(await node().rpc('admin_addPeer', addresses.slice(0, 1))).toBe(true);

    const common = await until('one chain', async () => {
      const block = await agreedInTime(rpcs(), 1);
      return block.hash === dropped.hash ? null : block;
    });
    const reached = await until('a reorg', () => heads.find((head) => head.hash === common.hash));
    expect(reached.parentHash).toBe((await node().rpc<Header>('eth_getBlockByNumber', ['0x0', false])).hash);
    const gone = await until('the log is taken back', () => logs.find((log) => log.removed));
    expect(gone).toMatchObject({ transactionHash: call, blockHash: before.blockHash });

    // Neither transaction is lost: both are mined again, on the branch that won, on every node.
    for (const hash of [deployment, call] as readonly Hex[]) {
      for (const rpc of rpcs()) {
        const receipt = await until('the receipt', () =>
          rpc<{ blockHash: string; status: string } | null>('eth_getTransactionReceipt', [hash]),
        );
        expect(receipt.status).toBe('0x1');
        expect(receipt.blockHash).not.toBe(before.blockHash);
      }
    }
    const again = await until('the log is there again', () => logs.findLast((log) => !log.removed));
    expect(again).toMatchObject({ transactionHash: call, removed: false });
    expect(await client.readContract({ address, abi: COUNTER_ABI, functionName: 'count' })).toBe(3n);
    await agreedInTime(rpcs(), await lowest(rpcs()));
    expect((await node().rpc<Status>('consensus_status')).counters.reorgs).toBeGreaterThan(0);
    heads.close();
    logs.close();
  });
});
