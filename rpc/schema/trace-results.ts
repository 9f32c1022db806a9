/** Traces: their shapes after ethereum/execution-apis (opcode-tracer.yaml, call-tracer.yaml), and after go-ethereum where that has none. */
import type { JsonSchema } from './param-type.ts';
import {
  ADDRESS_RESULT,
  DATA_RESULT,
  HASH_RESULT,
  listOf,
  mapOf,
  orNull,
  QUANTITY_RESULT,
  shape,
  TEXT_RESULT,
} from './results.ts';

const WHOLE: JsonSchema = { type: 'integer', minimum: 0 };
const WORDS = mapOf(HASH_RESULT);
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

const ENTRY: { readonly [name: string]: JsonSchema } = {
  pc: WHOLE,
  op: TEXT_RESULT,
  gas: WHOLE,
  gasCost: WHOLE,
  depth: { type: 'integer', minimum: 1 },
  refund: WHOLE,
  error: TEXT_RESULT,
  stack: listOf(QUANTITY_RESULT),
  memory: listOf(HASH_RESULT),
  returnData: DATA_RESULT,
  storage: WORDS,
};

const FRAME: { readonly [name: string]: JsonSchema } = {
  type: { enum: ['CALL', 'CALLCODE', 'DELEGATECALL', 'STATICCALL', 'CREATE', 'CREATE2', 'SELFDESTRUCT'] },
  from: ADDRESS_RESULT,
  to: ADDRESS_RESULT,
  value: QUANTITY_RESULT,
  gas: QUANTITY_RESULT,
  gasUsed: QUANTITY_RESULT,
  input: DATA_RESULT,
  output: DATA_RESULT,
  error: TEXT_RESULT,
  revertReason: TEXT_RESULT,
  calls: listOf(ref('CallFrame')),
  logs: listOf(
    shape({
      address: ADDRESS_RESULT,
      topics: { ...listOf(HASH_RESULT), maxItems: 4 },
      data: DATA_RESULT,
      index: QUANTITY_RESULT,
      position: QUANTITY_RESULT,
    }),
  ),
};

const FLAT_FRAME: { readonly [name: string]: JsonSchema } = {
  type: { enum: ['call', 'create', 'suicide'] },
  action: { type: 'object' },
  result: { type: 'object' },
  error: TEXT_RESULT,
  subtraces: WHOLE,
  traceAddress: listOf(WHOLE),
  blockHash: orNull(HASH_RESULT),
  blockNumber: orNull(WHOLE),
  transactionHash: orNull(HASH_RESULT),
  transactionPosition: orNull(WHOLE),
};

const PRESTATE: JsonSchema = {
  type: 'object',
  propertyNames: ADDRESS_RESULT,
  additionalProperties: shape({ balance: QUANTITY_RESULT, nonce: WHOLE, code: DATA_RESULT, storage: WORDS }, [
    'balance',
    'nonce',
    'code',
    'storage',
  ]),
};

const SELECTORS: JsonSchema = {
  type: 'object',
  propertyNames: { pattern: '^0x[0-9a-f]{8}-[0-9]+$' },
  additionalProperties: WHOLE,
};

/** In the form of the tracer that was asked for. */
export const TRACE_RESULT = ref('Trace');

export const TRACE_SCHEMAS: { readonly [name: string]: JsonSchema } = {
  Trace: {
    anyOf: [
      ref('OpcodeTrace'),
      ref('CallFrame'),
      listOf(shape(FLAT_FRAME, ['result', 'error'])),
      PRESTATE,
      shape({ pre: PRESTATE, post: PRESTATE }),
      SELECTORS,
    ],
  },
  OpcodeTrace: shape({
    gas: WHOLE,
    failed: { type: 'boolean' },
    returnValue: DATA_RESULT,
    structLogs: listOf(ref('OpcodeStep')),
  }),
  OpcodeStep: shape(ENTRY, ['error', 'stack', 'memory', 'returnData', 'storage']),
  CallFrame: shape(FRAME, ['to', 'value', 'output', 'error', 'revertReason', 'calls', 'logs']),
};
