import { describe, expect, it } from 'vitest';
import type { Mempool } from '../../../src/mempool/mempool.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { World, address, hashesOf } from './world.ts';
import type { TxSpec } from './world.ts';

const RICH = 10n ** 18n;

function setUp(): World {
  const world = new World();
  world.fund('ann', RICH);
  world.fund('bob', RICH);
  return world;
}

async function codesOf(submissions: readonly Promise<unknown>[]): Promise<string[]> {
  const results = await Promise.allSettled(submissions);
  return results.map((result) => (result.status === 'fulfilled' ? 'ok' : errorCode(result.reason)));
}

describe('what a submission is refused for', () => {
  const cases: readonly [string, Omit<TxSpec, 'from'>, RegExp][] = [
    ['POOL_WRONG_CHAIN', { chainId: 1 }, /invalid chain id: have 1, want 31337/],
    ['POOL_GAS_LIMIT', { gasLimit: 30_000_001 }, /exceeds block gas limit: have 30000001, want at most 30000000/],
    ['POOL_INTRINSIC_GAS', { gasLimit: 20_999 }, /intrinsic gas too low: have 20999, want at least 21000/],
    [
      'POOL_INIT_CODE_SIZE',
      { to: null, data: new Uint8Array(49_153), gasLimit: 10_000_000 },
      /max initcode size exceeded: have 49153, want at most 49152/,
    ],
    ['POOL_FEE_BELOW_BASE', { maxFeePerGas: 4n }, /max fee per gas less than block base fee: have 4, want at least 5/],
    ['POOL_NONCE_TOO_LOW', { nonce: 2 }, /nonce too low: have 2, want at least 3/],
    ['POOL_NONCE_TOO_HIGH', { nonce: 14 }, /nonce too high: have 14, want at most 13/],
    [
      'POOL_INSUFFICIENT_FUNDS',
      { nonce: 3, value: 900_000n },
      /insufficient funds for gas \* price \+ value: have 1000000, want 1110000/,
    ],
  ];

  it.each(cases)('%s', async (code, fields, message) => {
    const world = setUp();
    world.fund('cat', 1_000_000n, 3);
    const pool = world.pool({ nonceGapMax: 10 });
    const adding = pool.add(world.tx({ from: 'cat', nonce: 3, ...fields }), 'local');
    await expect(adding).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    expect(pool.status()).toEqual({ pending: 0, queued: 0, bytes: 0 });
    expect(world.journal.records.size).toBe(0);
  });

  it('a sender with code', async () => {
    const world = setUp();
    const account = await world.account(address('ann'));
    world.accounts.set(address('ann'), { ...account, codeHash: `0x${'11'.repeat(32)}` });
    const adding = world.pool().add(world.tx({ from: 'ann' }), 'local');
    await expect(adding).rejects.toMatchObject({ code: 'POOL_SENDER_NOT_EOA' });
  });

  it('what is known already, and what was mined before', async () => {
    const world = setUp();
    const pool = world.pool();
    const tx = world.tx({ from: 'ann' });
    await pool.add(tx, 'local');
    await expect(pool.add(tx, 'local')).rejects.toMatchObject({ code: 'POOL_ALREADY_KNOWN', message: 'already known' });
    world.fund('ann', RICH, 1);
    world.head = 1;
    await pool.onHead({ added: [[tx]], removed: [] });
    await expect(pool.add(tx, 'local')).rejects.toMatchObject({ code: 'POOL_NONCE_TOO_LOW' });
  });

  it('more than the sender may have', async () => {
    const world = setUp();
    const pool = world.pool({ senderSlotsMax: 2, senderSlotsLocalMax: 3 });
    for (const nonce of [0, 1]) await pool.add(world.tx({ from: 'ann', nonce }), 'gossip');
    const third = world.tx({ from: 'ann', nonce: 2 });
    await expect(pool.add(third, 'gossip')).rejects.toMatchObject({ code: 'POOL_SENDER_LIMIT' });
    await pool.add(third, 'local');
    const fourth = world.tx({ from: 'ann', nonce: 3 });
    await expect(pool.add(fourth, 'local')).rejects.toMatchObject({ code: 'POOL_SENDER_LIMIT' });
  });

  it('a transaction without a chain id is taken: old deployment tools send them', async () => {
    const world = setUp();
    const pool = world.pool();
    await pool.add(world.tx({ from: 'ann', type: 0, chainId: null }), 'local');
    expect(pool.pendingCount()).toBe(1);
  });

  it('anything once the pool is closed; what is under way is answered first', async () => {
    const world = setUp();
    world.delayTurns = 5;
    const pool = world.pool();
    const open = pool.add(world.tx({ from: 'ann' }), 'local');
    let closed = false;
    const closing = pool.close().then(() => (closed = true));
    await expect(pool.add(world.tx({ from: 'bob' }), 'local')).rejects.toMatchObject({ code: 'POOL_STOPPED' });
    expect(closed).toBe(false);
    await open;
    await closing;
    expect(world.journal.records.size).toBe(1);
  });
});

