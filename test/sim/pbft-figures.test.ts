import { describe, expect, it } from 'vitest';
import { measure } from './figures.ts';

const TEST_TIMEOUT_MS = 120_000;

/** What Castro & Liskov's protocol costs when nothing goes wrong. */
describe('pbft in calm weather', () => {
  it.each([4, 7, 10, 13])(
    'of %s validators takes 2 n (n - 1) messages for a block: one pre-prepares, n - 1 prepare, n commit, each to n - 1',
    async (n) => {
      const { messagesPerBlock } = await measure('pbft', { validators: n, delayMs: 10, blocks: n > 7 ? 4 : 10 });
      expect(messagesPerBlock).toBe(2 * n * (n - 1));
    },
    TEST_TIMEOUT_MS,
  );

  it.each([10, 50, 100])(
    'has a block final on every node three delays of %s ms after it was proposed',
    async (delayMs) => {
      const { finalityMs } = await measure('pbft', { validators: 4, delayMs, blocks: 10 });
      expect(finalityMs.length).toBeGreaterThanOrEqual(36);
      for (const ms of finalityMs) expect(Math.abs(ms / (3 * delayMs) - 1)).toBeLessThanOrEqual(0.05);
    },
    TEST_TIMEOUT_MS,
  );
});
