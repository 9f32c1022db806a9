/**
 * What answers look like, in JSON Schema, for rpc.discover: the shapes of rpc/format.ts, after those of ethereum/execution-apis
 * (src/schemas) with what Parley has. Nothing is validated with them while the node runs; tests hold every answer to them.
 */
import type { JsonSchema } from './param-type.ts';
import { NULL } from './param-type.ts';

const hexText = (digits: string): JsonSchema => ({ type: 'string', pattern: `^0x${digits}$` });
const ref = (name: string): JsonSchema => ({ $ref: `#/components/schemas/${name}` });

export const QUANTITY_RESULT = ref('Quantity');
export const DATA_RESULT = ref('Data');
export const HASH_RESULT = ref('Hash');
export const ADDRESS_RESULT = ref('Address');
export const SIGNATURE_RESULT = ref('Signature');
export const BLOCK_RESULT = ref('Block');
export const HEADER_RESULT = ref('Header');
export const TRANSACTION_RESULT = ref('Transaction');
export const RECEIPT_RESULT = ref('Receipt');
export const LOG_RESULT = ref('Log');
export const ACCESS_LIST_RESULT = ref('AccessList');
export const BLOCK_REF_RESULT = ref('BlockRef');
export const SIMULATED_BLOCK_RESULT = ref('SimulatedBlock');
export const UNSIGNED_RESULT = ref('UnsignedTransaction');
export const FLAG_RESULT: JsonSchema = { type: 'boolean' };
export const TEXT_RESULT: JsonSchema = { type: 'string' };
export const NUMBER_RESULT: JsonSchema = { type: 'number' };
export const NULL_RESULT = NULL;

