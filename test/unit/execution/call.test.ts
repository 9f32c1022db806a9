import { decodeFunctionResult } from 'viem';
import { beforeAll, describe, expect, it } from 'vitest';
import { creationAddress } from '../../../src/execution/apply-transaction.ts';
import { estimateGas, simulate } from '../../../src/execution/call.ts';
import type { ParentState } from '../../../src/execution/execute-block.ts';
import type { CallRequest } from '../../../src/node/api.ts';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { Address } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { abiOf, callData, initCode } from './contracts.ts';
import { advance, ETHER, GWEI, key, nonceOf, signed, testEnv, testGenesis } from './support.ts';

const POOR: Address = `0x${'77'.repeat(20)}`;
const lab = creationAddress(key(0).address, 0);
const token = creationAddress(key(0).address, 1);
const env = testEnv();
let at: ParentState;

beforeAll(async () => {
  const transactions = [
    signed(key(0), { to: null, data: initCode('Lab'), gasLimit: 3_000_000 }),
    signed(key(0), { to: null, data: initCode('Token', [1000n]), gasLimit: 3_000_000, nonce: 1 }),
  ];
  ({ after: at } = await advance(env, testGenesis(), { transactions }));
});

describe('simulate', () => {
  it('answers with the output and changes nothing', async () => {
    const root = at.state.root;
    const from = key(0).address;
    const result = await simulate(env, at, { from, to: token, data: callData('Token', 'transfer', [POOR, 10n]) });
    expect(result).toMatchObject({ status: 'success', reason: null });
    expect(BigInt(toHex(result.output))).toBe(1n);
    expect(result.logs).toHaveLength(1);
    const balance = await simulate(env, at, { to: token, data: callData('Token', 'balanceOf', [POOR]) });
    expect(BigInt(toHex(balance.output))).toBe(0n);
    expect(at.state.root).toBe(root);
  });

  it('gives the reason of a revert, and of a failure', async () => {
    const reverted = await simulate(env, at, { to: lab, data: callData('Lab', 'fail', ['because']) });
    expect(reverted.status).toBe('reverted');
    expect(Buffer.from(reverted.output).toString()).toContain('because');
    const failed = await simulate(env, at, { to: lab, data: callData('Lab', 'burnAll'), gasLimit: 100_000 });
    expect(failed).toMatchObject({ status: 'failed', reason: 'invalid opcode', gasUsed: 100_000 });
  });

  it('needs no code to succeed', async () => {
    expect(await simulate(env, at, { to: POOR })).toMatchObject({ status: 'success', gasUsed: 21_000 });
  });

  it('creates contracts', async () => {
    const { status, output } = await simulate(env, at, { from: key(3).address, data: initCode('Token', [1n]) });
    expect(status).toBe('success');
    expect(output.length).toBeGreaterThan(500);
  });

  it('runs in the context of its block', async () => {
    const { output } = await simulate(env, at, { to: lab, data: callData('Lab', 'entropy') });
    const [random, parent, self] = decodeFunctionResult({
      abi: abiOf('Lab'),
      functionName: 'entropy',
      data: toHex(output),
    }) as [bigint, string, string];
    expect(random).toBe(BigInt(keccak256(fromHex(at.header.parentHash))));
    expect(parent).toBe(env.blockHash(0, at.header.parentHash));
    expect(BigInt(self)).toBe(0n);
  });

  it.for([
    ['EXECUTION_INSUFFICIENT_FUNDS', { from: POOR, to: key(0).address, value: 1n }],
    ['EXECUTION_INSUFFICIENT_FUNDS', { from: POOR, to: lab, gasPrice: 2n * GWEI, gasLimit: 50_000 }],
    ['EXECUTION_INTRINSIC_GAS', { to: lab, gasLimit: 20_000 }],
    ['EXECUTION_FEE', { to: lab, maxFeePerGas: 1n }],
    ['EXECUTION_INIT_CODE', { data: new Uint8Array(49_153) }],
  ] as const)('refuses with %s', async ([code, request]) => {
    await expect(simulate(env, at, request)).rejects.toMatchObject({ code });
  });

  it('stops endless loops at the cap, and lets others run meanwhile', async () => {
    let pauses = 0;
    const pausing = testEnv({ pause: async () => void pauses++ });
    const data = callData('Lab', 'loop', [10n ** 12n]);
    const result = await simulate(pausing, at, { to: lab, data, gasLimit: 3_000_000 });
    expect(result).toMatchObject({ status: 'failed', reason: 'out of gas', gasUsed: 3_000_000 });
    expect(pauses).toBeGreaterThan(0);
  });
});

