import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JsonRpcProvider } from 'ethers';
import {
  createPublicClient,
  createWalletClient,
  encodeFunctionData,
  http,
  rpcSchema,
  type Address,
  type Hash,
} from 'viem';
import { foundry } from 'viem/chains';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, ROOT, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { until } from './support/wait.ts';

/** debug_trace… on a network where `debug` is open, by viem, ethers and cast. Its forms are in schemas.test.ts, under every engine. */

const CAST = join(ROOT, 'node_modules/.bin/cast');
const run = promisify(execFile);

type Frame = { readonly type: string; readonly to: Address; readonly input: string; readonly logs: readonly unknown[] };
type Steps = {
  readonly gas: number;
  readonly failed: boolean;
  readonly structLogs: readonly { readonly op: string }[];
};
type Schema = [
  { Method: 'debug_traceTransaction'; Parameters: [Hash, object?]; ReturnType: object },
  { Method: 'debug_traceCall'; Parameters: [object, string, object?]; ReturnType: object },
];

let devnet: RunningDevnet;
let contract: Address;
let called: Hash;
let blockNumber: bigint;

const client = (node: number) =>
  createPublicClient({
    chain: foundry,
    transport: http(devnet.ready.nodes[node]?.rpc ?? ''),
    pollingInterval: 50,
    rpcSchema: rpcSchema<Schema>(),
  });

beforeAll(async () => {
  const config = join(temporaryDir(), 'parley.toml');
  writeFileSync(config, '[rpc]\nnamespaces = ["eth", "net", "web3", "debug"]\n');
  devnet = await startDevnet({ nodes: 2, args: ['--block-time', '300', '--config', config] });
  const account = devnet.ready.accounts[0] as Address;
  const wallet = createWalletClient({ chain: foundry, transport: http(devnet.ready.nodes[0]?.rpc ?? ''), account });
  const deployed = await wallet.deployContract({ abi: COUNTER_ABI, bytecode: counterBytecode(), args: [40n] });
  const { contractAddress } = await client(0).waitForTransactionReceipt({ hash: deployed });
  contract = contractAddress as Address;
  called = await wallet.writeContract({ address: contract, abi: COUNTER_ABI, functionName: 'increase', args: [2n] });
  ({ blockNumber } = await client(0).waitForTransactionReceipt({ hash: called }));
});
afterAll(cleanUp);

it('tells viem what a transaction did, and the same for as long as it is kept', async () => {
  const trace = (node: number, options: object): Promise<unknown> =>
    client(node).request({ method: 'debug_traceTransaction', params: [called, options] });
  const options = { tracer: 'callTracer', tracerConfig: { withLog: true } };
  const frame = (await trace(0, options)) as Frame;
  const input = encodeFunctionData({ abi: COUNTER_ABI, functionName: 'increase', args: [2n] });
  expect(frame).toMatchObject({ type: 'CALL', to: contract, input, value: '0x0' });
  expect(frame.logs).toHaveLength(1);
  const steps = (await trace(0, {})) as Steps;
  const receipt = await client(0).getTransactionReceipt({ hash: called });
  expect(steps).toMatchObject({ gas: Number(receipt.gasUsed), failed: false });
  expect(steps.structLogs.map(({ op }) => op)).toContain('SSTORE');
  await until('the block to be below the finalized one', async () => {
    const { number } = await client(1).getBlock({ blockTag: 'finalized' });
    return number !== null && number > blockNumber + 1n ? number : null;
  });
  expect(await trace(1, options)).toEqual(frame);
  expect(await trace(0, {})).toEqual(steps);
});

it('tells ethers what a call would change', async () => {
  const provider = new JsonRpcProvider(devnet.ready.nodes[0]?.rpc ?? '');
  const data = encodeFunctionData({ abi: COUNTER_ABI, functionName: 'increase', args: [1n] });
  const options = { tracer: 'prestateTracer', tracerConfig: { diffMode: true } };
  const { pre, post } = (await provider.send('debug_traceCall', [{ to: contract, data }, 'latest', options])) as {
    readonly pre: { readonly [address: string]: { readonly storage: object } };
    readonly post: { readonly [address: string]: { readonly storage: object } };
  };
  provider.destroy();
  const [before] = Object.values(pre[contract]?.storage ?? {}) as string[];
  const [after] = Object.values(post[contract]?.storage ?? {}) as string[];
  expect(BigInt(after ?? 0)).toBe(BigInt(before ?? 0) + 1n);
});

it('answers cast', async () => {
  const url = devnet.ready.nodes[0]?.rpc ?? '';
  const options = JSON.stringify({ tracer: '4byteTracer' });
  const { stdout } = await run(CAST, ['rpc', '--rpc-url', url, 'debug_traceTransaction', called, options]);
  const selector = encodeFunctionData({ abi: COUNTER_ABI, functionName: 'increase', args: [2n] }).slice(0, 10);
  expect(JSON.parse(stdout)).toEqual({ [`${selector}-32`]: 1 });
});
