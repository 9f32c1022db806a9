import { describe, expect, it } from 'vitest';
import { encodeBlock, headerHash } from '../../../../src/codec/block.ts';
import { logsBloom } from '../../../../src/codec/bloom.ts';
import { keccak256 } from '../../../../src/crypto/keccak.ts';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import { nextBaseFee } from '../../../../src/execution/fees.ts';
import type { SimulatedCallRequest } from '../../../../src/node/api.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Address, type Hex } from '../../../../src/types/primitives.ts';
import type { Transaction } from '../../../../src/types/transaction.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import { initCode } from '../contracts.ts';
import { advance, balanceOf, ETHER, GAS_LIMIT, GWEI, key, testEnv, testGenesis, word } from '../support.ts';
import { Traffic } from '../traffic.ts';
import { A, B, C, results, returning, simulated } from './support.ts';

const env = testEnv();
const genesis = testGenesis();
const RICH = key(0).address;

function callOf(tx: Transaction): SimulatedCallRequest {
  const { sender: from, to, value, data, nonce, gasLimit, type, accessList, maxFeePerGas, maxPriorityFeePerGas } = tx;
  const fees = type === 2 ? { maxFeePerGas, maxPriorityFeePerGas } : { gasPrice: maxFeePerGas };
  return { from, to, value, data, nonce, gasLimit, type, ...(type !== 0 && { accessList }), ...fees };
}

/** What code that returns one word says when it is called. */
async function seen(opcodes: Hex, options: Parameters<typeof simulated>[1] & { block?: object } = {}): Promise<bigint> {
  const { block = {}, ...rest } = options;
  const [call] = await results([{ block, accounts: [[B, { code: returning(opcodes) }]], calls: [{ to: B }] }], rest);
  return BigInt(toHex(call?.output ?? new Uint8Array(0)));
}