describe('estimateGas', () => {
  it('knows transfers without running anything', async () => {
    expect(await estimateGas(env, at, { from: key(0).address, to: POOR, value: 1n })).toBe(21_000);
  });

  const requests: [string, () => CallRequest][] = [
    ['a token transfer', () => ({ from: key(0).address, to: token, data: callData('Token', 'transfer', [POOR, 1n]) })],
    ['inner calls that swallow failures', () => ({ to: lab, data: callData('Lab', 'pay', [POOR, 0n]) })],
    ['gas that comes back', () => ({ to: lab, data: callData('Lab', 'flip', [5n]) })],
    ['creation', () => ({ from: key(2).address, data: initCode('Lab') })],
    ['long calldata', () => ({ to: lab, data: callData('Lab', 'note', [1n, toHex(new Uint8Array(2_000).fill(1))]) })],
  ];
  it.for(requests)('finds the least that is enough for %s', async ([, request]) => {
    const call = request();
    const gas = await estimateGas(env, at, call);
    expect(await simulate(env, at, { ...call, gasLimit: gas })).toMatchObject({ status: 'success' });
    const less = await simulate(env, at, { ...call, gasLimit: gas - 1 }).catch(() => ({ status: 'refused' }));
    expect(less.status).not.toBe('success');
  });

  it('is what a transaction then gets by with', async () => {
    const data = callData('Lab', 'make', [1n]);
    const from = key(0).address;
    const gasLimit = await estimateGas(env, at, { from, to: lab, data });
    const nonce = nonceOf(at.state, from);
    const { executed } = await advance(env, at, { transactions: [signed(key(0), { to: lab, data, gasLimit, nonce })] });
    expect(executed.receipts[0]?.status).toBe(1);
  });

  it('carries the output of a revert', async () => {
    const estimate = estimateGas(env, at, { to: lab, data: callData('Lab', 'fail', ['because']) });
    await expect(estimate).rejects.toMatchObject({
      code: 'EXECUTION_REVERTED',
      data: { output: expect.stringMatching(/^0x08c379a0/) },
    });
  });

  it('names any other failure', async () => {
    const estimate = estimateGas(env, at, { to: lab, data: callData('Lab', 'burnAll') });
    await expect(estimate).rejects.toMatchObject({ code: 'EXECUTION_FAILED', data: { reason: 'invalid opcode' } });
  });

  it('stays within what the caller can pay for', async () => {
    const alloc = new Map([[POOR, { balance: 30_000n * GWEI }]]);
    const parent = testGenesis({ alloc });
    const data = initCode('Lab');
    await expect(estimateGas(env, parent, { from: POOR, data, maxFeePerGas: GWEI })).rejects.toMatchObject({
      code: 'EXECUTION_INTRINSIC_GAS',
    });
    expect(await estimateGas(env, parent, { from: POOR, to: key(1).address, maxFeePerGas: GWEI })).toBe(21_000);
    await expect(estimateGas(env, parent, { from: POOR, to: key(1).address, value: ETHER })).rejects.toMatchObject({
      code: 'EXECUTION_INSUFFICIENT_FUNDS',
    });
  });
});
