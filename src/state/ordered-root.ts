import { encodeRlp, encodeUint } from '../codec/rlp.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { Trie } from './trie.ts';

/** The key of the item at `index`. */
export function orderedKey(index: number): Bytes {
  return encodeRlp(encodeUint(index));
}

/** The trie of a list, for proofs of its items. Throws CodecError ORDERED_ITEM_EMPTY. */
export function orderedTrie(items: readonly Bytes[]): Trie {
  const entries = items.map((value, index) => {
    // A trie cannot hold it: lists with and without it would have one root.
    if (value.length === 0) throw new CodecError('ORDERED_ITEM_EMPTY', `item ${index} has no bytes`);
    return { key: orderedKey(index), value };
  });
  return Trie.empty(() => undefined).update(entries);
}

/** transactionsRoot and receiptsRoot: the root of the trie rlp(index) -> item (yellow paper §4.3). */
export function orderedTrieRoot(items: readonly Bytes[]): Hash {
  return orderedTrie(items).root;
}
