/** Criteria of eth_getLogs, eth_newFilter and the `logs` subscription: decoding and matching. */
import type { Address, Bytes, Hash, Hex } from '../src/types/primitives.ts';
import type { Log } from '../src/types/receipt.ts';
import { fromHex } from '../src/util/hex.ts';
import { BLOCK_NUMBER, LATEST, type BlockSelector } from './block-params.ts';
import { invalidParams } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { ADDRESS, HASH } from './params.ts';
import { isList } from './schema/json.ts';
import {
  byKind,
  list,
  mapped,
  object,
  optional,
  present,
  type OptionalType,
  type ParamType,
} from './schema/param-type.ts';

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

/** A filter of eth_getLogs and eth_newFilter. */
export function logQuery(limits: RpcLimits): ParamType<LogQuery> {
  return mapped(
    object('filter', {
      ...criteriaFields(limits),
      blockHash: optional(HASH, null),
      fromBlock: optional(BLOCK_NUMBER, null),
      toBlock: optional(BLOCK_NUMBER, null),
    }),
    ({ blockHash, fromBlock, toBlock, ...criteria }, index) => ({
      criteria: toCriteria(criteria),
      range: toRange(blockHash, fromBlock, toBlock, index),
    }),
    { allOf: [{ not: present('blockHash', 'fromBlock') }, { not: present('blockHash', 'toBlock') }] },
  );
}

/** What a `logs` subscription may ask for. */
export function logCriteria(limits: RpcLimits): ParamType<LogCriteria> {
  return mapped(object('filter', criteriaFields(limits)), toCriteria);
}

export const EVERY_LOG: LogCriteria = { addresses: null, topics: [], bloomGroups: [] };

type CriteriaFields = {
  readonly address: ReadonlySet<Address> | null;
  readonly topics: readonly (ReadonlySet<Hash> | null)[];
};

function criteriaFields(limits: RpcLimits): {
  readonly [K in keyof CriteriaFields]: OptionalType<CriteriaFields[K]>;
} {
  const addresses = list(ADDRESS, { what: 'address', items: 'address' }, limits.logsCriteriaMax);
  const position = list(optional(HASH, null), { what: 'topics', items: 'topic' }, limits.logsCriteriaMax);
  return {
    address: optional(byKind([isText, oneOf(ADDRESS)], [isList, mapped(addresses, setOrAny)]), null),
    topics: optional(
      list(
        optional(byKind([isText, oneOf(HASH)], [isList, mapped(position, topicSet)]), null),
        { what: 'topics', items: 'topic' },
        TOPICS_MAX,
      ),
      [] as never[],
    ),
  };
}

function toCriteria({ address: addresses, topics }: CriteriaFields): LogCriteria {
  const groups = [addresses, ...topics].filter((set) => set !== null && set.size <= BLOOM_GROUP_ITEMS_MAX);
  return { addresses, topics, bloomGroups: groups.map((set) => [...(set ?? [])].map((item) => fromHex(item))) };
}

function toRange(
  hash: Hash | null,
  fromBlock: BlockSelector | null,
  toBlock: BlockSelector | null,
  index: number,
): LogRange {
  if (hash === null) return { by: 'range', from: fromBlock ?? LATEST, to: toBlock ?? LATEST };
  if (fromBlock === null && toBlock === null) return { by: 'hash', hash };
  throw invalidParams(index, 'give either `blockHash` or `fromBlock` and `toBlock`');
}

function oneOf(type: ParamType<Hex>): ParamType<ReadonlySet<Hex> | null> {
  return mapped(type, (item) => new Set([item]));
}

/** An empty list puts no condition. */
function setOrAny(items: readonly Hex[]): ReadonlySet<Hex> | null {
  return items.length === 0 ? null : new Set(items);
}

/** A null among them matches anything. */
function topicSet(items: readonly (Hash | null)[]): ReadonlySet<Hash> | null {
  const topics = items.filter((item) => item !== null);
  return topics.length < items.length ? null : setOrAny(topics);
}

function isText(value: unknown): boolean {
  return !isList(value);
}

export function matchesLog(criteria: LogCriteria, log: Log): boolean {
  if (criteria.addresses !== null && !criteria.addresses.has(log.address)) return false;
  if (criteria.topics.length > log.topics.length) return false;
  return criteria.topics.every((set, i) => set === null || set.has(log.topics[i] ?? '0x'));
}
