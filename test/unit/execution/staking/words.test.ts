import { describe, expect, it } from 'vitest';
import { packAmount, unpackAmount, wordOf } from '../../../../src/execution/staking/words.ts';

describe('a word of storage', () => {
  it('holds an amount, or says that it does not', () => {
    expect(wordOf(2n ** 256n - 1n)).toBe(`0x${'f'.repeat(64)}`);
    expect(() => wordOf(2n ** 256n)).toThrow(/no place/);
    expect(() => wordOf(-1n)).toThrow(/no place/);
  });

  it('holds a number and an amount beside it', () => {
    for (const [number, wei] of [
      [0, 0n],
      [7, 2n ** 192n - 1n],
      [Number.MAX_SAFE_INTEGER, 1n],
    ] as const) {
      expect(unpackAmount(packAmount(number, wei))).toEqual({ number, wei });
    }
    expect(packAmount(0, 0n)).toBe(wordOf(0n));
    expect(() => packAmount(0, 2n ** 192n)).toThrow(/no place/);
  });
});
