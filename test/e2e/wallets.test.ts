import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { verifyMerkleProof } from '@ethereumjs/mpt';
import { ContractFactory, JsonRpcProvider, Wallet, WebSocketProvider, type Contract, type EventLog } from 'ethers';
import {
  BaseError,
  ContractFunctionRevertedError,
  createPublicClient,
  createWalletClient,
  hexToBytes,
  http,
  keccak256,
  parseEther,
  toRlp,
  webSocket,
  type Address,
  type Hex,
} from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, ROOT, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { rpcAt } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** The tools people have, unchanged, on a network of four: what is sent to node 0 is found on node 3. */

/** Keys of the well-known phrase; each describe block has one of its own, so that their nonces do not meet. */
const KEYS = {
  viem: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
  ethers: '0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
  cast: '0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
} as const;
const FRIEND: Address = '0x00000000000000000000000000000000000f1e1d';
const CAST = join(ROOT, 'node_modules/.bin/cast');
const run = promisify(execFile);

type Sent = Receipt & { readonly transactionHash: string; readonly contractAddress: string };
type Receipt = { readonly status: string; readonly type: string; readonly blockHash: string; readonly from: string };

describe.each(ENGINES)('wallets under $consensus', (engine) => {
  let devnet: RunningDevnet;
  beforeAll(async () => {
    // Forks are rarer the longer the blocks take compared with their way.
    devnet = await startDevnet({ args: [...engine.args, '--block-time', engine.forks ? '1500' : '400'] });
  });
  afterAll(cleanUp);

  const url = (index = 0): string => devnet.ready.nodes[index]?.rpc ?? '';
  const wsUrl = (index = 0): string => devnet.ready.nodes[index]?.ws ?? '';
  /** What node 3 says when it has come to say the same as node 0. */
  const receiptOnNode3 = (hash: string): Promise<Receipt> =>
    until('the receipt on node 3', async () => {
      const [ours, theirs] = await Promise.all(
        [url(0), url(3)].map((node) => rpcAt(node)<Receipt | null>('eth_getTransactionReceipt', [hash])),
      );
      return ours?.blockHash === theirs?.blockHash ? theirs : null;
    });
  /** Where heads may be replaced, a block that was named once need not last. */
  const inBlock = (blockHash: string | undefined) => (engine.forks ? {} : { blockHash });

  /** viem's client of one node, and a wallet on it; all of viem's defaults but the polling interval. */
  const viem = (index = 0) => {
    const transport = http(url(index));
    return {
      client: createPublicClient({ chain: foundry, transport, pollingInterval: 50 }),
      wallet: createWalletClient({ chain: foundry, transport, account: privateKeyToAccount(KEYS.viem) }),
    };
  };

  describe('viem', () => {
    it('sends a transfer with its defaults, and waits for it on another node', async () => {
      const hash = await viem().wallet.sendTransaction({ to: FRIEND, value: parseEther('1') });
      const receipt = await viem(3).client.waitForTransactionReceipt({ hash });
      expect(receipt).toMatchObject({ status: 'success', type: 'eip1559', gasUsed: 21_000n, transactionHash: hash });
      expect(await viem(3).client.getBalance({ address: FRIEND })).toBeGreaterThanOrEqual(parseEther('1'));
    });

    it.each([
      ['legacy', '0x0', {}],
      ['eip2930', '0x1', { accessList: [{ address: FRIEND, storageKeys: [`0x${'00'.repeat(32)}`] }] }],
      ['eip1559', '0x2', {}],
    ] as const)('sends a transfer of type %s', async (type, number, fields) => {
      const { wallet } = viem();
      const hash = await wallet.sendTransaction({ to: FRIEND, value: 1n, type, ...fields } as Parameters<
        typeof wallet.sendTransaction
      >[0]);
      expect(await receiptOnNode3(hash)).toMatchObject({ status: '0x1', type: number });
    });

    it('watches block numbers over WebSocket', async () => {
      const client = createPublicClient({ chain: foundry, transport: webSocket(wsUrl(2)) });
      const seen: bigint[] = [];
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const unwatch = client.watchBlockNumber({
        onBlockNumber: (number) => {
          seen.push(number);
          if (seen.length === 3) resolve();
        },
        onError: reject,
      });
      await promise;
      unwatch();
      expect(seen[2]).toBeGreaterThan(seen[0] ?? 0n);
      (await client.transport.getRpcClient()).close();
    });

    it('gets a proof that holds against the state root of its block', async () => {
      const { client } = viem(1);
      const block = await client.getBlock();
      for (const address of [
        devnet.ready.accounts[5] as Address,
        '0x00000000000000000000000000000000000abcde',
      ] as const) {
        const proof = await client.getProof({ address, storageKeys: [], blockNumber: block.number });
        const found = await verifyMerkleProof(
          hexToBytes(keccak256(address)),
          proof.accountProof.map((node) => hexToBytes(node)),
          {
            root: hexToBytes(block.stateRoot),
            useKeyHashing: false,
          },
        );
        if (proof.balance === 0n) expect(found).toBeNull();
        else {
          const account = [
            proof.nonce === 0 ? '0x' : '0x01',
            trimmed(proof.balance),
            proof.storageHash,
            proof.codeHash,
          ];
          expect(Buffer.from(found ?? []).toString('hex')).toBe(toRlp(account as Hex[]).slice(2));
        }
      }
    });

    it('has a transaction sent by an unlocked account of the node', async () => {
      const wallet = createWalletClient({ chain: foundry, transport: http(url()) });
      const [, , , account] = await wallet.getAddresses();
      if (account === undefined) throw new Error('no unlocked account');
      const hash = await wallet.sendTransaction({ account, to: FRIEND, value: 1n });
      expect(await receiptOnNode3(hash)).toMatchObject({ status: '0x1', from: account.toLowerCase() });
    });

    it('deploys a contract, calls it, and reads its logs by filter and by subscription', async () => {
      const { client, wallet } = viem();
      const deployment = await wallet.deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [7n] });
      const { contractAddress } = await client.waitForTransactionReceipt({ hash: deployment });
      const address = contractAddress ?? FRIEND;
      await receiptOnNode3(deployment);
      const there = { address, abi: COUNTER_ABI } as const;
      expect(await viem(3).client.readContract({ ...there, functionName: 'count' })).toBe(7n);

      const live = createPublicClient({ chain: foundry, transport: webSocket(wsUrl(3)) });
      const { promise: heard, resolve, reject } = Promise.withResolvers<unknown>();
      const unwatch = live.watchContractEvent({
        ...there,
        eventName: 'Increased',
        onLogs: ([log]) => resolve(log?.args),
        onError: reject,
      });
      const hash = await wallet.writeContract({ ...there, functionName: 'increase', args: [5n] });
      const receipt = await client.waitForTransactionReceipt({ hash });
      expect(receipt.status).toBe('success');
      const args = { by: wallet.account.address, amount: 5n, count: 12n };
      expect(await heard).toEqual(args);
      unwatch();
      (await live.transport.getRpcClient()).close();

      const logs = await viem(3).client.getContractEvents({ ...there, eventName: 'Increased', fromBlock: 0n });
      expect(logs.map((log) => [log.args, log.transactionHash])).toEqual([[args, hash]]);
      expect(await viem(3).client.getLogs({ address: FRIEND, fromBlock: 0n })).toEqual([]);
      expect(await viem(3).client.getStorageAt({ address, slot: '0x0' })).toBe(`0x${'c'.padStart(64, '0')}`);
    });

    it('is told why a call reverts', async () => {
      const { client, wallet } = viem();
      const hash = await wallet.deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [0n] });
      const { contractAddress } = await client.waitForTransactionReceipt({ hash });
      const there = { address: contractAddress ?? FRIEND, abi: COUNTER_ABI, functionName: 'increase' } as const;
      const reverted = async (amount: bigint) => {
        const error: unknown = await wallet
          .writeContract({ ...there, args: [amount] })
          .catch((thrown: unknown) => thrown);
        if (!(error instanceof BaseError)) throw new Error(`no error of viem: ${String(error)}`);
        return error.walk(
          (cause) => cause instanceof ContractFunctionRevertedError,
        ) as ContractFunctionRevertedError | null;
      };
      expect((await reverted(0n))?.reason).toBe('increase by at least one');
      expect((await reverted(101n))?.data).toMatchObject({ errorName: 'TooMuch', args: [101n, 100n] });
    });
  });

  describe('ethers', () => {
    let provider: JsonRpcProvider;
    let wallet: Wallet;
    beforeAll(() => {
      provider = new JsonRpcProvider(url(), undefined, { pollingInterval: 50, cacheTimeout: -1 });
      wallet = new Wallet(KEYS.ethers, provider);
    });
    afterAll(() => provider.destroy());

    it('sends a transfer with its defaults and waits for it', async () => {
      const sent = await wallet.sendTransaction({ to: FRIEND, value: 1n });
      const receipt = await sent.wait();
      expect(receipt).toMatchObject({ status: 1, type: 2, gasUsed: 21_000n });
      expect(await receiptOnNode3(sent.hash)).toMatchObject({ status: '0x1', ...inBlock(receipt?.blockHash) });
    });

    it.each([0, 1, 2])('sends a transfer of type %i', async (type) => {
      const fields = type === 1 ? { accessList: [{ address: FRIEND, storageKeys: [] }] } : {};
      const sent = await wallet.sendTransaction({ to: FRIEND, value: 1n, type, ...fields });
      expect(await receiptOnNode3(sent.hash)).toMatchObject({ status: '0x1', type: `0x${type}` });
    });

    it('deploys a contract, calls it, hears its event over WebSocket and is told why it reverts', async () => {
      const factory = new ContractFactory(COUNTER_ABI, counterBytecode(), wallet);
      const contract = (await (await factory.deploy(40n)).waitForDeployment()) as Contract;
      const address = await contract.getAddress();
      await receiptOnNode3(contract.deploymentTransaction()?.hash ?? '');

      const live = new WebSocketProvider(wsUrl(3));
      const { promise: heard, resolve } = Promise.withResolvers<readonly [string, bigint, bigint]>();
      const watched = contract.connect(live) as Contract;
      await watched.on('Increased', (by: string, amount: bigint, count: bigint) => resolve([by, amount, count]));
      const sent = (await contract.getFunction('increase').send(2n)) as { hash: string; wait(): Promise<unknown> };
      expect(await sent.wait()).toMatchObject({ status: 1 });
      expect(await heard).toEqual([wallet.address, 2n, 42n]);
      await watched.removeAllListeners();
      await live.destroy();

      expect(await contract.getFunction('count').staticCall()).toBe(42n);
      const logs = await contract.queryFilter('Increased', 0);
      expect(logs.map((log) => [(log as EventLog).address, (log as EventLog).transactionHash])).toEqual([
        [address, sent.hash],
      ]);
      await expect(contract.getFunction('increase').send(0n)).rejects.toMatchObject({
        code: 'CALL_EXCEPTION',
        reason: 'increase by at least one',
      });
    });
  });

  describe('cast', () => {
    const cast = async (...args: string[]): Promise<string> => {
      const { stdout, stderr } = await run(CAST, args, { env: { ...process.env, ETH_RPC_URL: url() } });
      if (stdout === '') throw new Error(stderr);
      return stdout.trim();
    };
    const send = async (...args: string[]): Promise<Sent> =>
      JSON.parse(await cast('send', '--json', '--private-key', KEYS.cast, ...args)) as Sent;

    it.each([
      ['0x0', ['--legacy']],
      ['0x1', ['--legacy', '--access-list', `[{"address":"${FRIEND}","storageKeys":[]}]`]],
      ['0x2', []],
    ] as const)('sends a transfer of type %s', async (type, flags) => {
      const sent = await send(FRIEND, '--value', '1', ...flags);
      expect(sent).toMatchObject({ status: '0x1', type });
      expect(await receiptOnNode3(sent.transactionHash)).toMatchObject({
        status: '0x1',
        type,
        ...inBlock(sent.blockHash),
      });
    });

    it('sends from an unlocked account', async () => {
      const from = devnet.ready.accounts[4] ?? '';
      const output = await cast('send', '--json', '--unlocked', '--from', from, FRIEND, '--value', '1');
      expect(await receiptOnNode3((JSON.parse(output) as { transactionHash: string }).transactionHash)).toMatchObject({
        from,
      });
    });

    it('deploys a contract, sends to it, reads it, and shows why it reverts', async () => {
      const code = `${counterBytecode()}${'3'.padStart(64, '0')}`;
      const { contractAddress } = await send('--create', code);
      expect(await send(contractAddress, 'increase(uint256)', '4')).toMatchObject({ status: '0x1' });
      expect(await cast('call', contractAddress, 'count()(uint256)')).toBe('7');
      expect(JSON.parse(await cast('logs', '--json', '--from-block', '0', '--address', contractAddress))).toHaveLength(
        1,
      );
      await expect(send(contractAddress, 'increase(uint256)', '0')).rejects.toThrow('increase by at least one');
    });

    it('reads balance, nonce, chain and block', async () => {
      expect(await cast('chain-id')).toBe('31337');
      expect(BigInt(await cast('balance', devnet.ready.accounts[6] ?? ''))).toBe(parseEther('10000'));
      expect(Number(await cast('nonce', devnet.ready.accounts[2] ?? ''))).toBeGreaterThan(0);
      expect(Number(await cast('block-number', 'finalized'))).toBeGreaterThan(0);
      expect(Number(await cast('gas-price'))).toBeGreaterThan(0);
    });
  });
});

function trimmed(value: bigint): Hex {
  const digits = value.toString(16);
  return `0x${digits.length % 2 === 0 ? digits : `0${digits}`}`;
}
