import type { Validator } from '../../src/types/validator.ts';
import { Lru } from '../../src/util/lru.ts';
import { activeValidators } from '../common/quorum.ts';
import { shuffled } from '../common/slots/draw.ts';
import type { SlotFamily } from '../common/slots/family.ts';
import { seedFor } from '../common/slots/seeds.ts';
import { rulesOf } from '../common/slots/stake-params.ts';
import { slotFactory } from '../common/slots/slot-factory.ts';
import { epochOf } from '../common/slots/slot-times.ts';
import { electDelegates } from './election.ts';
import { parseDposParams, type DposParams } from './params.ts';

const ORDERS_MAX = 64;

/** Delegated proof of stake: elected delegates take turns; see README.md beside this file. */
export const dposFactory = slotFactory<DposParams>({
  id: 'dpos',
  parseParams: parseDposParams,
  family: familyOf,
  rules: rulesOf,
  elect: (params, candidates, before) => electDelegates(candidates, before, params.seats),
});

function familyOf(params: DposParams): SlotFamily {
  const seatBaseWei = BigInt(params.seatBaseWei);
  // The order of an epoch is asked for slot by slot, and drawing it costs a hash for each seat.
  const orders = new Lru<string, readonly Validator[]>(ORDERS_MAX);
  return {
    id: 'dpos',
    params,
    wages: params.wages,
    baseWei: () => seatBaseWei,
    // The order of an epoch is drawn once; whoever is jailed in it leaves its turns empty until the next.
    proposer: (state, validators, slot, hasher) => {
      const active = activeValidators(validators);
      const seed = seedFor(state, epochOf(params, slot), hasher);
      const key = `${seed}/${active.map(({ address }) => address).join()}`;
      const order = orders.get(key) ?? shuffled(active, seed, hasher);
      orders.set(key, order);
      return order[slot % order.length]?.address ?? null;
    },
  };
}
