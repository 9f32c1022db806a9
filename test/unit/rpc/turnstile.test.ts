import { expect, it } from 'vitest';
import { Turnstile } from '../../../rpc/turnstile.ts';

const LIMITS = { concurrencyMax: 2, waitingMax: 100, waitingPerClientMax: 100 };

it('lets a few through at a time, in order, whatever they do', async () => {
  const turnstile = new Turnstile(LIMITS);
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
  const results = await Promise.allSettled(Array.from({ length: 10 }, (_, id) => turnstile.run('a', () => work(id))));
  expect(results.map(({ status }) => status === 'rejected')).toEqual(order.map((id) => id % 3 === 0));
  expect(order).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(peak).toBe(2);
  await expect(turnstile.run('a', async () => 'free again')).resolves.toBe('free again');
});

it('lets clients take turns, however many one of them sends', async () => {
  const turnstile = new Turnstile({ ...LIMITS, concurrencyMax: 1 });
  const order: string[] = [];
  const clients = 'aaaaabbc'.split('');
  await Promise.all(clients.map((client) => turnstile.run(client, async () => void order.push(client))));
  expect(order.join('')).toBe('aabcabaa');
});

it('refuses who would wait too long', async () => {
  const turnstile = new Turnstile({ concurrencyMax: 1, waitingMax: 3, waitingPerClientMax: 2 });
  const gate = Promise.withResolvers<string>();
  const run = (client: string): Promise<string> => turnstile.run(client, () => gate.promise);
  const waiting = [run('a'), run('a'), run('a')];
  await expect(run('a')).rejects.toMatchObject({ code: 'RPC_BUSY' });
  waiting.push(run('b'));
  await expect(run('c')).rejects.toMatchObject({ code: 'RPC_BUSY', message: expect.stringMatching(/^server busy/) });
  gate.resolve('done');
  await expect(Promise.all(waiting)).resolves.toEqual(['done', 'done', 'done', 'done']);
});
