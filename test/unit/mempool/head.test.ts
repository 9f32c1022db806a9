import { describe, expect, it } from 'vitest';
import type { Mempool } from '../../../src/mempool/mempool.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { World, address, hashesOf } from './world.ts';

const RICH = 10n ** 18n;

function setUp(): World {
  const world = new World();
  for (const name of ['ann', 'bob', 'cat']) world.fund(name, RICH);
  return world;
}

async function mine(world: World, pool: Mempool, ...block: Transaction[]): Promise<void> {
  world.head += 1;
  await pool.onHead({ added: [block], removed: [] });
}

describe('a new head', () => {
  it('takes out what was mined, with the reason in the log', async () => {
    const world = setUp();
    const pool = world.pool();
    const txs = [0, 1, 2].map((nonce) => world.tx({ from: 'ann', nonce }));
    for (const tx of txs) await pool.add(tx, 'local');
    world.fund('ann', RICH, 2);
    await mine(world, pool, ...txs.slice(0, 2));
    expect(txs.map((tx) => pool.has(tx.hash))).toEqual([false, false, true]);
    expect(world.left.map(({ reason }) => reason)).toEqual(['mined', 'mined']);
    expect(pool.status()).toEqual({ pending: 1, queued: 0, bytes: txs[2]?.raw.length });
  });

  it('has followed when onHead returns, where the state is synchronous', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = world.tx({ from: 'ann' });
    await pool.add(tx, 'gossip');
    world.fund('ann', RICH, 1);
    void pool.onHead({ added: [[tx]], removed: [] });
    expect(pool.has(tx.hash)).toBe(false);
    world.fund('ann', RICH, 0);
    void pool.onHead({ added: [], removed: [[tx]] });
    expect(pool.has(tx.hash)).toBe(true);
  });

  it('takes out what another transaction of that nonce made impossible', async () => {
    const world = setUp();
    const pool = world.pool();
    const ours = world.tx({ from: 'ann' });
    await pool.add(ours, 'gossip');
    world.fund('ann', RICH, 1);
    await mine(world, pool, world.tx({ from: 'ann' }));
    expect(world.reasonFor(ours)).toBe('nonce-too-low');
    expect(pool.status()).toEqual({ pending: 0, queued: 0, bytes: 0 });
  });

  it('takes out gossip that its sender can not pay for any more, and queues what lay behind', async () => {
    const world = setUp();
    const pool = world.pool();
    const txs = [1, 2, 3].map((nonce) => world.tx({ from: 'ann', nonce, value: nonce === 2 ? 900_000n : 0n }));
    await pool.addMany([world.tx({ from: 'ann', nonce: 0 }), ...txs], 'gossip');
    world.fund('ann', 1_000_000n, 1);
    await mine(world, pool, world.tx({ from: 'ann', nonce: 0 }));
    expect(world.reasonFor(txs[1] as Transaction)).toBe('unaffordable');
    expect(pool.status()).toMatchObject({ pending: 1, queued: 1 });
  });

  it('keeps local ones that are unaffordable for now; they run when the coins are back', async () => {
    const world = setUp();
    const pool = world.pool();
    const waiting = world.tx({ from: 'ann', nonce: 1, value: 500_000n });
    const first = world.tx({ from: 'ann', nonce: 0 });
    for (const tx of [first, waiting]) await pool.add(tx, 'local');
    world.fund('ann', 100_000n, 1);
    await mine(world, pool, first);
    expect(pool.has(waiting.hash)).toBe(true);
    expect(pool.status()).toMatchObject({ pending: 0, queued: 1 });
    expect(hashesOf(pool.source())).toEqual([]);
    // Nothing in the block names the sender: a contract may have paid it.
    world.fund('ann', RICH, 1);
    await mine(world, pool);
    expect(hashesOf(pool.source())).toEqual([waiting.hash]);
  });

  it('keeps a bounded number of those', async () => {
    const world = setUp();
    const pool = world.pool({ strandedMax: 2 });
    const txs = [0, 1, 2, 3].map((nonce) => world.tx({ from: 'ann', nonce }));
    for (const tx of txs) await pool.add(tx, 'local');
    world.fund('ann', 0n);
    await mine(world, pool, world.tx({ from: 'bob', to: address('ann') }));
    expect(txs.map((tx) => pool.has(tx.hash))).toEqual([true, true, false, false]);
    expect(world.journal.records.size).toBe(2);
  });

  it('leaves alone what the base fee has overtaken, and does not offer it', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = world.tx({ from: 'ann', maxFeePerGas: 10n });
    await pool.add(tx, 'gossip');
    world.baseFee = 11n;
    await mine(world, pool);
    expect(pool.has(tx.hash)).toBe(true);
    expect(hashesOf(pool.source())).toEqual([]);
    world.baseFee = 10n;
    await mine(world, pool);
    expect(hashesOf(pool.source())).toEqual([tx.hash]);
  });

  it('forgets gossip that waited too long for its nonce, never what is local or what that waits for', async () => {
    const world = setUp();
    const pool = world.pool({ lifetimeMs: 1_000 });
    const forgotten = world.tx({ from: 'ann', nonce: 2 });
    const needed = world.tx({ from: 'bob', nonce: 2 });
    const local = world.tx({ from: 'bob', nonce: 3 });
    const runs = world.tx({ from: 'cat', nonce: 0 });
    await pool.addMany([forgotten, needed, runs], 'gossip');
    await pool.add(local, 'local');
    world.time.advance(1_001);
    await mine(world, pool);
    expect(world.left).toEqual([{ hash: forgotten.hash, reason: 'expired' }]);
  });

  it('during a submission: the check is made again with the new state', async () => {
    const world = setUp();
    world.delayTurns = 4;
    const pool = world.pool();
    const tx = world.tx({ from: 'ann' });
    const adding = pool.add(tx, 'local').catch((error: unknown) => error);
    world.fund('ann', RICH, 1);
    void pool.onHead({ added: [[world.tx({ from: 'ann' })]], removed: [] });
    expect(await adding).toMatchObject({ code: 'POOL_NONCE_TOO_LOW' });
    expect(world.journal.records.size).toBe(0);
  });

  it('during a journal write: what was mined meanwhile is not taken in again', async () => {
    const world = setUp();
    let open = (): void => {};
    world.journal.gate = new Promise((resolve) => (open = resolve));
    const pool = world.pool();
    const tx = world.tx({ from: 'ann' });
    const adding = pool.add(tx, 'local').catch((error: unknown) => error);
    world.fund('ann', RICH, 1);
    await mine(world, pool, tx);
    open();
    expect(await adding).toMatchObject({ code: 'POOL_NONCE_TOO_LOW' });
    expect(pool.status().pending).toBe(0);
  });

  it('while the last is still being read: both are applied as one', async () => {
    const world = setUp();
    const pool = world.pool();
    const txs = [0, 1].map((nonce) => world.tx({ from: 'ann', nonce }));
    await pool.addMany(txs, 'gossip');
    world.delayTurns = 5;
    world.fund('ann', RICH, 1);
    const first = pool.onHead({ added: [[txs[0] as Transaction]], removed: [] });
    world.fund('ann', RICH, 2);
    const second = pool.onHead({ added: [[txs[1] as Transaction]], removed: [] });
    await Promise.all([first, second]);
    expect(world.left.map(({ reason }) => reason)).toEqual(['mined', 'mined']);
    expect(pool.status()).toEqual({ pending: 0, queued: 0, bytes: 0 });
  });
});

