import type { Hash, JsonValue, Millis } from './primitives.ts';

/** Ways to tell of a run other than opcode by opcode, by the names that they have everywhere. */
export const TRACERS = ['callTracer', 'flatCallTracer', 'prestateTracer', '4byteTracer', 'noopTracer'] as const;

export type TracerName = (typeof TRACERS)[number];

/** What an opcode's entry holds. */
export type StepOptions = {
  readonly hasStack: boolean;
  readonly hasMemory: boolean;
  readonly hasStorage: boolean;
  readonly hasReturnData: boolean;
  /** Entries of one transaction; those after them are left out. Infinity: all. */
  readonly stepsMax: number;
};

/** Each means something to one tracer or two, and nothing to the others. */
export type TracerConfig = {
  readonly onlyTopCall: boolean;
  readonly withLog: boolean;
  readonly diffMode: boolean;
  readonly disableCode: boolean;
  readonly disableStorage: boolean;
};

export type TraceOptions = {
  /** null: opcode by opcode. */
  readonly tracer: TracerName | null;
  readonly steps: StepOptions;
  readonly config: TracerConfig;
  /** Of the whole request. The node has a bound of its own; null: its default. */
  readonly timeoutMs: Millis | null;
  /** Of the answer as JSON, roughly. */
  readonly sizeBytesMax: number;
};

/** `result`: in the form of the tracer. */
export type TransactionTrace = { readonly transactionHash: Hash; readonly result: JsonValue };
