import { EMPTY_CONSENSUS_ROOT, encodeBlock, headerHash } from '../../codec/block.ts';
import { orBlooms } from '../../codec/bloom.ts';
import { encodeReceipt } from '../../codec/receipt.ts';
import type { BlockView, SimulatedBlockRequest, SimulatedCall, SimulatedCallRequest } from '../../node/api.ts';
import { orderedTrieRoot } from '../../state/ordered-root.ts';
import type { StateLayer } from '../../state/layer.ts';
import { StateOverlay } from '../../state/overlay.ts';
import type { Block, Header } from '../../types/block.ts';
import { ZERO_ADDRESS, type Hash } from '../../types/primitives.ts';
import type { Receipt } from '../../types/receipt.ts';
import type { Transaction } from '../../types/transaction.ts';
import { applyTransaction, type AppliedTransaction, type TransactionContext } from '../apply-transaction.ts';
import { receiptOf } from '../block-run.ts';
import { Evm } from '../evm.ts';
import { intrinsicGas, minimumGasLimit, nextBaseFee } from '../fees.ts';
import { overrideAccounts } from '../overrides.ts';
import type { BlockContext, ExecutionEnv } from '../rules.ts';
import { isReservedAddress } from '../system-contracts.ts';
import type { NumberedBlock } from './block-sequence.ts';
import type { Budget } from './budget.ts';
import { movedPrecompiles } from './moved-precompiles.ts';
import { simulatedTransaction } from './simulated-transaction.ts';
import { simulationError } from './simulation-error.ts';
import { TransferLogs } from './transfer-logs.ts';

/** A block, real or simulated, and the state after it. */
export type SimulationBase = { readonly header: Header; readonly hash: Hash; readonly state: StateLayer };

export type SimulatedRunOptions = {
  readonly isValidated: boolean;
  readonly tracesTransfers: boolean;
  readonly budget: Budget;
};

const NOTHING = new Uint8Array(0);
const NO_OVERRIDES: SimulatedBlockRequest = { block: {}, accounts: new Map(), calls: [] };

/** One simulated block: calls one by one, then `finish`. */
export class SimulatedRun {
  readonly #parent: SimulationBase;
  readonly #options: SimulatedRunOptions;
  readonly #overlay: StateOverlay;
  readonly #context: TransactionContext;
  readonly #transactions: Transaction[] = [];
  readonly #receipts: Receipt[] = [];
  #gasUsed = 0;

