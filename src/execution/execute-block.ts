import type { StateLayer } from '../state/layer.ts';
import type { Header } from '../types/block.ts';
import type { Evidence } from '../types/evidence.ts';
import type { SignedMessage } from '../types/message.ts';
import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Transaction } from '../types/transaction.ts';
import type { ConsensusState } from '../types/validator.ts';
import { BlockRun } from './block-run.ts';
import type { ExecutionEnv } from './rules.ts';

/** A block and the state after it. */
export type ParentState = {
  readonly header: Header;
  readonly hash: Hash;
  readonly state: StateLayer;
  readonly consensus: ConsensusState;
};

/** What a block decides before its first transaction. */
export type BlockFields = {
  readonly number: number;
  readonly timeMs: number;
  readonly beneficiary: Address;
  /** Who sealed it, as the engine says. */
  readonly author: Address;
  readonly gasLimit: number;
  readonly baseFeePerGas: bigint;
  readonly extra: Bytes;
};

export type BlockInput = BlockFields & {
  readonly transactions: readonly Transaction[];
  readonly evidence: readonly Evidence[];
  /** Part of the block; without effect on the state but for an engine whose validators stake. */
  readonly votes: readonly SignedMessage[];
};

/** What a block comes to. */
export type Executed = {
  readonly state: StateLayer;
  readonly receipts: readonly Receipt[];
  readonly gasUsed: number;
  readonly logsBloom: Hex;
  readonly consensus: ConsensusState;
  readonly receiptsRoot: Hash;
  readonly transactionsRoot: Hash;
  /** Wei. Sum of balances after = before - feesBurned - destroyed + issued. */
  readonly feesBurned: bigint;
  /** Wei that vanished with contracts destroyed by the transaction that had made them, and burned stake. */
  readonly destroyed: bigint;
  /** Wei: the block reward, and rewards to stake. */
  readonly issued: bigint;
};

/**
 * The state transition: a pure function of parent state and block. In order: transactions, evidence, the engine's `advance` (or the
 * settlement of stake), the block reward. It does not compare the header with the parent (number, time, gas limit, base fee) nor the roots with the header; the chain
 * does. Transfers run without an await, so the caller bounds how long the event loop is held by the size of a block.
 *
 * Throws ParleyError BLOCK_TX_* (see InvalidTransactionCode; data.hash), BLOCK_EVIDENCE_INVALID or BLOCK_BENEFICIARY_RESERVED: the
 * block is invalid, on every node and for ever. Any other error is this node's own trouble.
 */
export async function executeBlock(env: ExecutionEnv, parent: ParentState, input: BlockInput): Promise<Executed> {
  const run = new BlockRun(env, parent, input);
  run.punish(input.evidence);
  for (const tx of input.transactions) {
    const running = run.apply(tx);
    if (running !== undefined) await running;
  }
  return run.finish(input.votes);
}
