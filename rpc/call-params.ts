/** Transaction objects of eth_call, eth_estimateGas, eth_sendTransaction and their kin. */
import type { CallRequest, SendRequest, SimulatedCallRequest } from '../src/node/api.ts';
import type { AccessList } from '../src/types/transaction.ts';
import type { Bytes } from '../src/types/primitives.ts';
import { bytesEqual } from '../src/util/hex.ts';
import { invalidParams } from './errors.ts';
import { ADDRESS, BYTES, HASH, NUMBER, QUANTITY } from './params.ts';
import {
  list,
  mapped,
  nothingOf,
  object,
  oneOfTexts,
  optional,
  present,
  type Decoded,
  type JsonSchema,
  type ParamType,
} from './schema/param-type.ts';

const ACCESS_LIST_ENTRIES_MAX = 4096;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What both kinds of request share. */
type Common = Mutable<Omit<CallRequest, 'from'>>;

/** Some tools ask for "all the gas there is" with 2^64-1; the node caps it further. */
const GAS: ParamType<number> = mapped(QUANTITY, (gas) =>
  gas > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(gas),
);

const TYPE: ParamType<0 | 1 | 2> = mapped(oneOfTexts('type', ['0x0', '0x1', '0x2']), (type) =>
  type === '0x0' ? 0 : type === '0x1' ? 1 : 2,
);

const ACCESS_LIST: ParamType<AccessList> = mapped(
  list(
    object('accessList entry', {
      address: ADDRESS,
      storageKeys: optional(
        list(HASH, { what: 'storageKeys', items: 'storageKey' }, ACCESS_LIST_ENTRIES_MAX),
        [] as never[],
      ),
    }),
    { what: 'accessList', items: 'accessList entry' },
    ACCESS_LIST_ENTRIES_MAX,
  ),
  (entries, index) => {
    const count = entries.reduce((sum, entry) => sum + 1 + entry.storageKeys.length, 0);
    if (count <= ACCESS_LIST_ENTRIES_MAX) return entries;
    throw invalidParams(index, `\`accessList\` has more than ${ACCESS_LIST_ENTRIES_MAX} entries`);
  },
  { description: `Addresses and keys together: at most ${ACCESS_LIST_ENTRIES_MAX}.` },
);

const COMMON_FIELDS = {
  to: optional(ADDRESS, null),
  value: optional(QUANTITY, null),
  input: optional(BYTES, null),
  data: optional(BYTES, null),
  gas: optional(GAS, null),
  accessList: optional(ACCESS_LIST, null),
  gasPrice: optional(QUANTITY, null),
  maxFeePerGas: optional(QUANTITY, null),
  maxPriorityFeePerGas: optional(QUANTITY, null),
};

const COMMON_RULES: readonly JsonSchema[] = [
  { not: present('gasPrice', 'maxFeePerGas') },
  { not: present('gasPrice', 'maxPriorityFeePerGas') },
];
const RULES_TOLD =
  '`input` and `data` are the same where both are given, and maxPriorityFeePerGas is at most maxFeePerGas.';

/** A chain id that is not this node's is refused. */
export function callRequest(chainId: number): ParamType<CallRequest> {
  const fields = object('transaction', {
    ...COMMON_FIELDS,
    from: optional(ADDRESS, null),
    chainId: optional(chainIdType(chainId), null),
  });
  return mapped(
    fields,
    ({ from, ...rest }, index) => ({ ...(from !== null && { from }), ...commonRequest(rest, index) }),
    { description: RULES_TOLD, allOf: COMMON_RULES },
  );
}

