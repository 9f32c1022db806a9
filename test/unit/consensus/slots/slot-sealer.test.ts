import { describe, expect, it } from 'vitest';
import { SlotSealer } from '../../../../consensus/common/slots/slot-sealer.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, Harness, staked } from './harness.ts';
import { familyOf } from './states.ts';

describe('who is never drawn', () => {
  it('waits for a slot to come each time it has looked, and never for one that is here', () => {
    const family = { ...familyOf({ slotsPerEpoch: 4 }), proposer: () => null };
    const sealer = new SlotSealer(rigAddress(0), family, crypto, new Map());
    const { genesis } = new Harness({ validators: staked(32) }).start();
    const { hash, header } = genesis;
    const data = { ...genesis, author: null, active: genesis.state.validators };
    const head = { hash, parentHash: header.parentHash, number: 0, weight: 0n, data };
    const content = () => ({ extra: new Uint8Array(0), votes: [] });
    let now = header.timeMs;
    for (let round = 0; round < 5; round++) {
      const [timer] = sealer.plan({ head, unfinalizedBlocks: 0, content }, now);
      if (timer?.type !== 'timer') throw new Error('it looks again some time');
      expect(timer.at).toBeGreaterThan(now);
      now = timer.at;
      sealer.alarm.fired();
    }
  });
});
