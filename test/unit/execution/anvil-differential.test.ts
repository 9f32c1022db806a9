import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Executed } from '../../../src/execution/execute-block.ts';
import { nextBaseFee } from '../../../src/execution/fees.ts';
import { EMPTY_CODE_HASH } from '../../../src/types/account.ts';
import type { Address, Hash, Hex } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { toHex } from '../../../src/util/hex.ts';
import { Anvil } from './anvil.ts';
import {
  advance,
  balanceOf,
  BENEFICIARY,
  CHAIN_ID,
  ETHER,
  GAS_LIMIT,
  GWEI,
  KEYS,
  nonceOf,
  testEnv,
  testGenesis,
  word,
} from './support.ts';
import { Traffic } from './traffic.ts';

/** The same transactions here and in Anvil: receipts, roots, balances, nonces, code and storage must agree. */

const SEEDS = [20_261_123, 7, 8];
const BLOCKS = 5;
const TRANSACTIONS_PER_BLOCK = 60;
const TIMEOUT_MS = 120_000;

type AnvilBlock = {
  readonly timestamp: Hex;
  readonly baseFeePerGas: Hex;
  readonly gasUsed: Hex;
  readonly receiptsRoot: Hash;
  readonly transactionsRoot: Hash;
  readonly logsBloom: Hex;
};
type AnvilReceipt = {
  readonly transactionHash: Hash;
  readonly status: Hex;
  readonly type: Hex;
  readonly gasUsed: Hex;
  readonly cumulativeGasUsed: Hex;
  readonly effectiveGasPrice: Hex;
  readonly contractAddress: Address | null;
  readonly logsBloom: Hex;
  readonly logs: readonly { readonly address: Address; readonly topics: readonly Hash[]; readonly data: Hex }[];
};

let anvil: Anvil | null = null;

beforeAll(async () => {
  const fees = ['--gas-limit', String(GAS_LIMIT), '--block-base-fee-per-gas', String(GWEI)];
  anvil = await Anvil.start(['--hardfork', 'prague', '--chain-id', String(CHAIN_ID), ...fees]);
  if (anvil === null) return;
  for (const { address } of KEYS) await anvil.call('anvil_setBalance', [address, toQuantity(10_000n * ETHER)]);
  await anvil.call('anvil_setCoinbase', [BENEFICIARY]);
}, TIMEOUT_MS);

afterAll(() => anvil?.stop());

describe('the same blocks in Anvil', () => {
  it.for(SEEDS)(
    'have the same receipts, roots and accounts (seed %i)',
    { timeout: TIMEOUT_MS },
    async (seed, context) => {
      if (anvil === null) return context.skip('anvil does not start here');
      const snapshot = await anvil.call<Hex>('evm_snapshot', []);
      await compareBlocks(anvil, new Traffic(seed));
      await anvil.call('evm_revert', [snapshot]);
    },
  );
});

async function compareBlocks(node: Anvil, traffic: Traffic): Promise<void> {
  const first = await node.call<AnvilBlock>('eth_getBlockByNumber', ['0x0', false]);
  let parent = testGenesis({ timeMs: Number(first.timestamp) * 1000, baseFee: BigInt(first.baseFeePerGas) });
  for (let number = 1; number <= BLOCKS; number++) {
    const transactions = number === 1 ? traffic.deployments() : traffic.next(TRANSACTIONS_PER_BLOCK);
    const timestamp = Number(first.timestamp) + number * 7;
    const theirs = await mine(node, transactions, timestamp);
    // Anvil's first block has the same base fee as its genesis; from there on EIP-1559 holds.
    const baseFeePerGas = number === 1 ? BigInt(theirs.baseFeePerGas) : nextBaseFee(parent.header);
    const input = { transactions, baseFeePerGas, timeMs: timestamp * 1000 + 321 };
    const { executed, after } = await advance(testEnv(), parent, input);
    expect(BigInt(theirs.baseFeePerGas)).toBe(baseFeePerGas);
    await compareReceipts(node, transactions, executed);
    expect(executed.gasUsed).toBe(Number(theirs.gasUsed));
    expect(executed.logsBloom).toBe(theirs.logsBloom);
    expect(executed.transactionsRoot).toBe(theirs.transactionsRoot);
    expect(executed.receiptsRoot).toBe(theirs.receiptsRoot);
    await compareState(node, executed, traffic);
    parent = after;
  }
}

async function mine(node: Anvil, transactions: readonly Transaction[], timestamp: number): Promise<AnvilBlock> {
  for (const tx of transactions) await node.call('eth_sendRawTransaction', [toHex(tx.raw)]);
  await node.call('evm_setNextBlockTimestamp', [timestamp]);
  await node.call('evm_mine', []);
  return node.call('eth_getBlockByNumber', ['latest', false]);
}

async function compareReceipts(node: Anvil, transactions: readonly Transaction[], executed: Executed): Promise<void> {
  const theirs = await node.call<AnvilReceipt[]>('eth_getBlockReceipts', ['latest']);
  const ours = executed.receipts.map((receipt, index) => ({
    hash: transactions[index]?.hash,
    type: receipt.type,
    status: receipt.status,
    gasUsed: receipt.gasUsed,
    cumulativeGasUsed: receipt.cumulativeGasUsed,
    effectiveGasPrice: receipt.effectiveGasPrice,
    contractAddress: receipt.contractAddress,
    logsBloom: receipt.logsBloom,
    logs: receipt.logs,
  }));
  const expected = theirs.map((receipt) => ({
    hash: receipt.transactionHash,
    type: Number(receipt.type),
    status: Number(receipt.status),
    gasUsed: Number(receipt.gasUsed),
    cumulativeGasUsed: Number(receipt.cumulativeGasUsed),
    effectiveGasPrice: BigInt(receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress,
    logsBloom: receipt.logsBloom,
    logs: receipt.logs.map(({ address, topics, data }) => ({ address, topics, data })),
  }));
  expect(ours).toEqual(expected);
}

async function compareState(node: Anvil, { state }: Executed, traffic: Traffic): Promise<void> {
  for (const address of traffic.touched) {
    const [balance, nonce, code] = await Promise.all([
      node.call<Hex>('eth_getBalance', [address, 'latest']),
      node.call<Hex>('eth_getTransactionCount', [address, 'latest']),
      node.call<Hex>('eth_getCode', [address, 'latest']),
    ]);
    const ours = state.account(address);
    expect({ address, balance: balanceOf(state, address) }).toEqual({ address, balance: BigInt(balance) });
    expect({ address, nonce: nonceOf(state, address) }).toEqual({ address, nonce: Number(nonce) });
    expect(toHex(state.code(ours?.codeHash ?? EMPTY_CODE_HASH) ?? Buffer.alloc(0))).toBe(code);
  }
  for (const lab of traffic.labs) {
    for (const slot of [1, 2]) {
      expect(state.storage(lab, word(slot))).toBe(
        await node.call<Hash>('eth_getStorageAt', [lab, word(slot), 'latest']),
      );
    }
  }
}

function toQuantity(value: bigint): Hex {
  return `0x${value.toString(16)}`;
}