/** A call of a simulated block. Of blobs (EIP-4844) and delegations (EIP-7702) it may only say that there are none. */
export function simulatedCall(chainId: number): ParamType<SimulatedCallRequest> {
  const fields = object('call', {
    ...COMMON_FIELDS,
    from: optional(ADDRESS, null),
    nonce: optional(NUMBER, null),
    type: optional(TYPE, null),
    chainId: optional(chainIdType(chainId), null),
    maxFeePerBlobGas: nothingOf('maxFeePerBlobGas', { enum: ['0x0'] }),
    blobVersionedHashes: nothingOf('blobVersionedHashes', { type: 'array', maxItems: 0 }),
    authorizationList: nothingOf('authorizationList', { type: 'array', maxItems: 0 }),
  });
  const read = ({ from, nonce, type, ...rest }: Decoded<typeof fields>, index: number): SimulatedCallRequest => {
    const request: Mutable<SimulatedCallRequest> = { ...commonRequest(rest, index) };
    if (from !== null) request.from = from;
    if (nonce !== null) request.nonce = nonce;
    if (type !== null) request.type = type;
    if ((request.maxPriorityFeePerGas ?? 0n) > (request.maxFeePerGas ?? 0n)) {
      throw invalidParams(index, 'max priority fee per gas higher than max fee per gas (0 where it is not given)');
    }
    return request;
  };
  return mapped(fields, read, { description: RULES_TOLD, allOf: COMMON_RULES });
}

export function sendRequest(chainId: number): ParamType<SendRequest> {
  const fields = object('transaction', {
    ...COMMON_FIELDS,
    from: ADDRESS,
    nonce: optional(NUMBER, null),
    type: optional(TYPE, null),
    chainId: optional(chainIdType(chainId), null),
  });
  const read = ({ from, nonce, type, ...rest }: Decoded<typeof fields>, index: number): SendRequest => {
    const request: Mutable<SendRequest> = { from, ...commonRequest(rest, index) };
    if (nonce !== null) request.nonce = nonce;
    if (type !== null) request.type = type;
    if (request.to == null && (request.data === undefined || request.data.length === 0)) {
      throw invalidParams(index, 'a transaction without `to` creates a contract and needs `data`');
    }
    return request;
  };
  const bytes = (name: string): JsonSchema => ({
    required: [name],
    properties: { [name]: { type: 'string', minLength: 3 } },
  });
  const createsOrCalls = { anyOf: [present('to'), bytes('input'), bytes('data')] };
  return mapped(fields, read, { description: RULES_TOLD, allOf: [...COMMON_RULES, createsOrCalls] });
}

function chainIdType(chainId: number): ParamType<number> {
  const digits = chainId.toString(16).replaceAll(/[a-f]/g, (letter) => `[${letter}${letter.toUpperCase()}]`);
  return {
    schema: { type: 'string', pattern: `^0x${digits}$` },
    decode(value, index) {
      if (NUMBER.decode(value, index, 'chainId') === chainId) return chainId;
      throw invalidParams(index, `\`chainId\` does not match this chain's, which is ${chainId}`);
    },
  };
}

type CommonFields = { readonly [K in keyof typeof COMMON_FIELDS]: Decoded<(typeof COMMON_FIELDS)[K]> };

function commonRequest(fields: CommonFields, index: number): Common {
  const request: Common = {};
  if (fields.to !== null) request.to = fields.to;
  if (fields.value !== null) request.value = fields.value;
  const data = dataOf(fields, index);
  if (data !== null) request.data = data;
  if (fields.gas !== null) request.gasLimit = fields.gas;
  if (fields.accessList !== null) request.accessList = fields.accessList;
  setFees(request, fields, index);
  return request;
}

function setFees(request: Common, { gasPrice, maxFeePerGas, maxPriorityFeePerGas }: CommonFields, index: number): void {
  if (gasPrice !== null) {
    if (maxFeePerGas !== null || maxPriorityFeePerGas !== null) {
      throw invalidParams(index, 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified: give one kind');
    }
    request.gasPrice = gasPrice;
  }
  if (maxFeePerGas !== null) request.maxFeePerGas = maxFeePerGas;
  if (maxPriorityFeePerGas !== null) request.maxPriorityFeePerGas = maxPriorityFeePerGas;
  if (maxFeePerGas !== null && maxPriorityFeePerGas !== null && maxPriorityFeePerGas > maxFeePerGas) {
    throw invalidParams(index, 'max priority fee per gas higher than max fee per gas');
  }
}

function dataOf({ input, data }: CommonFields, index: number): Bytes | null {
  if (input !== null && data !== null && !bytesEqual(input, data)) {
    throw invalidParams(index, '`input` and `data` differ: give one of them');
  }
  return input ?? data;
}
