/** Trace options of debug_traceTransaction and its kin: TraceConfig of ethereum/execution-apis, src/schemas/opcode-tracer.yaml. */
import type { Overrides } from '../src/node/api.ts';
import { TRACERS, type TraceOptions, type TracerName } from '../src/types/trace.ts';
import { BLOCK_OVERRIDES, overridesOf, STATE_OVERRIDES } from './override-params.ts';
import { FLAG, WHOLE } from './params.ts';
import {
  mapped,
  mustBe,
  object,
  optional,
  text,
  unsupported,
  type OptionalType,
  type ParamType,
} from './schema/param-type.ts';

/** What a client may say; how large an answer may be is not among it. */
export type TraceRequest = Omit<TraceOptions, 'sizeBytesMax'>;
export type CallTraceRequest = { readonly trace: TraceRequest; readonly overrides: Overrides };

/** JSON Schema of a tracer's name, null and empty text beside it. */
const TRACER: OptionalType<TracerName | null> = {
  optional: true,
  schema: { enum: [null, '', ...TRACERS] },
  decode(value, index, what = 'tracer') {
    if (value === undefined || value === null || value === '') return null;
    const known = TRACERS.find((name) => name === value);
    if (known !== undefined) return known;
    const others = `${TRACERS.join(', ')}, or left out to see every opcode`;
    throw mustBe(index, what, `${others}; JavaScript is not run here`);
  },
};

const MS_PER_UNIT: { readonly [unit: string]: number } = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PARTS = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)/g;

/** A duration as Go writes it, in milliseconds. */
const DURATION: ParamType<number> = text(
  /^(?:(?:[0-9]{1,9}(?:\.[0-9]{0,9})?|\.[0-9]{1,9})(?:ns|us|µs|μs|ms|s|m|h)){1,8}$/,
  { what: 'timeout', must: 'a duration such as 5s, 300ms or 1m30s' },
  (found) => {
    let ms = 0;
    for (const [, amount, unit = ''] of found.matchAll(PARTS)) ms += Number(amount) * (MS_PER_UNIT[unit] ?? 0);
    return ms;
  },
);

const CONFIG_FIELDS = object('tracerConfig', {
  onlyTopCall: optional(FLAG, false),
  withLog: optional(FLAG, false),
  diffMode: optional(FLAG, false),
  disableCode: optional(FLAG, false),
  disableStorage: optional(FLAG, false),
});

const FIELDS = {
  tracer: TRACER,
  tracerConfig: optional(CONFIG_FIELDS, null),
  timeout: optional(DURATION, null),
  // State of old blocks is there, or it is not: nothing is executed for it.
  reexec: optional(WHOLE, null),
  enableMemory: optional(FLAG, false),
  disableStack: optional(FLAG, false),
  disableStorage: optional(FLAG, false),
  enableReturnData: optional(FLAG, false),
  debug: optional(FLAG, false),
  limit: optional(WHOLE, 0),
};
const CALL_FIELDS = {
  ...FIELDS,
  stateOverrides: STATE_OVERRIDES,
  blockOverrides: BLOCK_OVERRIDES,
  txIndex: unsupported('txIndex'),
};

type Fields = { readonly [K in keyof typeof FIELDS]: ReturnType<(typeof FIELDS)[K]['decode']> };

const NO_CONFIG = CONFIG_FIELDS.decode({}, 0);

function traceRequest(fields: Fields): TraceRequest {
  return {
    tracer: fields.tracer,
    config: fields.tracerConfig ?? NO_CONFIG,
    timeoutMs: fields.timeout,
    steps: {
      hasStack: !fields.disableStack,
      hasMemory: fields.enableMemory,
      hasStorage: !fields.disableStorage,
      hasReturnData: fields.enableReturnData,
      stepsMax: fields.limit === 0 ? Infinity : fields.limit,
    },
  };
}

const OPTIONS = mapped(object('trace options', FIELDS), traceRequest);
const DEFAULTS = OPTIONS.decode({}, 0);

export const TRACE_CONFIG: OptionalType<TraceRequest> = optional(OPTIONS, DEFAULTS);

/** With what a call may find otherwise, as go-ethereum has it. */
export const CALL_TRACE_CONFIG: OptionalType<CallTraceRequest> = optional(
  mapped(object('trace options', CALL_FIELDS), ({ stateOverrides, blockOverrides, ...fields }) => ({
    trace: traceRequest(fields),
    overrides: overridesOf(stateOverrides, blockOverrides),
  })),
  { trace: DEFAULTS, overrides: {} },
);
