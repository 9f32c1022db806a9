import { recoverTransaction, signTransaction } from '../../../src/codec/transaction.ts';
import { keccak256, keccak256Bytes } from '../../../src/crypto/keccak.ts';
import { addressOf } from '../../../src/crypto/secp256k1.ts';
import {
  executeBlock,
  type BlockInput,
  type Executed,
  type ParentState,
} from '../../../src/execution/execute-block.ts';
import { nextBaseFee } from '../../../src/execution/fees.ts';
import { buildGenesis, type GenesisSpec } from '../../../src/execution/genesis.ts';
import type { ConsensusRules, ExecutionEnv } from '../../../src/execution/rules.ts';
import type { TransactionSource } from '../../../src/execution/transaction-source.ts';
import type { StateReader } from '../../../src/ports/state.ts';
import { EMPTY_STATE_STORE } from '../../../src/state/empty-store.ts';
import { StateLayer } from '../../../src/state/layer.ts';
import { EMPTY_ROOT } from '../../../src/types/account.ts';
import type { Header } from '../../../src/types/block.ts';
import { type Address, type Bytes, type Hash } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { fromHex } from '../../../src/util/hex.ts';

export const CHAIN_ID = 31337;
export const GAS_LIMIT = 30_000_000;
export const GWEI = 10n ** 9n;
export const ETHER = 10n ** 18n;
export const BENEFICIARY: Address = `0x${'be'.repeat(20)}`;
export const NO_BYTES = new Uint8Array(0);

export type Key = { readonly privateKey: Bytes; readonly address: Address };

export const KEYS: readonly Key[] = Array.from({ length: 12 }, (_, i) => {
  const privateKey = keccak256Bytes(Buffer.from(`execution test ${i}`));
  return { privateKey, address: addressOf(privateKey) };
});

export function key(index: number): Key {
  const found = KEYS[index];
  if (found === undefined) throw new RangeError(`no key ${index}`);
  return found;
}

export function emptyState(): StateLayer {
  return StateLayer.base(EMPTY_STATE_STORE, EMPTY_ROOT);
}

export const idleRules: ConsensusRules = { advance: (before) => before, judge: () => null, blockReward: () => 0n };

export function testEnv(overrides: Partial<ExecutionEnv> = {}): ExecutionEnv {
  return {
    config: { chainId: CHAIN_ID, shard: 0, blockGasLimit: GAS_LIMIT, baseFeeInitial: GWEI },
    rules: idleRules,
    blockHash: (number, parent) => keccak256(Buffer.from(`${number} under ${parent}`)),
    ...overrides,
  };
}

export function testGenesisSpec(overrides: Partial<GenesisSpec> = {}): GenesisSpec {
  return {
    chainId: CHAIN_ID,
    shard: 0,
    timeMs: 1_700_000_000_000,
    gasLimit: GAS_LIMIT,
    baseFee: GWEI,
    alloc: new Map(KEYS.map(({ address }) => [address, { balance: 10_000n * ETHER }])),
    validators: [
      { address: key(0).address, power: 1n, jailed: false },
      { address: key(1).address, power: 1n, jailed: false },
    ],
    engine: { id: 'test', params: { period: 1 } },
    ...overrides,
  };
}

export function testGenesis(overrides: Partial<GenesisSpec> = {}): ParentState {
  const { block, hash, state, consensus } = buildGenesis(testGenesisSpec(overrides), emptyState(), {
    extra: NO_BYTES,
    seal: NO_BYTES,
  });
  return { header: block.header, hash, state, consensus };
}

export function testInput(parent: ParentState, overrides: Partial<BlockInput> = {}): BlockInput {
  return {
    number: parent.header.number + 1,
    timeMs: parent.header.timeMs + 1_500,
    beneficiary: BENEFICIARY,
    author: key(0).address,
    gasLimit: GAS_LIMIT,
    baseFeePerGas: nextBaseFee(parent.header),
    extra: NO_BYTES,
    transactions: [],
    evidence: [],
    votes: [],
    ...overrides,
  };
}

/** Executes and gives the block as the parent of the next. */
export async function advance(
  env: ExecutionEnv,
  parent: ParentState,
  overrides: Partial<BlockInput> = {},
): Promise<{ readonly executed: Executed; readonly after: ParentState }> {
  const input = testInput(parent, overrides);
  const executed = await executeBlock(env, parent, input);
  const header: Header = {
    ...parent.header,
    parentHash: parent.hash,
    beneficiary: input.beneficiary,
    number: input.number,
    timeMs: input.timeMs,
    baseFeePerGas: input.baseFeePerGas,
    gasUsed: executed.gasUsed,
    stateRoot: executed.state.root,
    transactionsRoot: executed.transactionsRoot,
    receiptsRoot: executed.receiptsRoot,
    logsBloom: executed.logsBloom,
  };
  const hash = keccak256(Buffer.from(`${header.number} ${header.stateRoot}`));
  return { executed, after: { header, hash, state: executed.state, consensus: executed.consensus } };
}

/** Signed; a transfer of nothing unless told otherwise. */
export function signed(from: Key, fields: Partial<Transaction>): Transaction {
  const raw = signTransaction(
    {
      type: 2,
      chainId: CHAIN_ID,
      nonce: 0,
      gasLimit: 21_000,
      maxFeePerGas: 100n * GWEI,
      maxPriorityFeePerGas: GWEI,
      to: key(11).address,
      value: 0n,
      data: NO_BYTES,
      accessList: [],
      ...fields,
    },
    from.privateKey,
  );
  return recoverTransaction(raw);
}

export function balanceOf(state: StateReader, address: Address): bigint {
  return state.account(address)?.balance ?? 0n;
}

export function nonceOf(state: StateReader, address: Address): number {
  return state.account(address)?.nonce ?? 0;
}

/** A list, best first, as the pool would serve it. */
export function sourceOf(transactions: readonly Transaction[]): TransactionSource {
  let rest = [...transactions];
  let last: Transaction | null = null;
  return {
    next: () => (last = rest.shift() ?? null),
    skipSender: () => {
      rest = rest.filter((tx) => tx.sender !== last?.sender);
    },
  };
}

export function word(value: number | bigint): Hash {
  return `0x${value.toString(16).padStart(64, '0')}`;
}

/** Init code that deploys `code` (hex, at most 255 bytes): PUSH1 size, DUP1, PUSH1 9, PUSH0, CODECOPY, PUSH0, RETURN. */
export function deployer(code: string): Bytes {
  const size = (code.length / 2).toString(16).padStart(2, '0');
  return fromHex(`0x60${size}8060095f395ff3${code}`);
}
