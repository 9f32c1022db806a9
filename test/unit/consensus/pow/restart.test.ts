import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Bytes, Hash } from '../../../../src/types/primitives.ts';
import { Harness, only, type MadeBlock } from './harness.ts';

const QUICK_BLOCKS_MAX = 5;

/** Of each block that got final, as the host would keep it. */
function anchorsOf(harness: Harness): Map<Hash, Bytes> {
  return new Map(
    only(harness.effects, 'forkchoice').flatMap(({ finalized, anchor }) =>
      anchor === undefined ? [] : [[finalized, anchor] as const],
    ),
  );
}

function shown(harness: Harness): object {
  const { head, safe, finalized, details } = harness.engine.describe();
  return { head, safe, finalized, details };
}

/** Quick blocks make the work harder, up to four times each: after some more of them than slow ones, one is slow instead. */
function bearable(times: readonly number[]): number[] {
  let quick = 0;
  return times.map((afterMs) => {
    const taken = quick >= QUICK_BLOCKS_MAX && afterMs < 1000 ? 20_000 : afterMs;
    quick += Math.sign(1000 - taken);
    return taken;
  });
}

it('an engine that begins at an anchor judges what follows as one that never stopped', () => {
  const chains = fc.record({
    retargetBlocks: fc.integer({ min: 1, max: 6 }),
    confirmations: fc.integer({ min: 1, max: 5 }),
    times: fc.array(fc.constantFrom(1, 300, 1000, 1000, 3000, 20_000), { minLength: 8, maxLength: 24 }),
    restartAt: fc.integer({ min: 0, max: 1000 }),
  });
  fc.assert(
    fc.property(chains, ({ retargetBlocks, confirmations, times, restartAt }) => {
      const params = { retargetBlocks, confirmations, hashRate: 8 };
      const steady = new Harness({ params }).start();
      const blocks: MadeBlock[] = [];
      for (const afterMs of bearable(times)) blocks.push(steady.make(blocks.at(-1) ?? steady.genesis, { afterMs }));
      const cut = 7 + (restartAt % (blocks.length - 7));
      for (const block of blocks.slice(0, cut)) steady.import(block);

      const root = [steady.genesis, ...blocks].find(({ hash }) => hash === steady.finalized) ?? steady.genesis;
      const restarted = new Harness({ params }).begin(root, anchorsOf(steady).get(root.hash) ?? null);
      for (const block of blocks.slice(root.header.number, cut)) restarted.import(block, 'replay');
      restarted.now = steady.now;
      restarted.step({ type: 'ready' });
      expect(shown(restarted)).toEqual({ ...shown(steady) });

      for (const block of blocks.slice(cut)) {
        const parent = [steady.genesis, ...blocks][block.header.number - 1] ?? steady.genesis;
        const others = [
          steady.make(parent, { afterMs: 0 }),
          steady.make(parent, { bits: block.pow.bits - 1 }),
          steady.make(parent, { isUnworked: true }),
        ];
        steady.now = block.header.timeMs;
        restarted.now = steady.now;
        for (const candidate of [block, ...others]) {
          expect(restarted.check(candidate)).toEqual(steady.check(candidate));
        }
        expect(steady.check(block).kind).toBe('accept');
        expect(only(restarted.import(block), 'forkchoice')).toEqual(only(steady.import(block), 'forkchoice'));
      }
      expect(shown(restarted)).toEqual(shown(steady));
    }),
    { numRuns: 60 },
  );
});

it('refuses an anchor that it can not read', () => {
  const harness = new Harness();
  const block = harness.make(harness.genesis);
  for (const anchor of [null, new Uint8Array(0), Uint8Array.of(0xc1, 0x05), Uint8Array.of(0xc3, 1, 2, 3)]) {
    expect(() => new Harness().begin(block, anchor)).toThrow(expect.objectContaining({ code: 'ANCHOR_MALFORMED' }));
  }
});