describe('replacement', () => {
  async function replaceWith(fields: Partial<Transaction>): Promise<{ code: string; pool: Mempool; old: Transaction }> {
    const world = setUp();
    const pool = world.pool();
    const old = world.tx({ from: 'ann', maxFeePerGas: 100n, maxPriorityFeePerGas: 10n });
    await pool.add(old, 'local');
    const [code] = await codesOf([pool.add(world.tx({ from: 'ann', ...fields }), 'local')]);
    return { code: code ?? '', pool, old };
  }

  it('takes 10 % more in both fields', async () => {
    const { code, pool, old } = await replaceWith({ maxFeePerGas: 110n, maxPriorityFeePerGas: 11n });
    expect(code).toBe('ok');
    expect(pool.get(old.hash)).toBeNull();
    expect(pool.status().pending).toBe(1);
  });

  it.each([
    { maxFeePerGas: 109n, maxPriorityFeePerGas: 11n },
    { maxFeePerGas: 110n, maxPriorityFeePerGas: 10n },
  ])('refuses less in either: %o', async (fields) => {
    const { code, pool, old } = await replaceWith(fields);
    expect(code).toBe('POOL_REPLACEMENT_UNDERPRICED');
    expect(pool.get(old.hash)).toBe(old);
  });

  it('says by how much it fell short, in the words wallets know', async () => {
    const world = setUp();
    const pool = world.pool();
    await pool.add(world.tx({ from: 'ann', maxFeePerGas: 101n, maxPriorityFeePerGas: 0n }), 'local');
    const adding = pool.add(world.tx({ from: 'ann', maxFeePerGas: 111n, maxPriorityFeePerGas: 1n }), 'local');
    await expect(adding).rejects.toThrow(
      'replacement transaction underpriced: maxFeePerGas too low: have 111, want at least 112',
    );
  });

  it('must be affordable with the rest of the sender, what it replaces left out', async () => {
    const world = setUp();
    world.fund('ann', 1_000_000n);
    const pool = world.pool();
    await pool.add(world.tx({ from: 'ann', nonce: 0, value: 200_000n }), 'local');
    await pool.add(world.tx({ from: 'ann', nonce: 1, value: 200_000n }), 'local');
    const fees = { maxFeePerGas: 11n, maxPriorityFeePerGas: 2n };
    const dear = pool.add(world.tx({ from: 'ann', nonce: 0, value: 400_000n, ...fees }), 'local');
    await expect(dear).rejects.toMatchObject({ code: 'POOL_INSUFFICIENT_FUNDS' });
    await pool.add(world.tx({ from: 'ann', nonce: 0, value: 350_000n, ...fees }), 'local');
    expect(pool.status()).toMatchObject({ pending: 2, queued: 0 });
  });

  it('frees the journal of what was replaced', async () => {
    const world = setUp();
    const pool = world.pool();
    const first = world.tx({ from: 'ann' });
    const second = world.tx({ from: 'ann', maxFeePerGas: 20n, maxPriorityFeePerGas: 2n });
    await pool.add(first, 'local');
    expect(await pool.add(second, 'local')).toEqual({ hash: second.hash, replaced: first.hash });
    expect([...world.journal.records.keys()]).toEqual([second.hash]);
    expect(world.reasonFor(first)).toBe('replaced');
  });

  it('by gossip keeps the promise: the new one is journalled too', async () => {
    const world = setUp();
    const pool = world.pool({ totalMax: 1 });
    await pool.add(world.tx({ from: 'ann' }), 'local');
    const second = world.tx({ from: 'ann', maxFeePerGas: 20n, maxPriorityFeePerGas: 2n });
    await pool.add(second, 'gossip');
    expect([...world.journal.records.keys()]).toEqual([second.hash]);
    const rival = world.tx({ from: 'bob', maxFeePerGas: 99n, maxPriorityFeePerGas: 90n });
    await expect(pool.add(rival, 'gossip')).rejects.toMatchObject({ code: 'POOL_FULL' });
  });
});

