import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import { Model } from './model.ts';
import type { Submit } from './model.ts';

const RUNS = 500;

type Step =
  | ({ readonly kind: 'submit' } & Submit)
  | {
      readonly kind: 'mine';
      readonly count: number;
      readonly foreign: number;
      readonly baseFee: number;
      readonly credit: number;
    }
  | {
      readonly kind: 'reorg';
      readonly depth: number;
      readonly lengthChange: number;
      readonly keep: number;
      readonly foreign: number;
      readonly baseFee: number;
    }
  | { readonly kind: 'finalize'; readonly depth: number }
  | { readonly kind: 'restart' };

const submit = fc.record({
  kind: fc.constant('submit' as const),
  local: fc.boolean(),
  sender: fc.integer({ min: 0, max: 3 }),
  // Mostly the next one; also used, gapped and taken ones.
  nonceOffset: fc.constantFrom(0, 0, 0, 0, 1, 2, 4, -1, -1, -2),
  tip: fc.integer({ min: 0, max: 30 }),
  room: fc.integer({ min: 0, max: 20 }),
  value: fc.constantFrom(0, 1_000, 400_000, 1_200_000),
  to: fc.integer({ min: 0, max: 3 }),
});
/** Above 3: nobody. */
const foreign = fc.integer({ min: 0, max: 9 });
const baseFee = fc.integer({ min: 1, max: 15 });
const mine = fc.record({
  kind: fc.constant('mine' as const),
  count: fc.integer({ min: 0, max: 6 }),
  foreign,
  baseFee,
  credit: fc.constantFrom(0, 0, 0, 5, 31, 50),
});
const reorg = fc.record({
  kind: fc.constant('reorg' as const),
  depth: fc.integer({ min: 1, max: 4 }),
  lengthChange: fc.integer({ min: -1, max: 1 }),
  keep: fc.integer({ min: 1, max: 4 }),
  foreign,
  baseFee,
});
const finalize = fc.record({ kind: fc.constant('finalize' as const), depth: fc.integer({ min: 0, max: 3 }) });
const restart = fc.record({ kind: fc.constant('restart' as const) });
const step: fc.Arbitrary<Step> = fc.oneof(
  { arbitrary: submit, weight: 12 },
  { arbitrary: mine, weight: 4 },
  { arbitrary: reorg, weight: 2 },
  { arbitrary: finalize, weight: 1 },
  { arbitrary: restart, weight: 1 },
);

async function take(model: Model, next: Step): Promise<void> {
  if (next.kind === 'submit') await model.submit(next);
  else if (next.kind === 'mine') await model.mine(next.count, next.foreign, next.baseFee, next.credit);
  else if (next.kind === 'reorg') {
    await model.reorg(next.depth, next.lengthChange, next.keep, next.foreign, next.baseFee);
  } else if (next.kind === 'finalize') model.finalize(next.depth);
  else await model.restart();
}

describe('the pool against a model of the chain', () => {
  it('keeps its order, its counts and its promises, one step at a time', async () => {
    const steps = fc.array(step, { minLength: 10, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(steps, async (list) => {
        const model = new Model(0);
        for (const next of list) {
          await take(model, next);
          model.check();
        }
      }),
      { numRuns: RUNS },
    );
  });

  it('and with a slow state, where submissions and heads run into each other', async () => {
    const bursts = fc.array(fc.array(step, { minLength: 1, maxLength: 8 }), { minLength: 3, maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(bursts, fc.integer({ min: 1, max: 4 }), async (list, delayTurns) => {
        const model = new Model(delayTurns);
        for (const burst of list) {
          const open: Promise<void>[] = [];
          for (const next of burst) {
            // A restart and finality wait for what is under way; the rest does not.
            if (next.kind === 'restart' || next.kind === 'finalize') await Promise.all(open);
            open.push(take(model, next));
            if (next.kind === 'restart') await Promise.all(open);
          }
          await Promise.all(open);
          model.check();
        }
      }),
      { numRuns: RUNS },
    );
  });
});
