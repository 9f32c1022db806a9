import { describe, expect, it } from 'vitest';
import { proposerSetFor } from '../../../../consensus/common/slots/seeds.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { staked } from '../slots/harness.ts';
import { familyOf, Ledger } from '../slots/states.ts';

describe('those from whom proposers are drawn', () => {
  it('are fixed before anything of the seed was known: a stake that changes in epoch 1 counts from epoch 3 on', () => {
    const [before, after] = [staked(32, 32, 32), staked(32, 32, 64)];
    const ledger = new Ledger(familyOf({ slotsPerEpoch: 4 }), before);
    const author = rigAddress(0);
    ledger.block(4, [], author);
    // Elected in epoch 1; the seed of epoch 2 has been known since its first block.
    ledger.state = { ...ledger.state, validators: after };
    ledger.block(8, [], author);
    expect(proposerSetFor(ledger.slots, 2)).toEqual(before);
    expect(proposerSetFor(ledger.slots, 3)).toEqual(after);
    ledger.block(12, [], author);
    expect(proposerSetFor(ledger.slots, 3)).toEqual(after);
  });
});
