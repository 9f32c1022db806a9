import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const ALONE = ['hostile-client', 'hostile-peer', 'storm'].map((name) => `test/e2e/${name}.test.ts`);

/** Begun last, each of them would keep one worker busy while the other has nothing left to do. */
const LONG = /\/(conformance\/engine|sim\/.*|e2e\/(devnet|staking|catch-up|authorities|supply|wallets))\.test\.ts$/;

class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return [...sorted].sort((a, b) => Number(LONG.test(b.moduleId)) - Number(LONG.test(a.moduleId)));
  }
}

type Files = { readonly include: string[]; readonly exclude: string[] };

function endToEnd(name: string, options: Files & { readonly maxWorkers: number; readonly order: number }) {
  const { include, exclude, maxWorkers, order } = options;
  return {
    extends: true,
    test: {
      name,
      include,
      exclude,
      testTimeout: 300_000,
      hookTimeout: 120_000,
      maxWorkers,
      sequence: { groupOrder: order },
    },
  } as const;
}

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 30_000,
    sequence: { sequencer: LongFirst },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
          include: ['test/tidy.test.ts', 'test/{unit,conformance,sim,scenarios,rpc}/**/*.test.ts'],
        },
      },
      // Most of them wait for blocks, votes and time-outs: two at a time. Then those that take all the machine has, by themselves.
      endToEnd('e2e', { include: ['test/e2e/**/*.test.ts'], exclude: ALONE, maxWorkers: 2, order: 1 }),
      endToEnd('e2e-alone', { include: ALONE, exclude: [], maxWorkers: 1, order: 2 }),
    ],
  },
});
