/** The tools people have, unchanged: viem and ethers over HTTP and WebSocket. */
import {
  JsonRpcProvider,
  NonceManager,
  verifyMessage as ethersVerify,
  Wallet,
  WebSocketProvider,
  type Log,
} from 'ethers';
import {
  createPublicClient,
  createWalletClient,
  http,
  parseEther,
  parseGwei,
  verifyMessage,
  verifyTypedData,
  webSocket,
  type Hash,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startFixture, type Fixture } from './fixture.ts';
import { ALICE, BOB, GENESIS_BALANCE, KEYS, LOGGER, REVERTER } from './fake-node.ts';

const WORD: Hash = `0x${'22'.repeat(32)}`;
const [aliceKey, bobKey] = KEYS as [Hash, Hash];

let rpc: Fixture;
beforeAll(async () => {
  rpc = await startFixture();
});
afterAll(() => rpc.server.stop());

describe('viem', () => {
  const chain = { ...foundry, id: 31337 };
  const connectTo = () => ({
    client: createPublicClient({ chain, transport: http(rpc.url), pollingInterval: 20 }),
    wallet: createWalletClient({ chain, transport: http(rpc.url), account: privateKeyToAccount(aliceKey) }),
  });

  it.each(['legacy', 'eip2930', 'eip1559'] as const)('sends a %s transfer and reads it back', async (type) => {
    const { client, wallet } = connectTo();
    const fields = { to: BOB, value: parseEther('1'), chain } as const;
    const fees = type === 'eip1559' ? {} : { gasPrice: parseGwei('2') };
    const accessList = type === 'eip2930' ? [{ address: BOB, storageKeys: [WORD] }] : undefined;
    const request = { ...fields, ...fees, ...(accessList && { accessList }), type } as Parameters<
      typeof wallet.sendTransaction
    >[0];
    const hash = await wallet.sendTransaction(request);
    expect((await client.getTransaction({ hash })).blockNumber).toBeNull();
    rpc.node.mine();
    const receipt = await client.waitForTransactionReceipt({ hash });
    expect(receipt).toMatchObject({ status: 'success', type, from: ALICE, to: BOB, gasUsed: 21000n });
    const transaction = await client.getTransaction({ hash });
    expect(transaction).toMatchObject({ type, value: parseEther('1') });
    expect(transaction.accessList).toEqual(type === 'legacy' ? undefined : (accessList ?? []));
    const block = await client.getBlock({ blockHash: receipt.blockHash, includeTransactions: true });
    expect(block.transactions.map((mined) => mined.hash)).toContain(hash);
    expect(block.hash).toBe(receipt.blockHash);
  });

  it('reads accounts, fees and proofs', async () => {
    const { client } = connectTo();
    expect(await client.getChainId()).toBe(31337);
    expect(await client.getBalance({ address: BOB })).toBeGreaterThan(GENESIS_BALANCE);
    expect(await client.getBalance({ address: BOB, blockNumber: 0n })).toBe(GENESIS_BALANCE);
    expect(await client.getGasPrice()).toBe(parseGwei('2'));
    expect(await client.estimateFeesPerGas()).toMatchObject({ maxPriorityFeePerGas: parseGwei('1') });
    expect((await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] })).reward).toHaveLength(2);
    const proof = await client.getProof({ address: LOGGER, storageKeys: [WORD] });
    expect(proof.storageProof[0]).toMatchObject({ key: WORD, value: BigInt(WORD) });
  });

  it('watches blocks, pending transactions and logs', async () => {
    const { wallet } = connectTo();
    const polled = new Set<string>();
    const onFetchRequest = (_: Request, init: RequestInit): void => {
      const [, id] = /"eth_getFilterChanges","params":\["(\w+)"/.exec(init.body as string) ?? [];
      if (id !== undefined) polled.add(id);
    };
    const client = createPublicClient({ chain, transport: http(rpc.url, { onFetchRequest }), pollingInterval: 20 });
    const seen = { hashes: [] as string[], logs: 0 };
    const stops = [
      client.watchPendingTransactions({ onTransactions: (hashes) => seen.hashes.push(...hashes) }),
      client.watchEvent({ address: LOGGER, onLogs: (logs) => (seen.logs += logs.length) }),
    ];
    await expect.poll(() => polled.size).toBe(2);
    const hash = await wallet.sendTransaction({ to: LOGGER, data: WORD, gas: 60_000n });
    rpc.node.mine();
    await expect.poll(() => seen).toEqual({ hashes: [hash], logs: 1 });
    for (const stop of stops) stop();
  });

  it('tells a used nonce and a revert apart', async () => {
    const { client, wallet } = connectTo();
    await expect(wallet.sendTransaction({ to: BOB, nonce: 0, gas: 21_000n })).rejects.toThrow('is lower than');
    await expect(client.call({ to: REVERTER, data: '0x' })).rejects.toThrow('Execution reverted');
  });

  it('signs with the accounts of the node', async () => {
    const wallet = createWalletClient({ chain, transport: http(rpc.url), account: ALICE });
    const signature = await wallet.signMessage({ message: 'hello' });
    expect(await verifyMessage({ address: ALICE, message: 'hello', signature })).toBe(true);
    const typed = {
      domain: { name: 'Parley', chainId: 31337 },
      types: { Vote: [{ name: 'height', type: 'uint64' }] },
      primaryType: 'Vote',
      message: { height: 7n },
    } as const;
    const typedSignature = await wallet.signTypedData(typed);
    expect(await verifyTypedData({ ...typed, address: ALICE, signature: typedSignature })).toBe(true);
    expect(await wallet.sendTransaction({ to: BOB, value: 1n })).toMatch(/^0x[0-9a-f]{64}$/);
    rpc.node.mine();
  });

  it('subscribes over a WebSocket', async () => {
    const client = createPublicClient({ chain, transport: webSocket(rpc.wsUrl) });
    const numbers: bigint[] = [];
    const stop = client.watchBlockNumber({ onBlockNumber: (number) => numbers.push(number) });
    const mined = (): bigint => BigInt(rpc.node.mine().block.header.number);
    await expect.poll(() => numbers.includes(mined() - 1n)).toBe(true);
    stop();
    (await client.transport.getRpcClient()).close();
  });
});

