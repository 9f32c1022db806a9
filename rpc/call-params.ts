/** Transaction objects of eth_call, eth_estimateGas, eth_sendTransaction and eth_signTransaction. */
import type { CallRequest, SendRequest } from '../src/node/api.ts';
import type { Bytes, JsonValue } from '../src/types/primitives.ts';
import type { AccessList } from '../src/types/transaction.ts';
import { bytesEqual } from '../src/util/hex.ts';
import { invalidParams } from './errors.ts';
import {
  absent,
  addressParam,
  dataParam,
  hashParam,
  isList,
  numberParam,
  objectParam,
  quantityParam,
  type JsonRecord,
} from './params.ts';

const ACCESS_LIST_ENTRIES_MAX = 4096;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** What both kinds of request share. */
type Common = Mutable<Omit<CallRequest, 'from'>>;

/** @throws -32602, also for a chain id that is not this node's. */
export function callRequest(value: JsonValue | undefined, index: number, chainId: number): CallRequest {
  const fields = objectParam(value, index, 'transaction');
  const request: Mutable<CallRequest> = commonFields(fields, index, chainId);
  if (!absent(fields['from'])) request.from = addressParam(fields['from'], index, 'from');
  return request;
}

/** @throws -32602. */
export function sendRequest(value: JsonValue | undefined, index: number, chainId: number): SendRequest {
  const fields = objectParam(value, index, 'transaction');
  if (absent(fields['from'])) throw invalidParams(index, '`from` is missing: name the account that signs');
  const from = addressParam(fields['from'], index, 'from');
  const request: Mutable<SendRequest> = { from, ...commonFields(fields, index, chainId) };
  if (!absent(fields['nonce'])) request.nonce = numberParam(fields['nonce'], index, 'nonce');
  if (!absent(fields['type'])) request.type = typeField(fields['type'], index);
  if (request.to == null && (request.data === undefined || request.data.length === 0)) {
    throw invalidParams(index, 'a transaction without `to` creates a contract and needs `data`');
  }
  return request;
}

function commonFields(fields: JsonRecord, index: number, chainId: number): Common {
  const request: Common = {};
  if (!absent(fields['to'])) request.to = addressParam(fields['to'], index, 'to');
  if (!absent(fields['value'])) request.value = quantityParam(fields['value'], index, 'value');
  const data = dataField(fields, index);
  if (data !== undefined) request.data = data;
  if (!absent(fields['gas'])) request.gasLimit = gasField(fields['gas'], index);
  if (!absent(fields['accessList'])) request.accessList = accessList(fields['accessList'], index);
  feeFields(request, fields, index);
  if (!absent(fields['chainId']) && numberParam(fields['chainId'], index, 'chainId') !== chainId) {
    throw invalidParams(index, `\`chainId\` does not match this chain's, which is ${chainId}`);
  }
  return request;
}

function feeFields(request: Common, fields: JsonRecord, index: number): void {
  const { gasPrice, maxFeePerGas, maxPriorityFeePerGas } = fields;
  if (!absent(gasPrice)) {
    if (!absent(maxFeePerGas) || !absent(maxPriorityFeePerGas)) {
      throw invalidParams(index, 'both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified: give one kind');
    }
    request.gasPrice = quantityParam(gasPrice, index, 'gasPrice');
  }
  if (!absent(maxFeePerGas)) request.maxFeePerGas = quantityParam(maxFeePerGas, index, 'maxFeePerGas');
  if (!absent(maxPriorityFeePerGas)) {
    request.maxPriorityFeePerGas = quantityParam(maxPriorityFeePerGas, index, 'maxPriorityFeePerGas');
  }
  if (request.maxFeePerGas !== undefined && request.maxPriorityFeePerGas !== undefined) {
    if (request.maxPriorityFeePerGas > request.maxFeePerGas) {
      throw invalidParams(index, 'max priority fee per gas higher than max fee per gas');
    }
  }
}

/** Some tools ask for "all the gas there is" with 2^64-1; the node caps it further. */
function gasField(value: JsonValue, index: number): number {
  const gas = quantityParam(value, index, 'gas');
  return gas > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(gas);
}

function dataField(fields: JsonRecord, index: number): Bytes | undefined {
  const input = absent(fields['input']) ? undefined : dataParam(fields['input'], index, 'input');
  const data = absent(fields['data']) ? undefined : dataParam(fields['data'], index, 'data');
  if (input !== undefined && data !== undefined && !bytesEqual(input, data)) {
    throw invalidParams(index, '`input` and `data` differ: give one of them');
  }
  return input ?? data;
}

function typeField(value: JsonValue, index: number): 0 | 1 | 2 {
  const type = numberParam(value, index, 'type');
  if (type === 0 || type === 1 || type === 2) return type;
  throw invalidParams(index, '`type` must be 0x0, 0x1 or 0x2');
}

function accessList(value: JsonValue, index: number): AccessList {
  if (!isList(value)) throw invalidParams(index, '`accessList` must be an array');
  let entries = value.length;
  return value.map((item) => {
    const entry = objectParam(item, index, 'accessList entry');
    const keys = entry['storageKeys'] ?? [];
    if (!isList(keys)) throw invalidParams(index, '`storageKeys` must be an array');
    entries += keys.length;
    if (entries > ACCESS_LIST_ENTRIES_MAX) {
      throw invalidParams(index, `\`accessList\` has more than ${ACCESS_LIST_ENTRIES_MAX} entries`);
    }
    return {
      address: addressParam(entry['address'], index, 'accessList address'),
      storageKeys: keys.map((key) => hashParam(key, index, 'storageKey')),
    };
  });
}