describe('a reorg', () => {
  async function minedOne(world: World, pool: Mempool, origin: 'local' | 'gossip'): Promise<Transaction> {
    const tx = world.tx({ from: 'ann' });
    await pool.add(tx, origin);
    world.fund('ann', RICH, 1);
    await mine(world, pool, tx);
    return tx;
  }

  it('brings back what it dropped, in nonce order before what waited', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = await minedOne(world, pool, 'gossip');
    const next = world.tx({ from: 'ann', nonce: 1 });
    await pool.add(next, 'gossip');
    world.fund('ann', RICH, 0);
    await pool.onHead({ added: [[]], removed: [[tx]] });
    expect(hashesOf(pool.source())).toEqual([tx.hash, next.hash]);
  });

  it('looks at every sender again: a block without transactions may have paid one', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = world.tx({ from: 'ann', value: 1_000_000n });
    await pool.add(tx, 'gossip');
    world.fund('ann', 1_000n);
    await pool.onHead({ added: [[]], removed: [[]] });
    expect(world.reasonFor(tx)).toBe('unaffordable');
  });

  it('does not bring back what the new branch holds too', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = await minedOne(world, pool, 'local');
    await pool.onHead({ added: [[], [tx]], removed: [[tx]] });
    expect(pool.has(tx.hash)).toBe(false);
    expect([...world.journal.records.keys()]).toEqual([tx.hash]);
  });

  it('keeps the promise for local ones even when the pool is full; others must be worth it', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 1 });
    const tx = await minedOne(world, pool, 'local');
    const cheap = world.tx({ from: 'bob', maxPriorityFeePerGas: 1n });
    const dear = world.tx({ from: 'cat', maxPriorityFeePerGas: 4n });
    await pool.add(world.tx({ from: 'cat', nonce: 1 }), 'local');
    world.fund('ann', RICH, 0);
    await pool.onHead({ added: [], removed: [[tx, cheap, dear]] });
    expect(pool.has(tx.hash)).toBe(true);
    // `dear` is what the local transaction of the same sender waits for.
    expect(pool.has(dear.hash)).toBe(true);
    expect(pool.has(cheap.hash)).toBe(false);
  });

  it('gives the nonce back to the local one when the block of its rival is gone and the rival too', async () => {
    const world = setUp();
    const pool = world.pool();
    const ours = world.tx({ from: 'ann' });
    await pool.add(ours, 'local');
    const rival = world.tx({ from: 'ann', gasLimit: 30_000_000, value: RICH });
    world.fund('ann', 1_000n, 1);
    await mine(world, pool, rival);
    expect(pool.has(ours.hash)).toBe(false);
    world.fund('ann', 10n ** 17n, 0);
    await pool.onHead({ added: [[]], removed: [[rival]] });
    expect(hashesOf(pool.source())).toEqual([ours.hash]);
  });

  it('protects the rival that takes the nonce back in its place', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 1 });
    const ours = world.tx({ from: 'ann' });
    await pool.add(ours, 'local');
    const rival = world.tx({ from: 'ann' });
    world.fund('ann', RICH, 1);
    await mine(world, pool, rival);
    world.fund('ann', RICH, 0);
    await pool.onHead({ added: [[]], removed: [[rival]] });
    expect(hashesOf(pool.source())).toEqual([rival.hash]);
    const dear = world.tx({ from: 'bob', maxFeePerGas: 900n, maxPriorityFeePerGas: 900n });
    await expect(pool.add(dear, 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });
});