  /** Throws ParleyError SIMULATION_BENEFICIARY or as `movedPrecompiles`. */
  constructor(env: ExecutionEnv, parent: SimulationBase, block: NumberedBlock, options: SimulatedRunOptions) {
    const { accounts } = block.request ?? NO_OVERRIDES;
    const movedNatives = movedPrecompiles(accounts);
    this.#parent = parent;
    this.#options = options;
    this.#overlay = new StateOverlay(parent.state);
    overrideAccounts(this.#overlay, accounts);
    const context = contextOf(parent, block, options.isValidated);
    this.#context = {
      chainId: env.config.chainId,
      block: context,
      overlay: this.#overlay,
      evm: new Evm(movedNatives.size === 0 ? env : { ...env, movedNatives }, context, this.#overlay),
      simulation: { isLenient: !options.isValidated, natives: destinationsOf(movedNatives) },
    };
  }

  /** Throws ParleyError SIMULATION_BLOCK_GAS, SIMULATION_LIMIT, or as `applyTransaction`; CodecError as `simulatedTransaction`. */
  async apply(call: SimulatedCallRequest): Promise<SimulatedCall> {
    const tx = this.#transactionOf(call);
    const transfers = this.#options.tracesTransfers ? new TransferLogs() : undefined;
    const applying = applyTransaction(this.#context, tx, this.#gasLeft, transfers);
    const applied = applying instanceof Promise ? await applying : applying;
    const result = resultOf(tx, applied, transfers?.logs ?? applied.logs);
    // Before so many logs are hashed into a bloom.
    this.#options.budget.take(result);
    this.#gasUsed += applied.gasUsed;
    this.#transactions.push(tx);
    this.#receipts.push(receiptOf(tx, applied, this.#gasUsed));
    return result;
  }

  /** No reward is paid, nothing settled, and no seal made. */
  finish(): { readonly made: SimulationBase; readonly view: BlockView } {
    const { number, timeMs, beneficiary, gasLimit, baseFeePerGas, parentHash } = this.#context.block;
    const [transactions, receipts] = [this.#transactions, this.#receipts];
    const state = this.#parent.state.child(this.#overlay.diff());
    const raws = transactions.map(({ raw }) => raw);
    const header: Header = {
      parentHash,
      beneficiary,
      stateRoot: state.root,
      transactionsRoot: orderedTrieRoot(raws),
      receiptsRoot: orderedTrieRoot(receipts.map(encodeReceipt)),
      logsBloom: orBlooms(receipts.map(({ logsBloom }) => logsBloom)),
      number,
      gasLimit,
      gasUsed: this.#gasUsed,
      timeMs,
      baseFeePerGas,
      consensusRoot: EMPTY_CONSENSUS_ROOT,
      extra: NOTHING,
      seal: NOTHING,
    };
    const block: Block = { header, body: { transactions: raws, evidence: [], votes: [] } };
    const hash = headerHash(header);
    return { made: { header, hash, state }, view: viewOf(hash, block, transactions, receipts) };
  }

  get #gasLeft(): number {
    return this.#context.block.gasLimit - this.#gasUsed;
  }

  #transactionOf(call: SimulatedCallRequest): Transaction {
    const { from = ZERO_ADDRESS, to = null, data = NOTHING, accessList = [] } = call;
    const gasLeft = this.#gasLeft;
    const gasMin = minimumGasLimit({ to, data, accessList });
    const wanted = call.gasLimit ?? gasLeft;
    if (wanted > gasLeft || (call.gasLimit === undefined && gasLeft < gasMin)) {
      const needed = Math.max(gasMin, wanted);
      throw simulationError('SIMULATION_BLOCK_GAS', `the block has ${gasLeft} gas left, the call needs ${needed}`);
    }
    return simulatedTransaction(call, {
      chainId: this.#context.chainId,
      nonce: call.nonce ?? this.#overlay.account(from)?.nonce ?? 0,
      gasLimit: this.#options.budget.gasLimit(wanted, gasMin),
    });
  }
}

function contextOf({ header, hash }: SimulationBase, numbered: NumberedBlock, isValidated: boolean): BlockContext {
  const { number, timeMs, request } = numbered;
  const {
    beneficiary = header.beneficiary,
    gasLimit = header.gasLimit,
    baseFeePerGas,
    prevRandao,
  } = request?.block ?? {};
  if (isReservedAddress(beneficiary)) {
    throw simulationError('SIMULATION_BENEFICIARY', `${beneficiary} is a system address and cannot be paid`);
  }
  return {
    number,
    timeMs,
    beneficiary,
    gasLimit,
    baseFeePerGas: baseFeePerGas ?? (isValidated ? nextBaseFee(header) : 0n),
    parentHash: hash,
    ...(prevRandao !== undefined && { prevRandao }),
  };
}

function destinationsOf<T>(moves: ReadonlyMap<T, T | null>): ReadonlySet<T> {
  return new Set([...moves.values()].filter((to) => to !== null));
}

function resultOf(tx: Transaction, applied: AppliedTransaction, logs: SimulatedCall['logs']): SimulatedCall {
  const { gasUsed, outcome } = applied;
  if (outcome === null) return { status: 'success', output: NOTHING, gasUsed, gasUsedMax: gasUsed, reason: null, logs };
  const { status, output, reason } = outcome;
  const gasUsedMax = Math.max(intrinsicGas(tx) + outcome.gasUsed, gasUsed);
  return { status, output, gasUsed, gasUsedMax, reason, logs };
}

function viewOf(
  hash: Hash,
  block: Block,
  transactions: readonly Transaction[],
  receipts: readonly Receipt[],
): BlockView {
  const sizeBytes = encodeBlock(block).length;
  return { hash, block, sizeBytes, canonical: false, transactions: () => transactions, receipts: () => receipts };
}