describe('ethers', () => {
  it('sends, waits and reads', async () => {
    const provider = new JsonRpcProvider(rpc.url, undefined, { pollingInterval: 20, cacheTimeout: -1 });
    const wallet = new NonceManager(new Wallet(bobKey, provider));
    const before = await provider.getBalance(ALICE);
    const response = await wallet.sendTransaction({ to: ALICE, value: 5n });
    rpc.node.mine();
    const receipt = await response.wait();
    expect(receipt).toMatchObject({ status: 1, hash: response.hash });
    expect((await provider.getBalance(ALICE)) - before).toBe(5n);
    expect((await provider.getFeeData()).maxPriorityFeePerGas).toBe(parseGwei('1'));
    const block = await provider.getBlock('latest', true);
    expect(block?.prefetchedTransactions[0]).toMatchObject({ hash: response.hash, from: expect.any(String) as string });
    provider.destroy();
  });

  it('signs with the accounts of the node', async () => {
    const provider = new JsonRpcProvider(rpc.url);
    const signer = await provider.getSigner(1);
    expect(ethersVerify('hello', await signer.signMessage('hello')).toLowerCase()).toBe(BOB);
    const response = await signer.sendUncheckedTransaction({ to: ALICE, value: 1n });
    expect(response).toMatch(/^0x[0-9a-f]{64}$/);
    rpc.node.mine();
    provider.destroy();
  });

  it('tells a used nonce', async () => {
    const provider = new JsonRpcProvider(rpc.url);
    const wallet = new Wallet(aliceKey, provider);
    const old = wallet.sendTransaction({ to: BOB, nonce: 0, gasLimit: 21_000n });
    await expect(old).rejects.toMatchObject({ code: 'NONCE_EXPIRED' });
    provider.destroy();
  });

  it('hears blocks and logs over a WebSocket', async () => {
    const provider = new WebSocketProvider(rpc.wsUrl);
    const blocks: number[] = [];
    const logs: Log[] = [];
    await provider.on('block', (number: number) => blocks.push(number));
    await provider.on({ address: LOGGER }, (log: Log) => logs.push(log));
    await provider.getNetwork();
    await rpc.result('eth_sendTransaction', { from: BOB, to: LOGGER, data: WORD });
    const view = rpc.node.mine();
    await expect.poll(() => blocks).toContain(view.block.header.number);
    await expect.poll(() => logs.map((log) => log.topics)).toEqual([[WORD]]);
    await provider.destroy();
  });
});