describe('pending and queued', () => {
  it('a gap makes later nonces wait, filling it promotes them in order', async () => {
    const world = setUp();
    const pool = world.pool();
    const heard: number[] = [];
    pool.onPending((tx) => heard.push(tx.nonce));
    for (const nonce of [2, 1, 4]) await pool.add(world.tx({ from: 'ann', nonce }), 'local');
    expect(pool.status()).toMatchObject({ pending: 0, queued: 3 });
    expect(pool.pendingNonce(address('ann'))).toBe(0);
    await pool.add(world.tx({ from: 'ann', nonce: 0 }), 'local');
    expect(heard).toEqual([0, 1, 2]);
    expect(pool.status()).toMatchObject({ pending: 3, queued: 1 });
    expect(pool.pendingNonce(address('ann'))).toBe(3);
    expect(pool.pendingNonce(address('bob'))).toBeNull();
    const { pending, queued } = pool.content();
    expect(pending.get(address('ann'))?.map((tx) => tx.nonce)).toEqual([0, 1, 2]);
    expect(queued.get(address('ann'))?.map((tx) => tx.nonce)).toEqual([4]);
  });

  it('asks for a block when the pool goes from nothing to something', async () => {
    const world = setUp();
    const pool = world.pool();
    const demands: number[] = [];
    pool.onDemand((count) => demands.push(count));
    await pool.add(world.tx({ from: 'ann', nonce: 1 }), 'local');
    expect(demands).toEqual([]);
    await pool.add(world.tx({ from: 'ann', nonce: 0 }), 'local');
    await pool.add(world.tx({ from: 'bob', nonce: 0 }), 'local');
    expect(demands).toHaveLength(1);
    await pool.onHead({ added: [[]], removed: [] });
    expect(demands).toHaveLength(2);
    expect(demands[1]).toBe(3);
  });

  it('a listener that throws does not harm the submission', async () => {
    const world = setUp();
    const pool = world.pool();
    pool.onPending(() => {
      throw new Error('listener');
    });
    await pool.add(world.tx({ from: 'ann' }), 'local');
    expect(pool.pendingCount()).toBe(1);
  });
});

