/**
 * Which block a request means: a number, a tag, or (EIP-1898) an object with a block hash or number. Decoding and
 * looking up are two steps, so that a malformed parameter is -32602 whatever the chain holds.
 */
import type { BlockTag, BlockView, ChainApi } from '../src/node/api.ts';
import type { Hash, JsonValue } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { invalidParams } from './errors.ts';
import { absent, hashParam, isRecord, numberParam, optionalBoolean } from './params.ts';

export type BlockSelector =
  | { readonly by: 'tag'; readonly tag: BlockTag }
  | { readonly by: 'number'; readonly number: number }
  | { readonly by: 'hash'; readonly hash: Hash; readonly requireCanonical: boolean };

const TAGS: ReadonlyMap<string, BlockSelector> = new Map(
  (['latest', 'pending', 'safe', 'finalized', 'earliest'] as const).map((tag) => [tag, { by: 'tag', tag }]),
);
export const LATEST: BlockSelector = { by: 'tag', tag: 'latest' };
const EXPECTED = 'a block must be a quantity, a tag (latest, pending, safe, finalized, earliest) or an EIP-1898 object';

/** A number or a tag; left out means latest. */
export function blockNumberOrTag(value: JsonValue | undefined, index: number): BlockSelector {
  if (absent(value)) return LATEST;
  if (typeof value !== 'string') throw invalidParams(index, EXPECTED);
  const tag = TAGS.get(value);
  if (tag !== undefined) return tag;
  if (!value.startsWith('0x')) throw invalidParams(index, EXPECTED);
  return { by: 'number', number: numberParam(value, index, 'blockNumber') };
}

/** As above, or a 32-byte hash, or `{blockHash, requireCanonical?}` or `{blockNumber}` (EIP-1898). */
export function blockSelector(value: JsonValue | undefined, index: number): BlockSelector {
  if (typeof value === 'string' && value.length === 66) {
    return { by: 'hash', hash: hashParam(value, index, 'blockHash'), requireCanonical: false };
  }
  if (!isRecord(value)) return blockNumberOrTag(value, index);
  const { blockHash, blockNumber, requireCanonical } = value;
  if (absent(blockHash) === absent(blockNumber)) {
    throw invalidParams(index, 'give exactly one of `blockHash` and `blockNumber`');
  }
  if (absent(blockHash)) return blockNumberOrTag(blockNumber, index);
  return {
    by: 'hash',
    hash: hashParam(blockHash, index, 'blockHash'),
    requireCanonical: optionalBoolean(requireCanonical, index, false),
  };
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
