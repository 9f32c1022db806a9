import { describe, expect, it } from 'vitest';
import { EMPTY_BLOCKS_MAX, Neglect } from '../../../../consensus/pbft/neglect.ts';
import type { JsonObject } from '../../../../src/types/primitives.ts';
import { Net, validator, type NetNode } from './net.ts';

const PATIENCE_MS = 2000;
const [EMPTY, FULL] = [{ gasUsed: 0 }, { gasUsed: 21_000 }];
const [v0, v1] = [validator(0), validator(1)];

/** Empty blocks of one primary, one a second, with transactions waiting at each height; as many as it takes. */
function blocksUntilDue(neglect: Neglect, from = 0): number {
  for (let count = 0; count < 1000; count++) {
    neglect.demanded(from + count * 1000);
    if (neglect.isDue(v0, from + count * 1000)) return count;
    neglect.decided(v0, EMPTY, true);
  }
  return Infinity;
}

describe('a primary that leaves transactions out', () => {
  it('is given three blocks after the one that may have crossed them', () => {
    expect(blocksUntilDue(new Neglect(PATIENCE_MS))).toBe(EMPTY_BLOCKS_MAX + 1);
  });

  it('is given the time of a view, however fast its blocks', () => {
    const neglect = new Neglect(PATIENCE_MS);
    for (let ms = 0; ms < PATIENCE_MS; ms += 50) {
      neglect.demanded(ms);
      expect(neglect.isDue(v0, ms)).toBe(false);
      neglect.decided(v0, EMPTY, true);
    }
    neglect.demanded(PATIENCE_MS);
    expect(neglect.isDue(v0, PATIENCE_MS)).toBe(true);
    expect(neglect.isDue(v1, PATIENCE_MS)).toBe(false);
    expect(neglect.isDue(null, PATIENCE_MS)).toBe(false);
  });

  it.each([
    ['a block with transactions', (neglect: Neglect) => neglect.decided(v0, FULL, true)],
    ['a block at which none waited', (neglect: Neglect) => neglect.decided(v0, EMPTY, true)],
    ['a block of another', (neglect: Neglect) => neglect.decided(v1, EMPTY, true)],
    ['a block from a peer that had it long ago', (neglect: Neglect) => neglect.decided(v0, EMPTY, false)],
  ])('starts anew with %s', (what, happens) => {
    const neglect = new Neglect(PATIENCE_MS);
    for (let i = 0; i < 3; i++) {
      neglect.demanded(i * 1000);
      neglect.decided(v0, EMPTY, true);
    }
    if (!what.includes('none waited')) neglect.demanded(3000);
    happens(neglect);
    expect(blocksUntilDue(neglect, 10_000)).toBeGreaterThanOrEqual(EMPTY_BLOCKS_MAX);
  });

  it('is given twice as many after each protest in vain', () => {
    const neglect = new Neglect(PATIENCE_MS);
    const counts: number[] = [];
    for (let i = 0; i < 8; i++) {
      counts.push(blocksUntilDue(neglect, i * 1e6));
      neglect.protested();
      neglect.decided(v0, EMPTY, true);
    }
    // The block decided over the protest counts as the first.
    expect(counts).toEqual([4, 5, 11, 23, 47, 95, 95, 95]);
    neglect.demanded(1e9);
    neglect.decided(v0, FULL, true);
    expect(blocksUntilDue(neglect, 2e9)).toBe(EMPTY_BLOCKS_MAX + 1);
  });
});

describe('in a network', () => {
  /** Transactions wait at `at` after every decision, and whoever is honest puts them in. */
  function waiting(params: JsonObject, censors: readonly number[], at: (node: NetNode) => boolean): Net {
    const net = new Net({ validators: 4, params: { blockTimeMs: 1000, viewTimeoutMs: 2000, ...params } }).start();
    net.nodes.forEach((node, i) => (node.gasUsed = censors.includes(i) ? 0 : 21_000));
    const told = new Map<NetNode, number>();
    for (let ms = 0; ms < 60_000; ms += 10) {
      for (const node of net.nodes.filter(at)) {
        if (told.get(node) === node.decided) continue;
        told.set(node, node.decided);
        node.step({ type: 'demand', pendingTxs: 1 });
      }
      net.run(10);
    }
    expect(net.nodes.flatMap(({ evidence, rejected, refused }) => [...evidence, ...rejected, ...refused])).toEqual([]);
    return net;
  }
  const authors = (net: Net): string[] =>
    net
      .chain()
      .slice(1)
      .map((hash) => net.nodes.find(({ address }) => address === net.node(2).blocks.get(hash)?.author)?.name ?? '');

  it('the next one takes over, and the one after that if it does the same', () => {
    const net = waiting({}, [0, 1], () => true);
    const turns = authors(net);
    // They waited before the first block of v1 already.
    expect(turns.slice(0, 8)).toEqual(['v0', 'v0', 'v0', 'v0', 'v1', 'v1', 'v1', 'v2']);
    expect(new Set(turns.slice(7))).toEqual(new Set(['v2']));
    // No time is lost to it.
    expect(net.decided).toBeGreaterThan(57);
  });

  it('an honest one stays, and so does one that only one validator complains of', () => {
    expect(new Set(authors(waiting({}, [], () => true)))).toEqual(new Set(['v0']));
    const net = waiting({}, [0], ({ name }) => name === 'v3');
    expect(new Set(authors(net))).toEqual(new Set(['v0']));
    expect(net.decided).toBeGreaterThan(57);
  });

  it('where each block has another primary, nobody complains', () => {
    const net = waiting({ proposers: 'rotating' }, [0, 1, 2, 3], () => true);
    expect(net.node(0).status.counters['viewChanges']).toBe(0);
  });
});
