import type { Address } from '../../src/types/primitives.ts';
import { Lru } from '../../src/util/lru.ts';
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
  const orders = new Lru<string, readonly Address[]>(ORDERS_MAX);
  return {
    id: 'dpos',
    params,
    wages: params.wages,
    baseWei: () => seatBaseWei,
    // The order of an epoch is drawn once; whoever is jailed in it leaves its turns empty until the next.
    proposer: (state, validators, slot, hasher) => {
      const seats = validators.map(({ address }) => address);
      const seed = seedFor(state, epochOf(params, slot), hasher);
      const key = `${seed}/${seats.join()}`;
      const order = orders.get(key) ?? shuffled(seats, seed, hasher);
      orders.set(key, order);
      const drawn = order[slot % order.length];
      return validators.find(({ address, jailed }) => address === drawn && !jailed)?.address ?? null;
    },
  };
}
