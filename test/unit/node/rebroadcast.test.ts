import { expect, it } from 'vitest';
import { IDLE_TICK_MS, Rebroadcast } from '../../../src/node/rebroadcast.ts';
import type { Transaction } from '../../../src/types/transaction.ts';

it('local transactions are said again where no block comes, ever more rarely, and as they age where some do', () => {
  let now = 0;
  let due: { at: number; run: () => void } | null = null;
  const said: number[] = [];
  const ages: number[] = [];
  const rebroadcast = new Rebroadcast({
    timers: {
      after: (ms, run) => {
        due = { at: now + ms, run };
        return { cancel: () => (due = null) };
      },
    },
    pool: {
      localRebroadcast: (age) => {
        ages.push(age);
        return [{} as Transaction];
      },
    },
    queue: () => said.push(now / IDLE_TICK_MS),
  });
  const runTo = (ticks: number): void => {
    for (let next = due; next !== null && next.at <= ticks * IDLE_TICK_MS; next = due) {
      now = next.at;
      next.run();
    }
  };
  rebroadcast.start();
  runTo(49);
  expect(said).toEqual([1, 2, 4, 8, 16, 32, 48]);
  rebroadcast.headMoved();
  runTo(52);
  expect(said.slice(7)).toEqual([49, 50, 51]);
  expect(ages.slice(6)).toEqual([0, 3, 0, 0]);
  rebroadcast.stop();
  runTo(1000);
  expect(said).toHaveLength(10);
});
