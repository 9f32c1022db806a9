import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { describe, expect, it } from 'vitest';
import { orderedTrieRoot } from '../../../src/state/ordered-root.ts';
import { EMPTY_ROOT } from '../../../src/types/account.ts';
import { toHex } from '../../../src/util/hex.ts';
import { Rng } from '../../../src/util/rng.ts';

async function oracle(items: readonly Uint8Array[]): Promise<string> {
  const trie = new MerklePatriciaTrie();
  for (const [index, item] of items.entries()) await trie.put(RLP.encode(index), item);
  return toHex(trie.root());
}

describe('orderedTrieRoot', () => {
  it('is the empty root for no items', () => {
    expect(orderedTrieRoot([])).toBe(EMPTY_ROOT);
  });

  it.each([1, 2, 3, 16, 17, 127, 128, 129, 255, 256, 257, 700])(
    'agrees with @ethereumjs/mpt for %i items',
    async (count) => {
      const rng = new Rng(count);
      const items = Array.from({ length: count }, () =>
        Uint8Array.from({ length: rng.between(1, rng.chance(0.05) ? 3000 : 150) }, () => rng.between(0, 255)),
      );
      expect(orderedTrieRoot(items)).toBe(await oracle(items));
    },
  );

  it.each([55, 56, 255, 256, 65_535, 65_536, 100_000])(
    'agrees with @ethereumjs/mpt for an item of %i bytes',
    async (size) => {
      const items = [new Uint8Array(size).fill(7), Uint8Array.of(1)];
      expect(orderedTrieRoot(items)).toBe(await oracle(items));
      expect(orderedTrieRoot(items.slice(0, 1))).toBe(await oracle(items.slice(0, 1)));
    },
  );

  it('refuses an item without bytes', () => {
    expect(() => orderedTrieRoot([Uint8Array.of(1), new Uint8Array(0)])).toThrow(
      expect.objectContaining({ code: 'ORDERED_ITEM_EMPTY' }),
    );
  });
});
