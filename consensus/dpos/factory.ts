import { activeValidators } from '../common/quorum.ts';
import { shuffled } from '../common/slots/draw.ts';
import type { SlotFamily } from '../common/slots/family.ts';
import { seedFor } from '../common/slots/seeds.ts';
import { slotFactory } from '../common/slots/slot-factory.ts';
import { epochOf } from '../common/slots/slot-times.ts';
import { electDelegates } from './election.ts';
import { parseDposParams, type DposParams } from './params.ts';

/** Delegated proof of stake: elected delegates take turns; see README.md beside this file. */
export const dposFactory = slotFactory<DposParams>({
  id: 'dpos',
  parseParams: parseDposParams,
  family: familyOf,
  rules: ({ rules }) => rules,
  elect: (params, candidates, before) => electDelegates(candidates, before, params.seats),
});

function familyOf(params: DposParams): SlotFamily {
  return {
    id: 'dpos',
    params,
    wages: params.wages,
    baseWei: () => params.seatBaseWei,
    // The order of an epoch is drawn once; whoever is jailed in it leaves its turns empty until the next.
    proposer: (state, validators, slot, hasher) => {
      const order = shuffled(activeValidators(validators), seedFor(state, epochOf(params, slot), hasher), hasher);
      return order[slot % order.length]?.address ?? null;
    },
  };
}
