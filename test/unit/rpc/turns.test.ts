import { expect, it, vi } from 'vitest';
import { Turns } from '../../../rpc/turns.ts';

it('gives each turn of the event loop to one client, and clients alternate', async () => {
  const turns = new Turns();
  const order: string[] = [];
  let loop = 0;
  const ticking = setInterval(() => {}, 1000);
  const tick = (): void => void setImmediate(() => (loop++, order.length < 6 && tick()));
  const loops: number[] = [];
  tick();
  const takes = 'aaaabc'.split('').map(async (client) => {
    await turns.next(client);
    order.push(client);
    loops.push(loop);
  });
  expect(turns.busy).toBe(true);
  await Promise.all(takes);
  clearInterval(ticking);
  expect(order.join('')).toBe('abcaaa');
  expect(new Set(loops).size).toBe(6);
  expect(turns.busy).toBe(false);
});

it('ends a slice for all parts of the work at once', async () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  const slice = new Turns().slice('a');
  expect(slice.isOver).toBe(false);
  vi.advanceTimersByTime(6);
  expect(slice.isOver).toBe(true);
  const next = slice.next();
  expect(slice.next()).toBe(next);
  // Nobody goes on before the turn comes.
  vi.setSystemTime(0);
  expect(slice.isOver).toBe(true);
  await next;
  expect(slice.isOver).toBe(false);
  vi.useRealTimers();
});
