import { describe, expect, it } from 'vitest';
import type { Transaction } from '../../../src/types/transaction.ts';
import { World, hashesOf } from './world.ts';

const RICH = 10n ** 18n;

function setUp(): World {
  const world = new World();
  for (const name of ['ann', 'bob', 'cat']) world.fund(name, RICH);
  return world;
}

describe('the builder source', () => {
  it('gives the best effective tip first, nonces in order, ties by arrival', async () => {
    const world = setUp();
    const pool = world.pool();
    const ann0 = world.tx({ from: 'ann', nonce: 0, maxFeePerGas: 100n, maxPriorityFeePerGas: 2n });
    const ann1 = world.tx({ from: 'ann', nonce: 1, maxFeePerGas: 100n, maxPriorityFeePerGas: 50n });
    // Tip 60, but only 3 above the base fee.
    const bob0 = world.tx({ from: 'bob', nonce: 0, maxFeePerGas: 60n, maxPriorityFeePerGas: 60n });
    const cat0 = world.tx({ from: 'cat', nonce: 0, maxFeePerGas: 100n, maxPriorityFeePerGas: 2n });
    await pool.addMany([ann1, bob0, ann0, cat0], 'gossip');
    expect(hashesOf(pool.source(57n))).toEqual([bob0, ann0, ann1, cat0].map((tx) => tx.hash));
  });

  it('tells tips apart that are too large for a float', async () => {
    const world = setUp();
    const pool = world.pool();
    const huge = 2n ** 60n;
    const names = ['ann', 'bob', 'cat'];
    for (const name of names) world.fund(name, 10n ** 30n);
    const [low, high, mid] = [0n, 2n, 1n].map((more, i) =>
      world.tx({ from: names[i] as string, maxPriorityFeePerGas: huge + more, maxFeePerGas: huge * 2n }),
    ) as [Transaction, Transaction, Transaction];
    await pool.addMany([low, high, mid], 'gossip');
    expect(hashesOf(pool.source())).toEqual([high.hash, mid.hash, low.hash]);
  });

  it('leaves out what lies below the base fee and everything behind it', async () => {
    const world = setUp();
    const pool = world.pool();
    const low = world.tx({ from: 'ann', nonce: 0, maxFeePerGas: 6n });
    const behind = world.tx({ from: 'ann', nonce: 1, maxFeePerGas: 90n });
    const other = world.tx({ from: 'bob', nonce: 0, maxFeePerGas: 90n });
    await pool.addMany([low, behind, other], 'gossip');
    expect(hashesOf(pool.source(7n))).toEqual([other.hash]);
    expect(pool.pendingCount(7n)).toBe(1);
    expect(pool.status().pending).toBe(3);
    expect(pool.pendingCount(6n)).toBe(3);
  });

  it('skips the rest of a sender when told', async () => {
    const world = setUp();
    const pool = world.pool();
    const ann = [0, 1].map((nonce) => world.tx({ from: 'ann', nonce, maxPriorityFeePerGas: 3n }));
    const bob = world.tx({ from: 'bob' });
    await pool.addMany([...ann, bob], 'gossip');
    const source = pool.source();
    expect(source.next()).toBe(ann[0]);
    source.skipSender();
    expect(source.next()).toBe(bob);
    expect(source.next()).toBeNull();
    expect(source.next()).toBeNull();
    expect(pool.status().pending).toBe(3);
  });

  it('lives with a pool that changes meanwhile', async () => {
    const world = setUp();
    const pool = world.pool();
    const txs = [0, 1, 2].map((nonce) => world.tx({ from: 'ann', nonce }));
    await pool.addMany(txs, 'gossip');
    const source = pool.source();
    expect(source.next()).toBe(txs[0]);
    const better = world.tx({ from: 'ann', nonce: 1, maxFeePerGas: 50n, maxPriorityFeePerGas: 9n });
    await pool.add(better, 'gossip');
    expect(source.next()).toBe(better);
    world.fund('ann', RICH, 3);
    await pool.onHead({ added: [[...txs]], removed: [] });
    expect(source.next()).toBeNull();
  });
});

describe('sampling', () => {
  it('goes round through all executable hashes', async () => {
    const world = setUp();
    const pool = world.pool();
    const txs = [0, 1, 2, 3, 4].map((nonce) => world.tx({ from: 'ann', nonce }));
    const queued = world.tx({ from: 'bob', nonce: 3 });
    await pool.addMany([...txs, queued], 'gossip');
    const rounds = [pool.hashes(2), pool.hashes(2), pool.hashes(2)];
    for (const round of rounds) expect(round).toHaveLength(2);
    expect(new Set(rounds.flat())).toEqual(new Set(txs.map((tx) => tx.hash)));
    expect(pool.hashes(10)).toHaveLength(5);
  });

  it('names local transactions again when no block took them', async () => {
    const world = setUp();
    const pool = world.pool();
    const local = world.tx({ from: 'ann' });
    await pool.add(local, 'local');
    await pool.add(world.tx({ from: 'bob' }), 'gossip');
    world.head = 2;
    expect(pool.localRebroadcast(3, 10)).toEqual([]);
    world.head = 3;
    expect(pool.localRebroadcast(3, 10)).toEqual([local]);
    expect(pool.localRebroadcast(3, 10)).toEqual([]);
    world.head = 6;
    expect(pool.localRebroadcast(3, 10)).toEqual([local]);
  });
});
