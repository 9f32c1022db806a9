/**
 * Which block a request means: a number, a tag, or (EIP-1898) an object with a block hash or number. Decoding and
 * looking up are two steps, so that a malformed parameter is -32602 whatever the chain holds.
 */
import type { BlockTag, BlockView, ChainApi } from '../src/node/api.ts';
import type { Hash } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { invalidParams } from './errors.ts';
import { FLAG, HASH, NUMBER } from './params.ts';
import { isRecord } from './schema/json.ts';
import {
  byKind,
  mapped,
  mustBe,
  object,
  optional,
  present,
  type OptionalType,
  type ParamType,
} from './schema/param-type.ts';

export type BlockSelector =
  | { readonly by: 'tag'; readonly tag: BlockTag }
  | { readonly by: 'number'; readonly number: number }
  | { readonly by: 'hash'; readonly hash: Hash; readonly requireCanonical: boolean };

const TAG_NAMES = ['latest', 'pending', 'safe', 'finalized', 'earliest'] as const;
const TAGS: ReadonlyMap<unknown, BlockSelector> = new Map(TAG_NAMES.map((tag) => [tag, { by: 'tag', tag }]));
export const LATEST: BlockSelector = { by: 'tag', tag: 'latest' };
const EXPECTED = 'a block: a quantity, a tag (latest, pending, safe, finalized, earliest) or an EIP-1898 object';

/** A number or a tag. */
export const BLOCK_NUMBER: ParamType<BlockSelector> = {
  schema: { anyOf: [NUMBER.schema, { type: 'string', enum: TAG_NAMES }] },
  decode(value, index, what = 'block') {
    const tag = TAGS.get(value);
    if (tag !== undefined) return tag;
    if (typeof value !== 'string' || !value.startsWith('0x')) throw mustBe(index, what, EXPECTED);
    return { by: 'number', number: NUMBER.decode(value, index, 'blockNumber') };
  },
};

const BY_HASH: ParamType<BlockSelector> = mapped(HASH, (hash) => ({ by: 'hash', hash, requireCanonical: false }));

/** EIP-1898: `{blockHash, requireCanonical?}` or `{blockNumber}`. */
const BY_OBJECT: ParamType<BlockSelector> = mapped(
  object('block', {
    blockHash: optional(HASH, null),
    blockNumber: optional(BLOCK_NUMBER, null),
    requireCanonical: optional(FLAG, false),
  }),
  ({ blockHash, blockNumber, requireCanonical }, index): BlockSelector => {
    if (blockHash !== null && blockNumber === null) return { by: 'hash', hash: blockHash, requireCanonical };
    if (blockNumber !== null && blockHash === null) return blockNumber;
    throw invalidParams(index, 'give exactly one of `blockHash` and `blockNumber`');
  },
  { oneOf: [present('blockHash'), present('blockNumber')] },
);

/** A number, a tag, a hash of 32 bytes, or an EIP-1898 object. */
export const BLOCK: ParamType<BlockSelector> = byKind(
  [(value) => typeof value !== 'object' && !isHash(value), BLOCK_NUMBER],
  [isHash, BY_HASH],
  [isRecord, BY_OBJECT],
);

/** Left out means latest. */
export const BLOCK_OR_LATEST: OptionalType<BlockSelector> = optional(BLOCK, LATEST);
export const BLOCK_NUMBER_OR_LATEST: OptionalType<BlockSelector> = optional(BLOCK_NUMBER, LATEST);

/** A block number of 32 bytes would be above 2^53-1. */
function isHash(value: unknown): boolean {
  return typeof value === 'string' && value.length === 66;
}

/** null: no such block. */
export function findBlock(chain: ChainApi, selector: BlockSelector): BlockView | null {
  switch (selector.by) {
    case 'tag':
      if (selector.tag === 'latest') return chain.head();
      return chain.byTag(selector.tag) ?? (selector.tag === 'pending' ? chain.head() : null);
    case 'number':
      return chain.byNumber(selector.number);
    case 'hash':
      return chain.byHash(selector.hash);
  }
}

/** For methods that read state: an unknown block is -32001, one off the canonical chain -32000 where that was ruled out. */
export function requireBlock(chain: ChainApi, selector: BlockSelector): BlockView {
  const view = findBlock(chain, selector);
  if (view === null) {
    const name = selector.by === 'tag' ? selector.tag : selector.by === 'number' ? selector.number : selector.hash;
    throw new ParleyError('RPC_BLOCK_NOT_FOUND', `block ${name} is not known here`, { block: name });
  }
  if (selector.by === 'hash' && selector.requireCanonical && !view.canonical) {
    throw new ParleyError('RPC_INVALID_INPUT', `block ${selector.hash} is not on the canonical chain`, {
      block: selector.hash,
    });
  }
  return view;
}