describe('a simulated block', () => {
  it.each([3, 4])(
    'comes to what the real one comes to that has the same transactions, signed (seed %i)',
    async (seed) => {
      const traffic = new Traffic(seed);
      const beneficiary: Address = `0x${'be'.repeat(20)}`;
      let parent = genesis;
      let base: Parameters<typeof simulated>[1] = {};
      for (const transactions of [traffic.deployments(), traffic.next(30), traffic.next(30)]) {
        const timeMs = parent.header.timeMs + 7_000;
        const { executed, after } = await advance(env, parent, { transactions, timeMs, beneficiary });
        const calls = transactions.map(callOf);
        const [block] = await simulated([{ block: { timeMs, beneficiary }, calls }], { ...base, isValidated: true });
        expect(block?.view.receipts()).toEqual(executed.receipts);
        expect(block?.view.block.header).toMatchObject({
          stateRoot: executed.state.root,
          receiptsRoot: executed.receiptsRoot,
          logsBloom: executed.logsBloom,
          gasUsed: executed.gasUsed,
          baseFeePerGas: nextBaseFee(parent.header),
          parentHash: parent.hash,
        });
        expect(block?.calls.map(({ status }) => (status === 'success' ? 1 : 0))).toEqual(
          executed.receipts.map(({ status }) => status),
        );
        parent = after;
        base = { base: after };
      }
    },
  );

  it('stands on the one before, and is hashed and encoded as any other', async () => {
    const calls = [{ from: RICH, to: A, value: 5n }];
    const [first, second] = await simulated([{ calls }, { calls }]);
    expect(first?.view.block.header.parentHash).toBe(genesis.hash);
    expect(second?.view.block.header.parentHash).toBe(first?.view.hash);
    for (const block of [first, second]) {
      const { view } = block ?? {};
      expect(view?.hash).toBe(view && headerHash(view.block.header));
      expect(view?.sizeBytes).toBe(view && encodeBlock(view.block).length);
      expect(view?.block.body.transactions).toEqual(view?.transactions().map(({ raw }) => raw));
      expect(view?.canonical).toBe(false);
    }
    expect(second?.view.block.header.stateRoot).not.toBe(first?.view.block.header.stateRoot);
  });

  it('has what it is not told from the one before, real or not; the base fee is zero', async () => {
    const block = { gasLimit: 123_456, beneficiary: C };
    const [first, second, third] = await simulated([{}, { block }, {}]);
    const { gasLimit, timeMs, beneficiary } = genesis.header;
    expect(first?.view.block.header).toMatchObject({ number: 1, gasLimit, beneficiary, baseFeePerGas: 0n });
    expect(first?.view.block.header.timeMs).toBe(timeMs + 1_000);
    expect(third?.view.block.header).toMatchObject({ number: 3, ...block, timeMs: timeMs + 3_000 });
    expect(second?.view.block.header.extra).toHaveLength(0);
  });

  it('fills what a call leaves out: type 2, the next nonce, the gas that is left, nobody and nothing', async () => {
    const [block] = await simulated([{ calls: [{}, { from: RICH, to: A }, { from: RICH, to: A, gasPrice: 0n }] }]);
    const [empty, transfer, legacy] = block?.view.transactions() ?? [];
    expect(empty).toMatchObject({
      type: 2,
      sender: ZERO_ADDRESS,
      to: null,
      value: 0n,
      gasLimit: GAS_LIMIT,
      chainId: 31_337,
    });
    expect(transfer).toMatchObject({ nonce: 0, gasLimit: GAS_LIMIT - 53_000, r: ZERO_HASH, s: ZERO_HASH, v: 0n });
    expect(legacy).toMatchObject({ type: 0, nonce: 1, gasLimit: GAS_LIMIT - 74_000 });
    expect(transfer?.hash).toBe(keccak256(transfer?.raw ?? new Uint8Array(0)));
    expect(block?.calls.map(({ gasUsed }) => gasUsed)).toEqual([53_000, 21_000, 21_000]);
  });

  it('answers with outputs, refunds and reasons', async () => {
    const accounts = [
      [A, { code: fromHex('0x600060005500'), state: new Map([[word(0), word(1)]]) }],
      [B, { code: fromHex('0x60ff60005360016000fd') }],
      [C, { code: fromHex('0xfe') }],
    ] as const;
    const calls = [{ to: A }, { to: B }, { to: C, gasLimit: 50_000 }];
    const [cleared, reverted, failed] = await results([{ accounts, calls }]);
    expect(cleared).toMatchObject({ status: 'success', gasUsed: 21_206, gasUsedMax: 26_006 });
    expect(reverted).toMatchObject({ status: 'reverted', output: new Uint8Array([0xff]), logs: [] });
    expect(failed).toMatchObject({ status: 'failed', reason: 'invalid opcode', gasUsed: 50_000, gasUsedMax: 50_000 });
  });

  it('creates contracts by the nonce that the sender really has', async () => {
    const calls = [
      { from: RICH, data: initCode('Token', [7n]), nonce: 99 },
      { to: creationAddress(RICH, 0), data: fromHex('0x18160ddd') },
    ];
    const [created, supply] = await results([{ calls }]);
    expect(created?.output.length).toBeGreaterThan(500);
    expect(BigInt(toHex(supply?.output ?? new Uint8Array(0)))).toBe(7n);
  });

  it('lets a contract send, though it has code', async () => {
    const accounts = [[B, { code: fromHex('0x00'), balance: 10n }]] as const;
    const validated = { isValidated: true };
    const calls = [{ from: B, to: C, value: 3n }];
    expect(await results([{ accounts, calls }])).toMatchObject([{ status: 'success' }]);
    const priced = [{ from: B, to: C, value: 3n, maxFeePerGas: 2n * GWEI }];
    const rich = [[B, { code: fromHex('0x00'), balance: ETHER }]] as const;
    expect(await results([{ accounts: rich, calls: priced }], validated)).toMatchObject([{ status: 'success' }]);
  });

  it('leaves nothing behind', async () => {
    const { root } = genesis.state;
    const blocks = [{ accounts: [[A, { balance: 5n }]], calls: [{ from: RICH, to: B, value: 9n }] }] as const;
    const first = await simulated(blocks);
    const second = await simulated(blocks);
    expect(second[0]?.view.hash).toBe(first[0]?.view.hash);
    expect(genesis.state.root).toBe(root);
    expect([balanceOf(genesis.state, A), balanceOf(genesis.state, B)]).toEqual([0n, 0n]);
  });

  it('counts only real logs in bloom and receipts', async () => {
    const accounts = [[B, { code: fromHex('0x60006000a000') }]] as const;
    const calls = [{ from: RICH, to: B, value: 1n }];
    const [block] = await simulated([{ accounts, calls }], { tracesTransfers: true });
    const real = [{ address: B, topics: [], data: '0x' }] as const;
    expect(block?.view.receipts()[0]?.logs).toEqual(real);
    expect(block?.view.block.header.logsBloom).toBe(logsBloom(real));
    expect(block?.calls[0]?.logs).toHaveLength(2);
  });
});

