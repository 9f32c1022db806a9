import type { StateDiff, StateReader } from '../../ports/state.ts';
import type { Address, Hash, JsonValue } from '../../types/primitives.ts';
import type { TraceOptions } from '../../types/trace.ts';
import type { EvmObserver } from '../evm-observer.ts';
import type { ReadLog } from './read-log.ts';
import type { TraceBudget } from './trace-budget.ts';

/** What a tracer knows before the run. */
export type TracedRun = {
  /** All of it, what is charged before anything runs included. */
  readonly gasLimit: number;
  readonly beneficiary: Address;
  /** Of its first log among those of its block. */
  readonly logIndex: number;
  /** null: a call that is in no block. */
  readonly place: TracePlace | null;
  /** As the run finds it, to the end; and what was looked up of it. */
  readonly before: ReadLog;
  /** As it is now. */
  readonly now: StateReader;
};

export type TracePlace = {
  readonly blockHash: Hash;
  readonly blockNumber: number;
  readonly transactionHash: Hash;
  readonly transactionIndex: number;
};

/** What a run came to. */
export type TraceEnd = {
  /** After refunds, as in the receipt. */
  readonly gasUsed: number;
  readonly written: StateDiff;
};

/** Watches one transaction, or one call, and tells of it as plain data in the form that its name stands for. */
export interface Tracer {
  readonly observer: EvmObserver;
  /** Once, when the run is over; the states are as it left them. */
  result(end: TraceEnd): JsonValue;
}

/** What is told is counted while it is collected: the budget throws EXECUTION_TRACE_LIMIT. */
export type TracerFactory = (run: TracedRun, options: TraceOptions, budget: TraceBudget) => Tracer;
