/**
 * One transaction on a state overlay.
 *
 * A transfer to an account without code is three account writes, synchronously: nothing is checkpointed, as it cannot fail once it is
 * valid. Anything else goes through the EVM and is awaited.
 *
 * The base fee is burned (nobody is credited); what the sender pays above it goes to the beneficiary. Accounts that are left empty do
 * not exist (EIP-161).
 */
import { encodeRlp, encodeUint } from '../codec/rlp.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { StateOverlay } from '../state/overlay.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, type Account } from '../types/account.ts';
import type { Address } from '../types/primitives.ts';
import type { Log } from '../types/receipt.ts';
import type { Transaction } from '../types/transaction.ts';
import { errorText, ParleyError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import type { Evm, EvmOutcome } from './evm.ts';
import { observePlainCall, type EvmObserver } from './evm-observer.ts';
import { calldataFloorGas, effectiveGasPrice, intrinsicGas, REFUND_QUOTIENT } from './fees.ts';
import { INIT_CODE_SIZE_BYTES_MAX, NONCE_MAX, type BlockContext } from './rules.ts';
import { isNativeAddress } from './system-contracts.ts';

export type TransactionContext = {
  readonly chainId: number;
  readonly block: BlockContext;
  readonly overlay: StateOverlay;
  /** Of the same block and overlay. */
  readonly evm: Evm;
  readonly simulation?: Simulation;
};

/** What is different for transactions that nobody signed. Their senders may have code. */
export type Simulation = {
  /** Nonces are not looked at, and who offers nothing for gas pays nothing. */
  readonly isLenient: boolean;
  /** Where native code was moved to (see ExecutionEnv.movedNatives). */
  readonly natives: ReadonlySet<Address>;
};

export type AppliedTransaction = {
  readonly status: 0 | 1;
  readonly gasUsed: number;
  readonly effectiveGasPrice: bigint;
  readonly logs: readonly Log[];
  /** Where a creation put its contract, or would have: failed ones have one too. */
  readonly contractAddress: Address | null;
  /** Coins that vanished with destroyed contracts, in wei. */
  readonly destroyed: bigint;
  /** null: a transfer, which runs nothing. */
  readonly outcome: EvmOutcome | null;
};

/** Why a transaction cannot be in a block at this place. Each says whether the sender's later ones may still fit. */
export type InvalidTransactionCode =
  /** Wrong for ever: chain id, shape. */
  | 'BLOCK_TX_CHAIN'
  | 'BLOCK_TX_INIT_CODE'
  /** The gas limit is below the intrinsic gas. */
  | 'BLOCK_TX_INTRINSIC_GAS'
  /** Already used: the sender's next may fit. */
  | 'BLOCK_TX_NONCE_LOW'
  | 'BLOCK_TX_NONCE_HIGH'
  /** The sender cannot pay gas limit times maximum fee plus value. */
  | 'BLOCK_TX_FUNDS'
  /** The fee cap is below the base fee, or below the tip. */
  | 'BLOCK_TX_FEE'
  /** The gas limit is above what the block has left. */
  | 'BLOCK_TX_GAS'
  /** EIP-3607: the sender has code. */
  | 'BLOCK_TX_SENDER_CODE'
  /** The EVM broke down on it. */
  | 'BLOCK_TX_EXECUTION';

const NO_LOGS: readonly Log[] = [];

/**
 * Throws ParleyError with an InvalidTransactionCode and leaves the overlay as it was. `gasAvailable`: what the block has left.
 * `observer`: watches it run.
 */
export function applyTransaction(
  context: TransactionContext,
  tx: Transaction,
  gasAvailable: number,
  observer?: EvmObserver,
): AppliedTransaction | Promise<AppliedTransaction> {
  const { overlay, block } = context;
  const sender = overlay.account(tx.sender) ?? EMPTY_ACCOUNT;
  const gasBeforeRun = intrinsicGas(tx);
  const gasUsedMin = Math.max(gasBeforeRun, calldataFloorGas(tx.data));
  checkStateless(context, tx, gasUsedMin, gasAvailable);
  checkSender(context, tx, sender);
  const gasPrice = effectiveGasPrice(tx, block.baseFeePerGas);
  if (tx.to !== null && !isNativeAddress(tx.to)) {
    const recipient = overlay.account(tx.to);
    const hasCode = recipient !== undefined && recipient.codeHash !== EMPTY_CODE_HASH;
    if (!hasCode && context.simulation?.natives.has(tx.to) !== true) {
      if (observer !== undefined) observeTransfer(observer, tx, tx.to, gasBeforeRun);
      return transfer(context, tx, tx.to, sender, gasUsedMin, gasPrice);
    }
  }
  return runCode(context, tx, sender, { gasBeforeRun, gasPrice, observer });
}

function checkStateless(context: TransactionContext, tx: Transaction, gasUsedMin: number, gasAvailable: number): void {
  if (tx.chainId !== null && tx.chainId !== context.chainId) {
    throw invalid('BLOCK_TX_CHAIN', tx, `it is for chain ${tx.chainId}, this is ${context.chainId}`);
  }
  if (tx.to === null && tx.data.length > INIT_CODE_SIZE_BYTES_MAX) {
    throw invalid('BLOCK_TX_INIT_CODE', tx, `its init code is above ${INIT_CODE_SIZE_BYTES_MAX} bytes`);
  }
  if (tx.gasLimit < gasUsedMin) {
    throw invalid('BLOCK_TX_INTRINSIC_GAS', tx, `its gas limit is ${tx.gasLimit}, it needs ${gasUsedMin}`);
  }
  if (tx.gasLimit > gasAvailable) {
    throw invalid('BLOCK_TX_GAS', tx, `its gas limit is ${tx.gasLimit}, the block has ${gasAvailable} left`);
  }
  if (tx.maxFeePerGas < context.block.baseFeePerGas && !isFree(context, tx)) {
    throw invalid('BLOCK_TX_FEE', tx, `its fee cap is ${tx.maxFeePerGas}, the base fee ${context.block.baseFeePerGas}`);
  }
  if (tx.maxPriorityFeePerGas > tx.maxFeePerGas) {
    throw invalid('BLOCK_TX_FEE', tx, 'its priority fee is above its fee cap');
  }
}

function isFree({ simulation }: TransactionContext, tx: Transaction): boolean {
  return simulation?.isLenient === true && tx.maxFeePerGas === 0n;
}

function checkSender({ simulation }: TransactionContext, tx: Transaction, sender: Account): void {
  if (tx.nonce !== sender.nonce && simulation?.isLenient !== true) {
    const code = tx.nonce < sender.nonce ? 'BLOCK_TX_NONCE_LOW' : 'BLOCK_TX_NONCE_HIGH';
    throw invalid(code, tx, `its nonce is ${tx.nonce}, the sender is at ${sender.nonce}`);
  }
  if (tx.nonce >= NONCE_MAX || sender.nonce >= NONCE_MAX) {
    throw invalid('BLOCK_TX_NONCE_HIGH', tx, `its nonce is ${tx.nonce}, the sender is at ${sender.nonce}`);
  }
  if (sender.codeHash !== EMPTY_CODE_HASH && simulation === undefined) {
    throw invalid('BLOCK_TX_SENDER_CODE', tx, 'its sender is a contract');
  }
  if (sender.balance < BigInt(tx.gasLimit) * tx.maxFeePerGas + tx.value) {
    throw invalid('BLOCK_TX_FUNDS', tx, `its sender has ${sender.balance} wei, gas and value may cost more`);
  }
}

function transfer(
  context: TransactionContext,
  tx: Transaction,
  to: Address,
  sender: Account,
  gasUsed: number,
  gasPrice: bigint,
): AppliedTransaction {
  const { overlay } = context;
  overlay.setAccount(tx.sender, {
    nonce: sender.nonce + 1,
    balance: sender.balance - tx.value - BigInt(gasUsed) * gasPrice,
    storageRoot: sender.storageRoot,
    codeHash: sender.codeHash,
  });
  credit(overlay, to, tx.value);
  payTip(context, gasUsed, gasPrice);
  return {
    status: 1,
    gasUsed,
    effectiveGasPrice: gasPrice,
    logs: NO_LOGS,
    contractAddress: null,
    destroyed: 0n,
    outcome: null,
  };
}

function observeTransfer(observer: EvmObserver, tx: Transaction, to: Address, gasBeforeRun: number): void {
  const { sender: from, value, data: input, gasLimit } = tx;
  observePlainCall(observer, { kind: 'CALL', from, to, value, input, gasLimit: gasLimit - gasBeforeRun });
}

type CodeRun = {
  readonly gasBeforeRun: number;
  readonly gasPrice: bigint;
  readonly observer: EvmObserver | undefined;
};

async function runCode(
  context: TransactionContext,
  tx: Transaction,
  sender: Account,
  { gasBeforeRun, gasPrice, observer }: CodeRun,
): Promise<AppliedTransaction> {
  const { overlay } = context;
  overlay.checkpoint();
  try {
    overlay.setAccount(tx.sender, { ...sender, balance: sender.balance - BigInt(tx.gasLimit) * gasPrice });
    const outcome = await context.evm.run({
      caller: tx.sender,
      to: tx.to,
      value: tx.value,
      data: tx.data,
      gasLimit: tx.gasLimit - gasBeforeRun,
      gasPrice,
      accessList: tx.accessList,
      observer,
    });
    const gasUsed = gasAfterRefund(tx, gasBeforeRun + outcome.gasUsed, outcome.gasRefund);
    credit(overlay, tx.sender, BigInt(tx.gasLimit - gasUsed) * gasPrice);
    payTip(context, gasUsed, gasPrice);
    overlay.commit();
    return {
      status: outcome.status === 'success' ? 1 : 0,
      gasUsed,
      effectiveGasPrice: gasPrice,
      logs: outcome.logs,
      contractAddress: tx.to === null ? creationAddress(tx.sender, sender.nonce) : null,
      destroyed: outcome.destroyed,
      outcome,
    };
  } catch (error) {
    overlay.revert();
    throw asInvalid(tx, error);
  }
}

/** Yellow paper §7: the last 20 bytes of keccak256(rlp([sender, nonce])). */
export function creationAddress(sender: Address, nonce: number): Address {
  return `0x${keccak256(encodeRlp([fromHex(sender), encodeUint(nonce)])).slice(26)}`;
}

/** EIP-3529 caps the refund, EIP-7623 puts a floor under what is left. */
export function gasAfterRefund(tx: Pick<Transaction, 'data'>, gasUsed: number, gasRefund: bigint): number {
  const refundMax = BigInt(gasUsed) / REFUND_QUOTIENT;
  const refund = gasRefund < refundMax ? gasRefund : refundMax;
  return Math.max(gasUsed - Number(refund), calldataFloorGas(tx.data));
}

/** Adds to a balance. Nothing is nothing: it does not bring an account into being. */
export function credit(overlay: StateOverlay, address: Address, amount: bigint): void {
  if (amount === 0n) return;
  const account = overlay.account(address) ?? EMPTY_ACCOUNT;
  overlay.setAccount(address, {
    nonce: account.nonce,
    balance: account.balance + amount,
    storageRoot: account.storageRoot,
    codeHash: account.codeHash,
  });
}

/** Nothing where gas is free. */
function payTip({ overlay, block }: TransactionContext, gasUsed: number, gasPrice: bigint): void {
  const tip = gasPrice - block.baseFeePerGas;
  if (tip > 0n) credit(overlay, block.beneficiary, BigInt(gasUsed) * tip);
}

function invalid(code: InvalidTransactionCode, tx: Transaction, why: string): ParleyError {
  return new ParleyError(code, `transaction ${tx.hash} cannot be in this block: ${why}`, { hash: tx.hash });
}

/**
 * A failure of the disk has a code and says nothing about the transaction. What has none comes from the EVM library, in which case it
 * comes on every node.
 */
function asInvalid(tx: Transaction, error: unknown): unknown {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error;
  return invalid('BLOCK_TX_EXECUTION', tx, `the EVM broke down on it (${errorText(error)})`);
}
