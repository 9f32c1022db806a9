/** Criteria of eth_getLogs, eth_newFilter and the `logs` subscription: decoding and matching. */
import type { BlockView } from '../src/node/api.ts';
import type { Address, Bytes, Hash, Hex, JsonObject, JsonValue } from '../src/types/primitives.ts';
import type { Log } from '../src/types/receipt.ts';
import { bloomHas, EMPTY_BLOOM } from '../src/codec/bloom.ts';
import { fromHex } from '../src/util/hex.ts';
import { blockNumberOrTag, type BlockSelector } from './block-params.ts';
import { invalidParams } from './errors.ts';
import { formatLog } from './format.ts';
import type { RpcLimits } from './limits.ts';
import { absent, addressParam, hashParam, isList, objectParam, type JsonRecord } from './params.ts';

const TOPICS_MAX = 4;
/** Asking the bloom filter costs a hash an item: past this many, reading the receipts is cheaper. */
const BLOOM_GROUP_ITEMS_MAX = 32;

/** A log matches when its address is one of `addresses` and each topic is one of those at its position. */
export type LogCriteria = {
  /** null puts no condition. */
  readonly addresses: ReadonlySet<Address> | null;
  /** null at a position puts no condition, but there must be a topic. */
  readonly topics: readonly (ReadonlySet<Hash> | null)[];
  /** The same as bytes, for the bloom filter. */
  readonly bloomGroups: readonly (readonly Bytes[])[];
};

export type LogRange =
  | { readonly by: 'hash'; readonly hash: Hash }
  | { readonly by: 'range'; readonly from: BlockSelector; readonly to: BlockSelector };

export type LogQuery = { readonly criteria: LogCriteria; readonly range: LogRange };

/** @throws -32602. */
export function logQuery(value: JsonValue | undefined, index: number, limits: RpcLimits): LogQuery {
  const fields = objectParam(value, index, 'filter');
  return { criteria: logCriteria(fields, index, limits), range: logRange(fields, index) };
}

function logRange(fields: JsonRecord, index: number): LogRange {
  const { blockHash, fromBlock, toBlock } = fields;
  if (absent(blockHash)) {
    return { by: 'range', from: blockNumberOrTag(fromBlock, index), to: blockNumberOrTag(toBlock, index) };
  }
  if (!absent(fromBlock) || !absent(toBlock)) {
    throw invalidParams(index, 'give either `blockHash` or `fromBlock` and `toBlock`');
  }
  return { by: 'hash', hash: hashParam(blockHash, index, 'blockHash') };
}

export function logCriteria(fields: JsonRecord, index: number, limits: RpcLimits): LogCriteria {
  const addresses = addressSet(fields['address'], index, limits);
  const topics = topicSets(fields['topics'], index, limits);
  const groups = [addresses, ...topics].filter((set) => set !== null && set.size <= BLOOM_GROUP_ITEMS_MAX);
  return { addresses, topics, bloomGroups: groups.map((set) => [...(set ?? [])].map((item) => fromHex(item))) };
}

function addressSet(value: JsonValue | undefined, index: number, limits: RpcLimits): ReadonlySet<Address> | null {
  if (absent(value)) return null;
  const list = isList(value) ? value : [value];
  if (list.length === 0) return null;
  checkCount(list.length, index, limits);
  return new Set(list.map((item) => addressParam(item, index, 'address')));
}

function topicSets(
  value: JsonValue | undefined,
  index: number,
  limits: RpcLimits,
): readonly (ReadonlySet<Hash> | null)[] {
  if (absent(value)) return [];
  if (!isList(value)) throw invalidParams(index, '`topics` must be an array');
  if (value.length > TOPICS_MAX) throw invalidParams(index, `\`topics\` has more than ${TOPICS_MAX} positions`);
  return value.map((position) => {
    if (position === null) return null;
    const list = isList(position) ? position : [position];
    checkCount(list.length, index, limits);
    if (list.length === 0 || list.includes(null)) return null;
    return new Set(list.map((item) => hashParam(item, index, 'topic')));
  });
}

function checkCount(count: number, index: number, limits: RpcLimits): void {
  if (count <= limits.logsCriteriaMax) return;
  throw invalidParams(
    index,
    `more than ${limits.logsCriteriaMax} addresses or topics at one position: split the query`,
  );
}

export function matchesLog(criteria: LogCriteria, log: Log): boolean {
  if (criteria.addresses !== null && !criteria.addresses.has(log.address)) return false;
  if (criteria.topics.length > log.topics.length) return false;
  return criteria.topics.every((set, i) => set === null || set.has(log.topics[i] ?? '0x'));
}

/** False: certainly no log in here matches. */
function bloomMayMatch(criteria: LogCriteria, bloom: Hex): boolean {
  if (bloom === EMPTY_BLOOM) return false;
  return criteria.bloomGroups.every((items) => items.some((item) => bloomHas(bloom, item)));
}

/** Matching logs of a block, formatted, in order. */
export function blockLogs(criteria: LogCriteria, view: BlockView, removed = false): JsonObject[] {
  const found: JsonObject[] = [];
  if (!bloomMayMatch(criteria, view.block.header.logsBloom)) return found;
  const receipts = view.receipts();
  let transactions: ReturnType<BlockView['transactions']> | null = null;
  let logIndex = 0;
  for (let i = 0; i < receipts.length; i++) {
    for (const log of receipts[i]?.logs ?? []) {
      if (matchesLog(criteria, log)) {
        transactions ??= view.transactions();
        const transaction = transactions[i];
        if (transaction !== undefined) found.push(formatLog(log, view, transaction, i, logIndex, removed));
      }
      logIndex++;
    }
  }
  return found;
}
