import { describe, expect, it } from 'vitest';
import type { Transaction } from '../../../src/types/transaction.ts';
import { World } from './world.ts';

const RICH = 10n ** 18n;

function setUp(): World {
  const world = new World();
  for (const name of ['ann', 'bob', 'cat', 'dan', 'eve']) world.fund(name, RICH);
  return world;
}

function tip(from: string, tip: bigint, nonce = 0): Parameters<World['tx']>[0] {
  return { from, nonce, maxFeePerGas: 1_000n, maxPriorityFeePerGas: tip };
}

describe('a full pool', () => {
  it('evicts the cheapest for a better one, and says so in the log', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 3 });
    const [low, mid, high] = [tip('ann', 1n), tip('bob', 2n), tip('cat', 3n)].map((spec) => world.tx(spec));
    await pool.addMany([mid, high, low] as Transaction[], 'gossip');
    await pool.add(world.tx(tip('dan', 2n)), 'gossip');
    expect(pool.get(low?.hash ?? '0x')).toBeNull();
    expect(world.reasonFor(low as Transaction)).toBe('underpriced');
    expect(pool.status().pending).toBe(3);
    const refused = pool.add(world.tx(tip('eve', 2n)), 'gossip');
    await expect(refused).rejects.toMatchObject({
      code: 'POOL_UNDERPRICED',
      message: expect.stringMatching(/^transaction underpriced.*have 2, want at least 3$/),
    });
  });

  it('never evicts what was answered with a hash: the newcomer gets POOL_FULL', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 2 });
    await pool.add(world.tx(tip('ann', 1n)), 'local');
    await pool.add(world.tx(tip('bob', 1n)), 'local');
    for (const origin of ['gossip', 'local'] as const) {
      const adding = pool.add(world.tx(tip('cat', 500n)), origin);
      await expect(adding).rejects.toMatchObject({
        code: 'POOL_FULL',
        message: expect.stringMatching(/^txpool is full/),
      });
    }
    expect(pool.status().pending).toBe(2);
  });

  it('holds to the limit while journal writes are under way', async () => {
    const world = setUp();
    let open = (): void => {};
    world.journal.gate = new Promise((resolve) => (open = resolve));
    const pool = world.pool({ totalMax: 2 });
    const adding = ['ann', 'bob', 'cat'].map((name) => pool.add(world.tx(tip(name, 1n)), 'local'));
    open();
    const results = await Promise.allSettled(adding);
    expect(results.map((result) => result.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    expect(pool.status().pending).toBe(2);
  });

  it('takes from the end of a sender, and counts that end no dearer than what lies before it', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 3 });
    const ann = [world.tx(tip('ann', 1n, 0)), world.tx(tip('ann', 900n, 1))];
    await pool.addMany([...ann, world.tx(tip('bob', 5n))], 'gossip');
    await pool.add(world.tx(tip('cat', 4n)), 'gossip');
    expect(pool.has(ann[0]?.hash ?? '0x')).toBe(true);
    expect(pool.has(ann[1]?.hash ?? '0x')).toBe(false);
    expect(pool.status()).toMatchObject({ pending: 3, queued: 0 });
  });

  it('evicts what can not run before what can, and never the other way', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 2 });
    const queued = world.tx(tip('ann', 900n, 5));
    const executable = world.tx(tip('bob', 1n));
    await pool.addMany([queued, executable], 'gossip');
    await pool.add(world.tx(tip('cat', 1n)), 'gossip');
    expect(pool.has(queued.hash)).toBe(false);
    const refused = pool.add(world.tx(tip('dan', 900n, 5)), 'gossip');
    await expect(refused).rejects.toMatchObject({ code: 'POOL_FULL' });
    expect(pool.status()).toMatchObject({ pending: 2, queued: 0 });
  });

  it('keeps the base fee in mind', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 2 });
    const capped = world.tx({ from: 'ann', maxFeePerGas: 21n, maxPriorityFeePerGas: 20n });
    const plain = world.tx({ from: 'bob', maxFeePerGas: 100n, maxPriorityFeePerGas: 5n });
    await pool.addMany([capped, plain], 'gossip');
    world.baseFee = 20n;
    await pool.onHead({ added: [[]], removed: [] });
    await pool.add(world.tx({ from: 'cat', maxFeePerGas: 100n, maxPriorityFeePerGas: 3n }), 'gossip');
    expect(pool.has(capped.hash)).toBe(false);
  });

  it('spares what a local transaction of the same sender waits for', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 2 });
    await pool.add(world.tx(tip('ann', 1n, 0)), 'gossip');
    await pool.add(world.tx(tip('ann', 1n, 1)), 'local');
    await expect(pool.add(world.tx(tip('bob', 9n)), 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });

  it('counts bytes', async () => {
    const world = setUp();
    const pool = world.pool({ bytesMax: 1_000 });
    await pool.add(world.tx({ ...tip('ann', 1n), sizeBytes: 400 }), 'gossip');
    await pool.add(world.tx({ ...tip('bob', 2n), sizeBytes: 400 }), 'gossip');
    await pool.add(world.tx({ ...tip('cat', 3n), sizeBytes: 500 }), 'gossip');
    expect(pool.status()).toEqual({ pending: 2, queued: 0, bytes: 900 });
    const refused = pool.add(world.tx({ ...tip('dan', 1n), sizeBytes: 200 }), 'gossip');
    await expect(refused).rejects.toMatchObject({ code: 'POOL_UNDERPRICED' });
  });

  it('bounds what can not run', async () => {
    const world = setUp();
    const pool = world.pool({ queuedMax: 2 });
    await pool.add(world.tx(tip('ann', 1n, 1)), 'gossip');
    await pool.add(world.tx(tip('bob', 2n, 1)), 'local');
    await pool.add(world.tx(tip('cat', 3n, 1)), 'local');
    expect(pool.status()).toMatchObject({ pending: 0, queued: 2 });
    await expect(pool.add(world.tx(tip('dan', 9n, 1)), 'local')).rejects.toMatchObject({ code: 'POOL_FULL' });
    await pool.add(world.tx(tip('eve', 1n)), 'gossip');
    expect(pool.status()).toMatchObject({ pending: 1, queued: 2 });
  });

  it('a transaction known from gossip becomes local when it is submitted here', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 1 });
    const tx = world.tx(tip('ann', 1n));
    await pool.add(tx, 'gossip');
    await expect(pool.add(tx, 'local')).rejects.toMatchObject({ code: 'POOL_ALREADY_KNOWN' });
    expect([...world.journal.records.keys()]).toEqual([tx.hash]);
    await expect(pool.add(world.tx(tip('bob', 9n)), 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });

  it('does not tear out what a submission under way stands on', async () => {
    const world = setUp();
    let open = (): void => {};
    world.journal.gate = new Promise((resolve) => (open = resolve));
    const pool = world.pool({ totalMax: 3 });
    const base = world.tx(tip('ann', 1n, 0));
    await pool.addMany([base, world.tx(tip('bob', 5n))], 'gossip');
    const adding = pool.add(world.tx(tip('ann', 1n, 1)), 'local');
    await pool.add(world.tx(tip('cat', 9n)), 'gossip');
    open();
    await adding;
    expect(pool.has(base.hash)).toBe(true);
    expect(pool.status()).toMatchObject({ pending: 3, queued: 0 });
  });

  it('does not evict on an old mark what became local meanwhile', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 2 });
    const cheapest = world.tx(tip('ann', 1n));
    const next = world.tx(tip('bob', 2n));
    await pool.addMany([cheapest, next], 'gossip');
    // Refused: the order is built now and names `cheapest` first.
    await expect(pool.add(world.tx(tip('cat', 1n)), 'gossip')).rejects.toMatchObject({ code: 'POOL_UNDERPRICED' });
    await expect(pool.add(cheapest, 'local')).rejects.toMatchObject({ code: 'POOL_ALREADY_KNOWN' });
    await pool.add(world.tx(tip('dan', 9n)), 'gossip');
    expect(pool.has(cheapest.hash)).toBe(true);
    expect(pool.has(next.hash)).toBe(false);
  });

  it('stays in order over many evictions with one base fee', async () => {
    const world = new World();
    const pool = world.pool({ totalMax: 50 });
    const tips = Array.from({ length: 400 }, (_, i) => BigInt(((i * 7919) % 397) + 1));
    for (const [i, value] of tips.entries()) {
      world.fund(`s${i}`, RICH);
      await pool.addMany([world.tx(tip(`s${i}`, value))], 'gossip');
    }
    const kept = [...pool.content().pending.values()].flat().map((tx) => tx.maxPriorityFeePerGas);
    const best = tips.toSorted((a, b) => Number(b - a)).slice(0, 50);
    expect(kept.toSorted((a, b) => Number(b - a))).toEqual(best);
  });
});