describe('the journal', () => {
  it('has the record before the hash is answered, and refuses when it can not be written', async () => {
    const world = setUp();
    const pool = world.pool();
    world.journal.failure = new Error('disk full');
    const adding = pool.add(world.tx({ from: 'ann' }), 'local');
    await expect(adding).rejects.toMatchObject({ code: 'POOL_JOURNAL_FAILED' });
    expect(pool.status().pending).toBe(0);
    world.journal.failure = null;
    const tx = world.tx({ from: 'ann' });
    await pool.add(tx, 'local');
    expect(world.journal.records.has(tx.hash)).toBe(true);
  });

  it('does not hold gossip', async () => {
    const world = setUp();
    await world.pool().add(world.tx({ from: 'ann' }), 'gossip');
    expect(world.journal.records.size).toBe(0);
  });

  it('gives everything back after a restart, still protected', async () => {
    const world = setUp();
    const before = world.pool();
    const txs = [0, 1, 2].map((nonce) => world.tx({ from: 'ann', nonce }));
    for (const tx of txs.toReversed()) await before.add(tx, 'local');
    await before.add(world.tx({ from: 'bob' }), 'gossip');
    world.baseFee = 11n;
    const after = world.pool({ totalMax: 3 });
    await after.start();
    world.baseFee = 5n;
    expect(hashesOf(after.source())).toEqual(txs.map((tx) => tx.hash));
    await expect(after.add(world.tx({ from: 'cat' }), 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });

  it('keeps what is mined until it is final, over a restart and a reorg', async () => {
    const world = setUp();
    const before = world.pool();
    const tx = world.tx({ from: 'ann' });
    await before.add(tx, 'local');
    world.fund('ann', RICH, 1);
    await mine(world, before, tx);
    const after = world.pool({ totalMax: 1 });
    await after.start();
    expect(after.status()).toEqual({ pending: 0, queued: 0, bytes: 0 });
    expect(world.journal.records.has(tx.hash)).toBe(true);
    world.fund('ann', RICH, 0);
    await after.onHead({ added: [[]], removed: [[tx]] });
    expect(after.has(tx.hash)).toBe(true);
    await expect(after.add(world.tx({ from: 'bob' }), 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
    world.fund('ann', RICH, 1);
    await mine(world, after, tx);
    after.onFinalized(world.head, [tx.hash]);
    expect(world.journal.records.size).toBe(0);
  });

  it('drops records that are final without a word from the chain, dead or unreadable', async () => {
    const world = setUp();
    const before = world.pool();
    const final = world.tx({ from: 'ann', nonce: 0 });
    const wrongChain = world.tx({ from: 'bob', chainId: 1 });
    await before.add(final, 'local');
    world.journal.records.set(wrongChain.hash, wrongChain.raw);
    world.journal.records.set('0x77', Buffer.from('rubbish'));
    world.journal.records.set('0x78', final.raw);
    world.fund('ann', RICH, 1);
    world.head = 7;
    const after = world.pool();
    await after.start();
    expect([...world.journal.records.keys()]).toEqual([final.hash]);
    after.onFinalized(6, []);
    expect(world.journal.records.size).toBe(1);
    after.onFinalized(7, []);
    expect(world.journal.records.size).toBe(0);
  });

  it('is bounded: when too much waits for finality, submissions are refused', async () => {
    const world = setUp();
    const pool = world.pool({ journalMax: 1 });
    const tx = world.tx({ from: 'ann' });
    await pool.add(tx, 'local');
    world.fund('ann', RICH, 1);
    await mine(world, pool, tx);
    const next = world.tx({ from: 'ann', nonce: 1 });
    await expect(pool.add(next, 'local')).rejects.toMatchObject({ code: 'POOL_FULL' });
    pool.onFinalized(1, [tx.hash]);
    await pool.add(next, 'local');
  });

  it('a node without one still protects what it answered', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 1 }, { journal: null });
    await pool.add(world.tx({ from: 'ann' }), 'local');
    const dear = world.tx({ from: 'bob', maxFeePerGas: 99n, maxPriorityFeePerGas: 90n });
    await expect(pool.add(dear, 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });
});
