import type { EngineTesting } from '../api/testing.ts';

export const powTesting: EngineTesting = {
  // Ten blocks to a window: nets of one to seven nodes of 64 hashes a second soon make one a second.
  params: { blockTimeMs: 1000, hashRate: 64, retargetBlocks: 10, confirmations: 4 },
  stormParams: (draw) => ({
    blockTimeMs: draw.pick([1000, 1000, 500, 2000]),
    hashRate: draw.pick([64, 128]),
    retargetBlocks: draw.pick([5, 8, 13]),
    // Even the luckiest half of a net does not find so many in the longest partition.
    confirmations: 40,
    refreshMs: draw.pick([300, 1000, 5000]),
  }),
  simParams: (draw) => ({
    blockTimeMs: 1000,
    hashRate: 64,
    retargetBlocks: draw.pick([5, 10, 20]),
    confirmations: draw.pick([40, 60]),
  }),
  badParams: [
    [7, ''],
    [[], ''],
    [{ blockTimeMs: 0 }, 'blockTimeMs'],
    [{ blockTimeMs: -1 }, 'blockTimeMs'],
    [{ blockTimeMs: '1000' }, 'blockTimeMs'],
    [{ retargetBlocks: 0 }, 'retargetBlocks'],
    [{ confirmations: 0 }, 'confirmations'],
    [{ confirmations: 1_000_000 }, 'confirmations'],
    [{ hashRate: 0.5 }, 'hashRate'],
    [{ reward: 5 }, 'reward'],
    [{ reward: '-5' }, 'reward'],
    [{ reward: '1'.repeat(40) }, 'reward'],
    [{ halvingBlocks: 0 }, 'halvingBlocks'],
    [{ minerThreads: 4 }, 'minerThreads'],
    [{ __proto__: null, constructor: 1 }, 'constructor'],
  ],
  faults: 'half',
  partitionMsMax: 8000,
};
