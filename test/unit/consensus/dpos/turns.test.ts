import { describe, expect, it } from 'vitest';
import type { EngineCrypto } from '../../../../consensus/api/engine.ts';
import type { SettledBlock } from '../../../../consensus/api/staking.ts';
import { encodeExtra } from '../../../../consensus/common/slots/extra.ts';
import { decodeSlotState } from '../../../../consensus/common/slots/slot-state.ts';
import { dposFactory } from '../../../../consensus/dpos/factory.ts';
import type { Address } from '../../../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../../../src/types/validator.ts';
import { assert } from '../../../../src/util/assert.ts';
import { rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { CHAIN, crypto, START_MS } from '../slots/harness.ts';
import { hashOf } from '../slots/states.ts';

const SLOTS_PER_EPOCH = 8;
const params = dposFactory.parseParams({ blockTimeMs: 1000, slotsPerEpoch: SLOTS_PER_EPOCH });
const delegates = (count: number): ValidatorSet =>
  Array.from({ length: count }, (_, i) => ({ address: rigAddress(i), power: 1n, jailed: false }));

function genesisOf(validators: ValidatorSet): ConsensusState {
  assert(dposFactory.staking !== undefined, 'delegates stake');
  const engine = dposFactory.staking.genesis(params, { timeMs: START_MS, validators });
  return { validators, votes: [], engine };
}

function settled(state: ConsensusState, slot: number, author: Address): ConsensusState {
  assert(dposFactory.staking !== undefined, 'delegates stake');
  const extra = encodeExtra({ ...CHAIN, slot, opening: null, commitment: hashOf(`${slot}`) });
  const timeMs = START_MS + slot * 1000;
  const block: SettledBlock = { number: slot, parentHash: hashOf(`${slot - 1}`), timeMs, extra, author, votes: [] };
  const modules: Pick<EngineCrypto, 'keccak256' | 'sha256'> = crypto;
  return { ...state, engine: dposFactory.staking.settle(params, state, block, modules).engine };
}

/** Whose turn each slot is, as a follower that begins with this state says it. */
function turnsOf(state: ConsensusState, first: number, count: number): (Address | null)[] {
  const env = {
    ...CHAIN,
    self: null,
    tree: { header: () => undefined, isAncestor: () => false },
    crypto,
    secret: null,
    random: () => 0.5,
    trace: () => {},
  };
  const engine = dposFactory.create(params, env, new Map());
  const { slot } = decodeSlotState(state);
  const finalized = sealed(rigHeader({ number: slot, timeMs: START_MS + slot * 1000 }), new Uint8Array(0));
  engine.step({ type: 'start', now: START_MS, finalized, finalizedHash: hashOf('root'), state, anchor: null });
  return Array.from({ length: count }, (_, i) => {
    engine.step({ type: 'timer', id: 'none', now: START_MS + (first + i) * 1000 });
    const { proposer } = engine.describe();
    return proposer?.now ?? null;
  });
}

describe('turns of delegates', () => {
  it('come once each before anybody has a second one', () => {
    for (const count of [1, 3, 4, 8]) {
      const turns = turnsOf(genesisOf(delegates(count)), SLOTS_PER_EPOCH, SLOTS_PER_EPOCH);
      for (let i = 0; i < SLOTS_PER_EPOCH - count; i++) expect(new Set(turns.slice(i, i + count)).size).toBe(count);
    }
  });

  it('are in another order in another epoch', () => {
    let state = genesisOf(delegates(8));
    const orders = new Set<string>();
    for (let epoch = 1; epoch <= 5; epoch++) {
      state = settled(state, epoch * SLOTS_PER_EPOCH, rigAddress(0));
      orders.add(turnsOf(state, (epoch + 1) * SLOTS_PER_EPOCH, SLOTS_PER_EPOCH).join(' '));
    }
    expect(orders.size).toBe(5);
  });

  it('of one who is jailed in the epoch stay empty, and nobody else’s move', () => {
    const state = genesisOf(delegates(4));
    const turns = turnsOf(state, SLOTS_PER_EPOCH, SLOTS_PER_EPOCH);
    const jailed = rigAddress(2);
    const validators = state.validators.map((one) => ({ ...one, jailed: one.address === jailed }));
    const after = turnsOf({ ...state, validators }, SLOTS_PER_EPOCH, SLOTS_PER_EPOCH);
    expect(turns).toContain(jailed);
    expect(after).toEqual(turns.map((who) => (who === jailed ? null : who)));
  });

  it('are nobody’s where there is nobody', () => {
    expect(turnsOf(genesisOf([]), SLOTS_PER_EPOCH, 2)).toEqual([null, null]);
  });
});