export function orNull(schema: JsonSchema): JsonSchema {
  return { anyOf: [schema, NULL] };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

export function mapOf(values: JsonSchema): JsonSchema {
  return { type: 'object', additionalProperties: values };
}

/** An object with these properties and no other; those named in `optional` may be missing. */
export function shape(
  properties: { readonly [name: string]: JsonSchema },
  optional: readonly string[] = [],
): JsonSchema {
  const required = Object.keys(properties).filter((name) => !optional.includes(name));
  return { type: 'object', additionalProperties: false, properties, required };
}

export const SYNCING_RESULT: JsonSchema = {
  anyOf: [
    { const: false },
    shape({ startingBlock: QUANTITY_RESULT, currentBlock: QUANTITY_RESULT, highestBlock: QUANTITY_RESULT }),
  ],
};

/** Null where the block is pending. */
const HEADER: { readonly [name: string]: JsonSchema } = {
  hash: orNull(HASH_RESULT),
  parentHash: HASH_RESULT,
  sha3Uncles: HASH_RESULT,
  miner: ADDRESS_RESULT,
  stateRoot: HASH_RESULT,
  transactionsRoot: HASH_RESULT,
  receiptsRoot: HASH_RESULT,
  logsBloom: hexText('[0-9a-f]{512}'),
  difficulty: QUANTITY_RESULT,
  number: QUANTITY_RESULT,
  gasLimit: QUANTITY_RESULT,
  gasUsed: QUANTITY_RESULT,
  timestamp: QUANTITY_RESULT,
  extraData: DATA_RESULT,
  mixHash: HASH_RESULT,
  nonce: orNull(hexText('[0-9a-f]{16}')),
  baseFeePerGas: QUANTITY_RESULT,
};

/** Where in the chain; null while it waits. */
const PLACE: { readonly [name: string]: JsonSchema } = {
  blockHash: orNull(HASH_RESULT),
  blockNumber: orNull(QUANTITY_RESULT),
  blockTimestamp: orNull(QUANTITY_RESULT),
  transactionIndex: orNull(QUANTITY_RESULT),
};

const UNSIGNED: { readonly [name: string]: JsonSchema } = {
  chainId: QUANTITY_RESULT,
  from: ADDRESS_RESULT,
  to: orNull(ADDRESS_RESULT),
  nonce: QUANTITY_RESULT,
  gas: QUANTITY_RESULT,
  gasPrice: QUANTITY_RESULT,
  value: QUANTITY_RESULT,
  input: DATA_RESULT,
};
const SIGNED = { ...PLACE, ...UNSIGNED, hash: HASH_RESULT, v: QUANTITY_RESULT, r: QUANTITY_RESULT, s: QUANTITY_RESULT };
const TYPED = { ...SIGNED, yParity: QUANTITY_RESULT, accessList: ACCESS_LIST_RESULT };

const BLOCK: { readonly [name: string]: JsonSchema } = {
  ...HEADER,
  size: QUANTITY_RESULT,
  uncles: { type: 'array', maxItems: 0 },
  transactions: { anyOf: [listOf(HASH_RESULT), listOf(TRANSACTION_RESULT)] },
};

const CALL = { returnData: DATA_RESULT, gasUsed: QUANTITY_RESULT, maxUsedGas: QUANTITY_RESULT };
const CALL_FAILURE = shape({ code: { enum: [-32000, -32015] }, message: TEXT_RESULT, data: DATA_RESULT }, ['data']);

/** What the references above lead to. */
export const COMPONENT_SCHEMAS: { readonly [name: string]: JsonSchema } = {
  Quantity: hexText('(?:0|[1-9a-f][0-9a-f]*)'),
  Data: hexText('(?:[0-9a-f]{2})*'),
  Hash: hexText('[0-9a-f]{64}'),
  Address: hexText('[0-9a-f]{40}'),
  Signature: hexText('[0-9a-f]{130}'),
  Header: shape(HEADER),
  Block: shape(BLOCK),
  SimulatedBlock: shape({
    ...BLOCK,
    calls: listOf({
      oneOf: [
        shape({ ...CALL, status: { const: '0x1' }, logs: listOf(LOG_RESULT) }),
        shape({ ...CALL, status: { const: '0x0' }, logs: { type: 'array', maxItems: 0 }, error: CALL_FAILURE }),
      ],
    }),
  }),
  Transaction: {
    oneOf: [
      shape({ ...SIGNED, type: { const: '0x0' } }, ['chainId']),
      shape({ ...TYPED, type: { const: '0x1' } }),
      shape({
        ...TYPED,
        type: { const: '0x2' },
        maxFeePerGas: QUANTITY_RESULT,
        maxPriorityFeePerGas: QUANTITY_RESULT,
      }),
    ],
  },
  UnsignedTransaction: {
    oneOf: [
      shape({ ...UNSIGNED, type: { const: '0x0' } }),
      shape({ ...UNSIGNED, type: { const: '0x1' }, accessList: ACCESS_LIST_RESULT }),
      shape({
        ...UNSIGNED,
        type: { const: '0x2' },
        accessList: ACCESS_LIST_RESULT,
        maxFeePerGas: QUANTITY_RESULT,
        maxPriorityFeePerGas: QUANTITY_RESULT,
      }),
    ],
  },
  Receipt: shape({
    type: { enum: ['0x0', '0x1', '0x2'] },
    status: { enum: ['0x0', '0x1'] },
    transactionHash: HASH_RESULT,
    transactionIndex: QUANTITY_RESULT,
    blockHash: HASH_RESULT,
    blockNumber: QUANTITY_RESULT,
    from: ADDRESS_RESULT,
    to: orNull(ADDRESS_RESULT),
    cumulativeGasUsed: QUANTITY_RESULT,
    gasUsed: QUANTITY_RESULT,
    effectiveGasPrice: QUANTITY_RESULT,
    contractAddress: orNull(ADDRESS_RESULT),
    logs: listOf(LOG_RESULT),
    logsBloom: hexText('[0-9a-f]{512}'),
  }),
  Log: shape({
    address: ADDRESS_RESULT,
    topics: { ...listOf(HASH_RESULT), maxItems: 4 },
    data: DATA_RESULT,
    blockHash: HASH_RESULT,
    blockNumber: QUANTITY_RESULT,
    blockTimestamp: QUANTITY_RESULT,
    transactionHash: HASH_RESULT,
    transactionIndex: QUANTITY_RESULT,
    logIndex: QUANTITY_RESULT,
    removed: FLAG_RESULT,
  }),
  AccessList: listOf(shape({ address: ADDRESS_RESULT, storageKeys: listOf(HASH_RESULT) })),
  BlockRef: shape({ hash: HASH_RESULT, number: QUANTITY_RESULT }),
};
