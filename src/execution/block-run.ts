import { encodeReceipt } from '../codec/receipt.ts';
import { EMPTY_BLOOM, logsBloom, orBlooms } from '../codec/bloom.ts';
import { orderedTrieRoot } from '../state/ordered-root.ts';
import { StateOverlay } from '../state/overlay.ts';
import type { Evidence, Offence } from '../types/evidence.ts';
import type { SignedMessage } from '../types/message.ts';
import type { Bytes } from '../types/primitives.ts';
import type { Receipt } from '../types/receipt.ts';
import type { Transaction } from '../types/transaction.ts';
import type { ConsensusState } from '../types/validator.ts';
import { ParleyError } from '../util/errors.ts';
import { applyTransaction, credit, type AppliedTransaction, type TransactionContext } from './apply-transaction.ts';
import { writeConsensusState } from './consensus-account.ts';
import { Evm } from './evm.ts';
import { punishableOffence, punishAll } from './punish.ts';
import type { BlockFields, Executed, ParentState } from './execute-block.ts';
import type { ExecutionEnv } from './rules.ts';
import { settleStake, type SettledStake } from './settle-stake.ts';
import { isReservedAddress } from './system-contracts.ts';

/**
 * One block being executed: transactions one by one, then `finish`. Importer and builder both run on this, so what is built is what is
 * imported.
 */
export class BlockRun {
  readonly #env: ExecutionEnv;
  readonly #parent: ParentState;
  readonly #fields: BlockFields;
  readonly #overlay: StateOverlay;
  readonly #context: TransactionContext;
  readonly #receipts: Receipt[] = [];
  readonly #transactions: Bytes[] = [];
  #gasUsed = 0;
  #feesBurned = 0n;
  #destroyed = 0n;
  #punished: ConsensusState;

  /** Throws ParleyError BLOCK_BENEFICIARY_RESERVED. */
  constructor(env: ExecutionEnv, parent: ParentState, fields: BlockFields) {
    if (isReservedAddress(fields.beneficiary)) {
      throw new ParleyError(
        'BLOCK_BENEFICIARY_RESERVED',
        `${fields.beneficiary} is a system address and cannot be paid`,
      );
    }
    this.#env = env;
    this.#parent = parent;
    this.#punished = parent.consensus;
    this.#fields = fields;
    this.#overlay = new StateOverlay(parent.state);
    const { number, timeMs, beneficiary, gasLimit, baseFeePerGas } = fields;
    const block = { number, timeMs, beneficiary, gasLimit, baseFeePerGas, parentHash: parent.hash };
    const evm = new Evm(env, block, this.#overlay);
    this.#context = { chainId: env.config.chainId, block, overlay: this.#overlay, evm };
  }

  get gasLeft(): number {
    return this.#fields.gasLimit - this.#gasUsed;
  }

  /** Returns a promise only when bytecode runs. Throws as `applyTransaction`; the run can go on with another transaction then. */
  apply(tx: Transaction): void | Promise<void> {
    const applied = applyTransaction(this.#context, tx, this.gasLeft);
    if (applied instanceof Promise) return applied.then((result) => this.#record(tx, result));
    this.#record(tx, applied);
  }

  /**
   * Before any transaction, so that none can take away what the evidence was chosen by. Throws ParleyError BLOCK_EVIDENCE_INVALID.
   */
  punish(evidence: readonly Evidence[]): void {
    const at = { overlay: this.#overlay, consensus: this.#punished, reporter: this.#fields.author };
    const { consensus, burned } = punishAll(this.#env.rules, at, evidence);
    this.#punished = consensus;
    this.#destroyed += burned;
  }

  /** What `punish` would punish on this evidence alone; null where it would refuse it. */
  punishable(evidence: Evidence): Offence | null {
    return punishableOffence(this.#env.rules, this.#overlay, this.#parent.consensus, evidence);
  }

  finish(votes: readonly SignedMessage[]): Executed {
    const { number, beneficiary } = this.#fields;
    const settled = this.#settle(this.#punished, votes);
    const { consensus } = settled;
    if (consensus !== this.#parent.consensus) writeConsensusState(this.#overlay, consensus);
    const reward = this.#env.rules.blockReward(number);
    credit(this.#overlay, beneficiary, reward);
    return {
      state: this.#parent.state.child(this.#overlay.diff()),
      receipts: this.#receipts,
      gasUsed: this.#gasUsed,
      logsBloom: orBlooms(this.#receipts.map((receipt) => receipt.logsBloom)),
      consensus,
      receiptsRoot: orderedTrieRoot(this.#receipts.map(encodeReceipt)),
      transactionsRoot: orderedTrieRoot(this.#transactions),
      feesBurned: this.#feesBurned,
      destroyed: this.#destroyed + settled.destroyed,
      issued: reward + settled.issued,
    };
  }

  #settle(punished: ConsensusState, votes: readonly SignedMessage[]): SettledStake {
    const { rules } = this.#env;
    const { number, timeMs, extra, author } = this.#fields;
    if (rules.staking === undefined) {
      return { consensus: rules.advance(punished, { number, extra }, author), issued: 0n, destroyed: 0n };
    }
    const block = { number, parentHash: this.#parent.hash, timeMs, extra, author, votes };
    return settleStake(rules.staking, this.#overlay, punished, block);
  }

  #record(tx: Transaction, applied: AppliedTransaction): void {
    const { gasUsed, destroyed } = applied;
    this.#gasUsed += gasUsed;
    this.#feesBurned += BigInt(gasUsed) * this.#fields.baseFeePerGas;
    this.#destroyed += destroyed;
    this.#transactions.push(tx.raw);
    this.#receipts.push(receiptOf(tx, applied, this.#gasUsed));
  }
}

/** `cumulativeGasUsed`: of the block, this transaction included. */
export function receiptOf(tx: Transaction, applied: AppliedTransaction, cumulativeGasUsed: number): Receipt {
  const { status, gasUsed, effectiveGasPrice, logs, contractAddress } = applied;
  return {
    type: tx.type,
    status,
    cumulativeGasUsed,
    logsBloom: logs.length === 0 ? EMPTY_BLOOM : logsBloom(logs),
    logs,
    gasUsed,
    effectiveGasPrice,
    contractAddress,
  };
}
