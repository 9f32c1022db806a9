import { describe, expect, it } from 'vitest';
import { Lru } from '../../../src/util/lru.ts';

describe('Lru', () => {
  it('keeps at least the most recent half and never more than the bound', () => {
    const lru = new Lru<number, number>(100);
    for (let i = 0; i < 1000; i++) {
      lru.set(i, i);
      expect(lru.size).toBeLessThanOrEqual(100);
      for (let back = 0; back < Math.min(i, 49); back++) expect(lru.has(i - back)).toBe(true);
    }
    expect(lru.has(0)).toBe(false);
  });

  it('keeps what is used', () => {
    const lru = new Lru<string, number>(10);
    lru.set('used', 1);
    for (let i = 0; i < 100; i++) {
      lru.set(`other ${i}`, i);
      expect(lru.get('used')).toBe(1);
    }
  });

  it('forgets what is deleted, in either generation', () => {
    const lru = new Lru<string, number>(4);
    lru.set('a', 1);
    lru.set('b', 2);
    lru.set('c', 3);
    lru.delete('a');
    lru.delete('c');
    expect([lru.has('a'), lru.get('b'), lru.has('c'), lru.size]).toEqual([false, 2, false, 1]);
  });

  it('overwrites', () => {
    const lru = new Lru<string, number>(4);
    lru.set('a', 1);
    lru.set('b', 1);
    lru.set('a', 2);
    expect([lru.get('a'), lru.size]).toEqual([2, 2]);
  });
});
