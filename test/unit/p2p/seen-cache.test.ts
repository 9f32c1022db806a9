import { expect, it } from 'vitest';
import { SeenCache } from '../../../p2p/seen-cache.ts';

it('tells new from seen, for so long', () => {
  const time = { now: 0 };
  const seen = new SeenCache(1_000, () => time.now);
  expect(seen.add('a')).toBe(true);
  expect(seen.add('a')).toBe(false);
  time.now = 999;
  expect(seen.add('a')).toBe(false);
  time.now = 1_000;
  expect(seen.add('a')).toBe(true);
});

it('is bounded', () => {
  const seen = new SeenCache(1_000_000, () => 0);
  for (let i = 0; i < 70_000; i++) seen.add(`${i}`);
  expect(seen.size).toBe(65_536);
  expect(seen.add('0')).toBe(true);
  expect(seen.add('69999')).toBe(false);
});
