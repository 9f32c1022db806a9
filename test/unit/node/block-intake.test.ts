import { describe, expect, it } from 'vitest';
import type { Chain } from '../../../src/chain/chain.ts';
import { BadBlocks } from '../../../src/node/bad-blocks.ts';
import { BlockIntake, type Delivery } from '../../../src/node/block-intake.ts';
import { silentLog } from '../../../src/util/log.ts';
import { chainOf, type LinkedBlock } from './chain-of.ts';
import { GENESIS } from './sync-rig.ts';

describe('a block whose time has not come', () => {
  it.each([
    ['gossip', 1],
    ['sync', 0],
  ] as const)('of %s is tried again by %i timers: sync brings it again by itself', async (origin, timers) => {
    const [{ block, hash }] = chainOf(GENESIS, 1) as [LinkedBlock];
    let waiting = 0;
    const chain: Partial<Chain> = { import: async () => ({ kind: 'later', hash, code: 'AHEAD', retryAt: 500 }) };
    const intake = new BlockIntake({
      chain: chain as Chain,
      network: null as never,
      clock: { now: () => 0 },
      timers: {
        after: () => {
          waiting++;
          return { cancel: () => {} };
        },
      },
      log: silentLog,
      post: () => {},
      missing: () => {},
      badBlocks: new BadBlocks(),
    });
    const delivery: Delivery = { origin, justification: null, peer: 'p' };
    await intake.accept(block, delivery);
    expect(waiting).toBe(timers);
  });
});
