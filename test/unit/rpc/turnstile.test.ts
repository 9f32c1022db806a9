import { expect, it } from 'vitest';
import { Turnstile } from '../../../rpc/turnstile.ts';

it('lets a few through at a time, in order, whatever they do', async () => {
  const turnstile = new Turnstile(2);
  const order: number[] = [];
  let running = 0;
  let peak = 0;
  const work = async (id: number): Promise<void> => {
    order.push(id);
    peak = Math.max(peak, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    if (id % 3 === 0) throw new Error('failed');
  };
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, id) => turnstile.run(() => work(id))));
  expect(results.map(({ status }) => status === 'rejected')).toEqual(order.map((id) => id % 3 === 0));
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(peak).toBe(2);
  await expect(turnstile.run(async () => 'free again')).resolves.toBe('free again');
});
