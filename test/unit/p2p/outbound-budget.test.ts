import { expect, it } from 'vitest';
import { OutboundBudget } from '../../../p2p/outbound-budget.ts';

const OPTIONS = {
  bytesPerSecond: 1_000,
  burstBytes: 1_000,
  messagesPerSecond: 10,
  burstMessages: 10,
  inFlightBytesMax: 1_000_000,
};

function budgetAt(options = {}): { budget: OutboundBudget; time: { now: number } } {
  const time = { now: 0 };
  return { budget: new OutboundBudget({ ...OPTIONS, ...options }, () => time.now), time };
}

it('limits bytes and fills up again with time, never over the burst', () => {
  const { budget, time } = budgetAt();
  expect(budget.take('consensus', 1_000, 0)).toBe('granted');
  expect(budget.take('consensus', 1, 0)).toBe('rate');
  time.now += 500;
  expect(budget.take('consensus', 501, 0)).toBe('rate');
  expect(budget.take('consensus', 500, 0)).toBe('granted');
  time.now += 60_000;
  expect(budget.take('consensus', 1_001, 0)).toBe('rate');
  expect(budget.take('consensus', 1_000, 0)).toBe('granted');
});

it('limits messages', () => {
  const { budget, time } = budgetAt();
  for (let i = 0; i < 10; i++) expect(budget.take('consensus', 1, 0)).toBe('granted');
  expect(budget.take('consensus', 1, 0)).toBe('rate');
  time.now += 100;
  expect(budget.take('consensus', 1, 0)).toBe('granted');
});

it('leaves room for consensus when transactions and blocks have taken theirs', () => {
  const { budget } = budgetAt({ burstMessages: 1_000 });
  expect(budget.take('transactions', 501, 0)).toBe('rate');
  expect(budget.take('transactions', 500, 0)).toBe('granted');
  expect(budget.take('transactions', 1, 0)).toBe('rate');
  expect(budget.take('block', 301, 0)).toBe('rate');
  expect(budget.take('block', 300, 0)).toBe('granted');
  expect(budget.take('consensus', 200, 0)).toBe('granted');
});

it('looks at what still waits in the streams, in the same order of ranks', () => {
  const { budget } = budgetAt({ inFlightBytesMax: 1_000 });
  expect(budget.take('transactions', 1, 500)).toBe('in-flight');
  expect(budget.take('block', 1, 500)).toBe('granted');
  expect(budget.take('block', 1, 800)).toBe('in-flight');
  expect(budget.take('consensus', 1, 800)).toBe('granted');
  expect(budget.take('consensus', 1, 1_000)).toBe('in-flight');
});

it('gives nothing for a clock that steps back', () => {
  const { budget, time } = budgetAt();
  budget.take('consensus', 1_000, 0);
  time.now -= 10_000;
  expect(budget.take('consensus', 1, 0)).toBe('rate');
});