describe('code in it sees', () => {
  const beneficiary: Address = `0x${'99'.repeat(20)}`;
  it.each<[string, Hex, object, bigint]>([
    ['NUMBER', '0x43', { number: 77 }, 77n],
    ['TIMESTAMP', '0x42', { timeMs: 1_900_000_000_000 }, 1_900_000_000n],
    ['GASLIMIT', '0x45', { gasLimit: 77_000_000 }, 77_000_000n],
    ['BASEFEE', '0x48', { baseFeePerGas: 5n }, 5n],
    ['COINBASE', '0x41', { beneficiary }, BigInt(beneficiary)],
    ['PREVRANDAO', '0x44', { prevRandao: word(0x1234) }, 0x1234n],
    ['PREVRANDAO as the parent has it', '0x44', {}, BigInt(keccak256(fromHex(genesis.hash)))],
    ['BASEFEE of nothing', '0x48', {}, 0n],
    ['GASPRICE of nothing', '0x3a', { baseFeePerGas: 5n }, 0n],
  ])('%s', async (_, opcodes, block, value) => {
    expect(await seen(opcodes, { block })).toBe(value);
  });

  it('the hashes of blocks before it: simulated, gaps too, the base, and older ones', async () => {
    const { after } = await advance(env, genesis);
    const hashOf = (number: number): Hex => `0x60${number.toString(16).padStart(2, '0')}40`;
    const read = (number: number): SimulatedCallRequest => ({
      to: `0x${(0xaa00 + number).toString(16).padStart(40, '0')}`,
    });
    const code = [0, 1, 2, 3, 4, 5].map(
      (number) => [read(number).to ?? ZERO_ADDRESS, { code: returning(hashOf(number)) }] as const,
    );
    const calls = [0, 1, 2, 3, 4, 5].map(read);
    const blocks = await simulated([{ accounts: code }, { block: { number: 5 }, calls }], { base: after });
    expect(blocks.map(({ view }) => view.block.header.number)).toEqual([2, 3, 4, 5]);
    const found = blocks.at(-1)?.calls.map(({ output }) => toHex(output));
    const [two, three, four] = blocks.map(({ view }) => view.hash);
    expect(found).toEqual([env.blockHash(0, after.hash), after.hash, two, three, four, ZERO_HASH]);
  });
});

describe('without validation', () => {
  it('nonces do not matter, and go up by one from where they are', async () => {
    const calls = [
      { from: RICH, to: A, nonce: 50 },
      { from: RICH, to: A, nonce: 0 },
      { from: RICH, to: A },
    ];
    const [block] = await simulated([{ calls }]);
    expect(block?.view.transactions().map(({ nonce }) => nonce)).toEqual([50, 0, 2]);
  });

  it('who offers nothing pays nothing, whatever the base fee; who offers something must cover it', async () => {
    const block = { baseFeePerGas: 10n };
    const free = await simulated([{ block, calls: [{ from: A, to: B }] }]);
    expect(free[0]?.view.block.header.baseFeePerGas).toBe(10n);
    expect(free[0]?.view.receipts()[0]?.effectiveGasPrice).toBe(0n);
    const calls = [{ from: RICH, to: B, maxFeePerGas: 9n }];
    await expect(simulated([{ block, calls }])).rejects.toMatchObject({ code: 'SIMULATION_BASE_FEE' });
    const [paid] = await simulated([
      {
        block: { ...block, beneficiary: C },
        calls: [{ from: RICH, to: B, maxFeePerGas: 12n, maxPriorityFeePerGas: 1n }],
      },
    ]);
    expect(paid?.view.receipts()[0]?.effectiveGasPrice).toBe(11n);
  });
});
