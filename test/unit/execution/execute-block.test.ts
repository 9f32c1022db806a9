import { describe, expect, it } from 'vitest';
import { EMPTY_BLOOM } from '../../../src/codec/bloom.ts';
import { executeBlock } from '../../../src/execution/execute-block.ts';
import { EMPTY_ROOT } from '../../../src/types/account.ts';
import type { Address } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import {
  advance,
  balanceOf,
  BENEFICIARY,
  ETHER,
  GWEI,
  idleRules,
  key,
  nonceOf,
  signed,
  testEnv,
  testGenesis,
  testInput,
  word,
} from './support.ts';

const FRESH: Address = `0x${'f5'.repeat(20)}`;
const RESERVED: Address = `0x${'0'.repeat(36)}1001`;
const parent = testGenesis();

async function run(transactions: readonly Transaction[], from = parent, beneficiary = BENEFICIARY) {
  return (await advance(testEnv(), from, { transactions, beneficiary })).executed;
}

describe('transfers', () => {
  it('move value, burn the base fee and pay the tip', async () => {
    const { state, receipts, feesBurned, gasUsed } = await run([signed(key(0), { to: FRESH, value: 5n })]);
    const baseFee = (GWEI * 7n) / 8n;
    expect(balanceOf(state, FRESH)).toBe(5n);
    expect(balanceOf(state, BENEFICIARY)).toBe(21_000n * GWEI);
    expect(balanceOf(state, key(0).address)).toBe(10_000n * ETHER - 5n - 21_000n * (baseFee + GWEI));
    expect(feesBurned).toBe(21_000n * baseFee);
    expect(gasUsed).toBe(21_000);
    expect(receipts).toEqual([
      {
        type: 2,
        status: 1,
        cumulativeGasUsed: 21_000,
        gasUsed: 21_000,
        logs: [],
        logsBloom: EMPTY_BLOOM,
        effectiveGasPrice: baseFee + GWEI,
        contractAddress: null,
      },
    ]);
  });

  it('run without yielding', async () => {
    let finished = false;
    const rules = { ...idleRules, blockReward: () => ((finished = true), 0n) };
    const transactions = [signed(key(0), {}), signed(key(1), {})];
    const running = executeBlock(testEnv({ rules }), parent, testInput(parent, { transactions }));
    expect(finished).toBe(true);
    expect((await running).gasUsed).toBe(42_000);
  });

  it('to oneself cost the fee only', async () => {
    const { state } = await run([signed(key(0), { to: key(0).address, value: ETHER })]);
    const fee = 21_000n * (GWEI + (GWEI * 7n) / 8n);
    expect(balanceOf(state, key(0).address)).toBe(10_000n * ETHER - fee);
    expect(nonceOf(state, key(0).address)).toBe(1);
  });

  it.for([
    ['the sender', 0],
    ['the recipient', 11],
  ] as const)('keep books when %s is the beneficiary', async ([, index]) => {
    const { state, feesBurned } = await run([signed(key(0), { value: 7n })], parent, key(index).address);
    const sum = balanceOf(state, key(0).address) + balanceOf(state, key(11).address);
    expect(sum).toBe(20_000n * ETHER - feesBurned);
  });

  it('of nothing to nobody leave no account behind (EIP-161)', async () => {
    const { state } = await run([signed(key(0), { to: FRESH })]);
    expect(state.account(FRESH)).toBeUndefined();
  });

  it('with data pay for it, at least the floor of EIP-7623', async () => {
    const { receipts } = await run([signed(key(0), { data: new Uint8Array(100).fill(1), gasLimit: 100_000 })]);
    expect(receipts[0]?.gasUsed).toBe(21_000 + 100 * 4 * 10);
  });

  it('to system addresses revert and keep the value', async () => {
    const { state, receipts } = await run([signed(key(0), { to: RESERVED, value: ETHER, gasLimit: 50_000 })]);
    expect(receipts[0]).toMatchObject({ status: 0, gasUsed: 21_000 });
    expect(balanceOf(state, RESERVED)).toBe(0n);
  });
});

describe('invalid transactions', () => {
  const contract: Address = key(5).address;
  const withCode = testGenesis({ alloc: new Map([[contract, { balance: ETHER, code: Uint8Array.of(0) }]]) });
  const cases: [string, Transaction, string][] = [
    ['another chain', signed(key(0), { chainId: 1 }), 'BLOCK_TX_CHAIN'],
    ['a gap in the nonces', signed(key(0), { nonce: 1 }), 'BLOCK_TX_NONCE_HIGH'],
    ['too little gas', signed(key(0), { gasLimit: 20_999 }), 'BLOCK_TX_INTRINSIC_GAS'],
    [
      'too little gas for the calldata floor',
      signed(key(0), { gasLimit: 22_000, data: new Uint8Array(40).fill(1) }),
      'BLOCK_TX_INTRINSIC_GAS',
    ],
    ['more gas than the block has', signed(key(0), { gasLimit: 30_000_001 }), 'BLOCK_TX_GAS'],
    ['a fee below the base fee', signed(key(0), { maxFeePerGas: 1n, maxPriorityFeePerGas: 0n }), 'BLOCK_TX_FEE'],
    ['more value than there is', signed(key(0), { value: 10_000n * ETHER }), 'BLOCK_TX_FUNDS'],
    [
      'long init code',
      signed(key(0), { to: null, gasLimit: 9_000_000, data: new Uint8Array(49_153) }),
      'BLOCK_TX_INIT_CODE',
    ],
  ];

  it.for(cases)('%s', async ([, tx, code]) => {
    await expect(run([tx])).rejects.toMatchObject({ code, data: { hash: tx.hash } });
  });

  it('a nonce already used', async () => {
    await expect(run([signed(key(0), {}), signed(key(0), {})])).rejects.toMatchObject({ code: 'BLOCK_TX_NONCE_LOW' });
  });

  it('a sender with code (EIP-3607)', async () => {
    await expect(run([signed(key(5), {})], withCode)).rejects.toMatchObject({ code: 'BLOCK_TX_SENDER_CODE' });
  });

  it('a system address as beneficiary', async () => {
    await expect(run([], parent, RESERVED)).rejects.toMatchObject({ code: 'BLOCK_BENEFICIARY_RESERVED' });
  });
});

describe('blocks', () => {
  it('without transactions change nothing and have empty roots', async () => {
    const { state, transactionsRoot, receiptsRoot, logsBloom, gasUsed } = await run([]);
    expect([state.root, transactionsRoot, receiptsRoot]).toEqual([parent.header.stateRoot, EMPTY_ROOT, EMPTY_ROOT]);
    expect([logsBloom, gasUsed]).toEqual([EMPTY_BLOOM, 0]);
  });

  it('pay the reward of their height', async () => {
    const env = testEnv({ rules: { ...idleRules, blockReward: (height) => BigInt(height) * ETHER } });
    const first = await advance(env, parent);
    const second = await advance(env, first.after);
    expect(second.executed.issued).toBe(2n * ETHER);
    expect(balanceOf(second.executed.state, BENEFICIARY)).toBe(3n * ETHER);
  });

  it('keep accounts of other blocks apart', async () => {
    const a = await run([signed(key(0), { value: 1n })]);
    const b = await run([signed(key(0), { value: 2n })]);
    expect(balanceOf(a.state, key(11).address) + 1n).toBe(balanceOf(b.state, key(11).address));
    expect(a.state.storage(RESERVED, word(0))).toBe(parent.state.storage(RESERVED, word(0)));
  });
});
