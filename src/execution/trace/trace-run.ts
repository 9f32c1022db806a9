import type { StateReader } from '../../ports/state.ts';
import { StateOverlay } from '../../state/overlay.ts';
import type { JsonValue } from '../../types/primitives.ts';
import type { TraceOptions } from '../../types/trace.ts';
import type { Transaction } from '../../types/transaction.ts';
import { applyTransaction, type Simulation, type TransactionContext } from '../apply-transaction.ts';
import { Evm } from '../evm.ts';
import type { BlockContext, ExecutionEnv } from '../rules.ts';
import { ReadLog } from './read-log.ts';
import { TraceBudget } from './trace-budget.ts';
import type { TracePlace } from './tracer.ts';
import { tracerOf } from './tracers.ts';

/**
 * Transactions one after another in one block, watched or not. Each runs on an overlay of its own, so that what it found can be read
 * until it is over; one EVM serves all, as it takes milliseconds to make.
 */
export class TraceRun {
  readonly #options: TraceOptions;
  readonly #budget: TraceBudget;
  readonly #before: StateOverlay;
  readonly #read: ReadLog;
  readonly #now: StateOverlay;
  readonly #context: TransactionContext;
  #gasUsed = 0;
  #logs = 0;

  /** `before`: written to. `simulation`: of transactions that nobody signed. */
  constructor(
    env: ExecutionEnv,
    block: BlockContext,
    before: StateOverlay,
    options: TraceOptions,
    simulation?: Simulation,
  ) {
    this.#options = options;
    this.#budget = new TraceBudget(options.sizeBytesMax);
    this.#before = before;
    this.#read = new ReadLog(before);
    this.#now = new StateOverlay(this.#read);
    this.#context = {
      chainId: env.config.chainId,
      block,
      overlay: this.#now,
      evm: new Evm(env, block, this.#now),
      ...(simulation !== undefined && { simulation }),
    };
  }

  /** Unwatched. Throws as `applyTransaction`. */
  async pass(tx: Transaction): Promise<void> {
    const { gasUsed, logs } = await applyTransaction(this.#context, tx, this.#gasLeft);
    this.#settle(gasUsed, logs.length);
  }

  /** Throws as `applyTransaction`, and ParleyError EXECUTION_TRACE_LIMIT. `place`: null: it is in no block. */
  async trace(tx: Transaction, place: TracePlace | null, gasAvailable = this.#gasLeft): Promise<JsonValue> {
    const now: StateReader = this.#now;
    const { beneficiary } = this.#context.block;
    const run = { gasLimit: tx.gasLimit, beneficiary, logIndex: this.#logs, place, before: this.#read, now };
    const tracer = tracerOf(this.#options.tracer)(run, this.#options, this.#budget);
    const { gasUsed, logs } = await applyTransaction(this.#context, tx, gasAvailable, tracer.observer);
    const result = tracer.result({ gasUsed, written: this.#now.diff() });
    this.#settle(gasUsed, logs.length);
    return result;
  }

  get #gasLeft(): number {
    return this.#context.block.gasLimit - this.#gasUsed;
  }

  #settle(gasUsed: number, logs: number): void {
    this.#gasUsed += gasUsed;
    this.#logs += logs;
    this.#before.absorb(this.#now.take());
    this.#read.forget();
  }
}