describe('two at once', () => {
  /** The state is slow, so both read it before either is in. */
  async function race(locked: boolean): Promise<{ pool: Mempool; world: World; nonces: string[]; spends: string[] }> {
    const world = setUp();
    world.delayTurns = 3;
    world.fund('bob', 1_500_000n);
    const noLock = { acquire: () => ({ release: () => {} }) };
    const pool = world.pool({}, locked ? {} : { lock: noLock });
    // The same nonce twice, at a price that is no replacement.
    const nonces = codesOf([0, 1].map((value) => pool.add(world.tx({ from: 'ann', value: BigInt(value) }), 'local')));
    // Two that the balance pays for one by one, not together.
    const spends = codesOf(
      [0, 1].map((nonce) => pool.add(world.tx({ from: 'bob', nonce, value: 1_000_000n }), 'local')),
    );
    return { pool, world, nonces: await nonces, spends: await spends };
  }

  it('never both take one nonce or spend one balance', async () => {
    const { pool, nonces, spends, world } = await race(true);
    expect(nonces).toEqual(['ok', 'POOL_REPLACEMENT_UNDERPRICED']);
    expect(spends).toEqual(['ok', 'POOL_INSUFFICIENT_FUNDS']);
    expect(pool.status()).toMatchObject({ pending: 2, queued: 0 });
    expect(world.journal.records.size).toBe(2);
  });

  it('would do both without the lock: this is what it is for', async () => {
    const { nonces, spends } = await race(false);
    expect(nonces).toEqual(['ok', 'ok']);
    expect(spends).toEqual(['ok', 'ok']);
  });

  it('64 senders with 32 in flight each: every one gets its hash and is there', async () => {
    const world = new World();
    world.delayTurns = 2;
    const pool = world.pool();
    const submissions: Promise<unknown>[] = [];
    const transactions: Transaction[] = [];
    for (let sender = 0; sender < 64; sender++) world.fund(`s${sender}`, RICH);
    for (let nonce = 0; nonce < 32; nonce++) {
      for (let sender = 0; sender < 64; sender++) {
        const tx = world.tx({ from: `s${sender}`, nonce: nonce ^ 1 });
        transactions.push(tx);
        submissions.push(pool.add(tx, 'local'));
      }
    }
    await Promise.all(submissions);
    expect(pool.status()).toMatchObject({ pending: 2048, queued: 0 });
    expect(new Set(hashesOf(pool.source()))).toEqual(new Set(transactions.map((tx) => tx.hash)));
    expect(world.journal.records.size).toBe(2048);
  });

  it('one sender with 1,000 in flight', async () => {
    const world = setUp();
    const pool = world.pool();
    const nonces = Array.from({ length: 1000 }, (_, i) => i).toReversed();
    const codes = await codesOf(nonces.map((nonce) => pool.add(world.tx({ from: 'ann', nonce }), 'local')));
    expect(codes.every((code) => code === 'ok')).toBe(true);
    expect(pool.status()).toMatchObject({ pending: 1000, queued: 0 });
  });

  it('does not keep other senders waiting, and answers POOL_BUSY to one that waited too long', async () => {
    const world = setUp();
    let open = (): void => {};
    world.journal.gate = new Promise((resolve) => (open = resolve));
    const pool = world.pool();
    const first = pool.add(world.tx({ from: 'ann', nonce: 0 }), 'local');
    const second = codesOf([pool.add(world.tx({ from: 'ann', nonce: 1 }), 'local')]);
    await pool.add(world.tx({ from: 'bob' }), 'gossip');
    expect(pool.pendingCount()).toBe(1);
    world.time.advance(5_000);
    expect(await second).toEqual(['POOL_BUSY']);
    open();
    await first;
    expect(pool.pendingCount()).toBe(2);
  });

  it('the same bytes twice at once: one hash, one refusal', async () => {
    const world = setUp();
    world.delayTurns = 2;
    const pool = world.pool();
    const tx = world.tx({ from: 'ann' });
    expect(await codesOf([pool.add(tx, 'local'), pool.add(tx, 'local')])).toEqual(['ok', 'POOL_ALREADY_KNOWN']);
  });
});

describe('a batch', () => {
  it('is taken in order, with an answer for each', async () => {
    const world = setUp();
    const pool = world.pool();
    const batch = [0, 1, 1, 2].map((nonce) => world.tx({ from: 'ann', nonce }));
    const answers = await pool.addMany(batch, 'gossip');
    expect(answers.map((answer) => answer.hash)).toEqual(batch.map((tx) => tx.hash));
    expect(answers.map((answer) => answer.refusal?.code ?? 'ok')).toEqual([
      'ok',
      'ok',
      'POOL_REPLACEMENT_UNDERPRICED',
      'ok',
    ]);
    expect(pool.pendingCount()).toBe(3);
  });
});
