import { describe, expect, it } from 'vitest';
import { BlockWeights, byWeight } from '../../../../consensus/common/block-weights.ts';
import type { Hash } from '../../../../src/types/primitives.ts';

const hashOf = (name: string): Hash => `0x${Buffer.from(name).toString('hex').padEnd(64, '0')}`;

function tree(blocks: readonly (readonly [name: string, parent: string, weight: number])[]): BlockWeights<null> {
  const made = new BlockWeights<null>({ hash: hashOf('root'), parentHash: hashOf('-'), number: 10, data: null });
  for (const [name, parent, weight] of blocks) {
    const number = (made.get(hashOf(parent))?.number ?? 0) + 1;
    made.add({ hash: hashOf(name), parentHash: hashOf(parent), number, weight: BigInt(weight), data: null });
  }
  return made;
}

describe('BlockWeights', () => {
  it('prefers weight over length, then lower number, then lower hash', () => {
    expect(tree([]).best(byWeight).hash).toBe(hashOf('root'));
    const heavy = tree([
      ['a', 'root', 1],
      ['b', 'a', 1],
      ['c', 'b', 1],
      ['d', 'root', 2],
      ['e', 'd', 2],
    ]);
    expect(heavy.best(byWeight).hash).toBe(hashOf('e'));
    const low = tree([
      ['a', 'root', 1],
      ['b', 'a', 1],
      ['c', 'root', 2],
    ]);
    expect(low.best(byWeight).hash).toBe(hashOf('c'));
    const tied = tree([
      ['b', 'root', 1],
      ['a', 'root', 1],
      ['c', 'root', 1],
    ]);
    expect(tied.best(byWeight).hash).toBe(hashOf('a'));
  });

  it('knows ancestors', () => {
    const made = tree([
      ['a', 'root', 1],
      ['b', 'a', 1],
      ['x', 'root', 1],
    ]);
    expect(made.isAncestor(hashOf('root'), hashOf('b'))).toBe(true);
    expect(made.isAncestor(hashOf('b'), hashOf('b'))).toBe(true);
    expect(made.isAncestor(hashOf('x'), hashOf('b'))).toBe(false);
    expect(made.isAncestor(hashOf('b'), hashOf('a'))).toBe(false);
    expect(made.isAncestor(hashOf('?'), hashOf('a'))).toBe(false);
  });

  it('forgets on a new root all that does not descend from it', () => {
    const made = tree([
      ['a', 'root', 1],
      ['x', 'root', 2],
      ['b', 'a', 1],
      ['y', 'x', 2],
      ['c', 'b', 1],
    ]);
    made.reroot(hashOf('a'));
    expect([...made.all()].map(({ hash }) => hash)).toEqual([hashOf('a'), hashOf('b'), hashOf('c')]);
    expect(made.root.hash).toBe(hashOf('a'));
    expect(made.best(byWeight).hash).toBe(hashOf('c'));
    expect(made.isAncestor(hashOf('root'), hashOf('c'))).toBe(false);
  });

  it('refuses a block without its parent, and one twice', () => {
    const made = tree([['a', 'root', 1]]);
    const block = { hash: hashOf('b'), parentHash: hashOf('?'), number: 12, weight: 1n, data: null };
    expect(() => made.add(block)).toThrow('after its parent');
    expect(() => made.add({ ...block, hash: hashOf('a'), parentHash: hashOf('root') })).toThrow('once');
  });
});
