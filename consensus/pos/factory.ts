import { activeValidators } from '../common/quorum.ts';
import { drawByPower } from '../common/slots/draw.ts';
import type { SlotFamily } from '../common/slots/family.ts';
import { proposerSetFor, seedFor } from '../common/slots/seeds.ts';
import { rulesOf } from '../common/slots/stake-params.ts';
import { slotFactory } from '../common/slots/slot-factory.ts';
import { epochOf } from '../common/slots/slot-times.ts';
import { electByStake } from './election.ts';
import { parsePosParams, type PosParams } from './params.ts';

/** Proof of stake: for each slot a validator is drawn by its stake; see README.md beside this file. */
export const posFactory = slotFactory<PosParams>({
  id: 'pos',
  parseParams: parsePosParams,
  family: familyOf,
  rules: rulesOf,
  elect: (_params, candidates, before) => electByStake(candidates, before),
});

function familyOf(params: PosParams): SlotFamily {
  return {
    id: 'pos',
    params,
    wages: params.wages,
    baseWei: ({ power }) => power,
    // Who is drawn and has no say any more leaves the slot empty: another draw would be another chance.
    proposer: (state, validators, slot, hasher) => {
      const epoch = epochOf(params, slot);
      const drawn = drawByPower(proposerSetFor(state, epoch), seedFor(state, epoch, hasher), slot, hasher);
      return activeValidators(validators).find(({ address }) => address === drawn)?.address ?? null;
    },
  };
}
