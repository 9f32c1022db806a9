import { describe, expect, it } from 'vitest';
import { KeyedLock } from '../../../src/util/keyed-lock.ts';
import type { KeyedLockOptions, Lease } from '../../../src/util/keyed-lock.ts';
import type { Metrics } from '../../../src/util/metrics.ts';
import { ManualTime } from '../mempool/manual-time.ts';

function setUp(options: Partial<KeyedLockOptions> = {}) {
  const time = new ManualTime();
  const waits: number[] = [];
  const depths: number[] = [];
  const metrics: Metrics = {
    counter: () => ({ add: () => {} }),
    gauge: () => ({ set: (value) => void depths.push(value) }),
    histogram: () => ({ observe: (value) => void waits.push(value) }),
  };
  const defaults = { name: 'test', timeoutMs: 1000, waitersPerKeyMax: 100, waitersMax: 1000 };
  const lock = new KeyedLock({ ...defaults, ...options }, { clock: time, timers: time, metrics });
  return { lock, time, waits, depths };
}

function now(taken: Lease | Promise<Lease>): Lease {
  if (taken instanceof Promise) throw new Error('the lock was not free');
  return taken;
}

async function settled<T>(promise: Promise<T>): Promise<T | 'open'> {
  const turns = async (): Promise<'open'> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
    return 'open';
  };
  return Promise.race([promise, turns()]);
}

describe('KeyedLock', () => {
  it('gives a free key at once, without a timer, and keeps nothing when it is released', () => {
    const { lock, time } = setUp();
    const lease = now(lock.acquire('a'));
    expect(time.pending).toBe(0);
    expect(lock.held).toBe(1);
    lease.release();
    expect(lock.held).toBe(0);
    now(lock.acquire('a')).release();
  });

  it('lets in those who wait in the order in which they asked, and nobody between', async () => {
    const { lock } = setUp();
    const first = now(lock.acquire('a'));
    const order: number[] = [];
    const tasks = Array.from({ length: 20 }, (_, i) =>
      lock.run('a', async () => {
        order.push(i);
        await Promise.resolve();
      }),
    );
    first.release();
    const late = lock.run('a', () => void order.push(99));
    await Promise.all([...tasks, late]);
    expect(order).toEqual([...Array.from({ length: 20 }, (_, i) => i), 99]);
    expect(lock.held).toBe(0);
  });

  it('never has two holders of one key', async () => {
    const { lock } = setUp();
    let inside = 0;
    let most = 0;
    const task = async (): Promise<void> => {
      inside += 1;
      most = Math.max(most, inside);
      await Promise.resolve();
      await Promise.resolve();
      inside -= 1;
    };
    await Promise.all(Array.from({ length: 50 }, () => lock.run('a', task)));
    expect(most).toBe(1);
  });

  it('does not block holders of other keys', () => {
    const { lock } = setUp();
    now(lock.acquire('a'));
    now(lock.acquire('b'));
    expect(lock.held).toBe(2);
  });

  it('gives up after the timeout, names the holder, and leaves the others in line', async () => {
    const { lock, time } = setUp();
    const holder = now(lock.acquire('a', { owner: 'import' }));
    const impatient = lock.acquire('a', { timeoutMs: 10 }) as Promise<Lease>;
    const patient = lock.acquire('a') as Promise<Lease>;
    const refused = impatient.catch((error: unknown) => error);
    time.advance(10);
    expect(await refused).toMatchObject({ code: 'LOCK_TIMEOUT', data: { holder: 'import', waitedMs: 10 } });
    expect(lock.depth).toBe(1);
    holder.release();
    (await patient).release();
    expect(time.pending).toBe(0);
    expect(lock.held).toBe(0);
  });

  it('gives up on a signal, before or while it waits', async () => {
    const { lock } = setUp();
    const early = AbortSignal.abort('no');
    expect(() => lock.acquire('a', { signal: early })).toThrowError(expect.objectContaining({ code: 'LOCK_ABORTED' }));
    const holder = now(lock.acquire('a'));
    const controller = new AbortController();
    const waiting = lock.acquire('a', { signal: controller.signal }) as Promise<Lease>;
    const refused = waiting.catch((error: unknown) => error);
    controller.abort();
    expect(await refused).toMatchObject({ code: 'LOCK_ABORTED' });
    expect(lock.depth).toBe(0);
    holder.release();
    expect(lock.held).toBe(0);
  });

  it('bounds the line of one key and all lines together', () => {
    const { lock } = setUp({ waitersPerKeyMax: 2, waitersMax: 3 });
    const full = expect.objectContaining({ code: 'LOCK_QUEUE_FULL' });
    now(lock.acquire('a'));
    now(lock.acquire('b'));
    void lock.acquire('a');
    void lock.acquire('a');
    expect(() => lock.acquire('a')).toThrowError(full);
    void lock.acquire('b');
    expect(() => lock.acquire('b')).toThrowError(full);
    expect(lock.depth).toBe(3);
  });

  it('ignores a second release: it does not free the next holder', async () => {
    const { lock } = setUp();
    const first = now(lock.acquire('a'));
    const second = lock.acquire('a') as Promise<Lease>;
    const third = lock.acquire('a') as Promise<Lease>;
    first.release();
    first.release();
    const lease = await second;
    expect(await settled(third)).toBe('open');
    lease.release();
    (await third).release();
  });

  it('releases when the task throws', async () => {
    const { lock } = setUp();
    await expect(lock.run('a', () => Promise.reject(new Error('boom')))).rejects.toThrow('boom');
    expect(lock.held).toBe(0);
  });

  it('measures how long each waiter waited and how many wait', async () => {
    const { lock, time, waits, depths } = setUp();
    const holder = now(lock.acquire('a'));
    const waiting = lock.acquire('a') as Promise<Lease>;
    time.advance(250);
    holder.release();
    (await waiting).release();
    expect(waits).toEqual([0.25]);
    expect(depths).toEqual([1, 0]);
  });
});
