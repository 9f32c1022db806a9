import { describe, expect, it } from 'vitest';
import { drawByPower, seedOf, shuffled } from '../../../../consensus/common/slots/draw.ts';
import { seedFor } from '../../../../consensus/common/slots/seeds.ts';
import { encodeSlotState } from '../../../../consensus/common/slots/slot-state.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, staked } from './harness.ts';
import { chiSquared, CHI_SQUARED_MAX, familyOf, hashOf, Ledger, stateOf } from './states.ts';

const SLOTS = 10_000;

function counts(validators: ReturnType<typeof staked>, seed: string): number[] {
  const drawn = new Map<string, number>();
  for (let slot = 0; slot < SLOTS; slot++) {
    const who = drawByPower(validators, hashOf(seed), slot, crypto);
    if (who !== null) drawn.set(who, (drawn.get(who) ?? 0) + 1);
  }
  return validators.map(({ address }) => drawn.get(address) ?? 0);
}

describe('proposers', () => {
  it.each([
    ['32, 64 and 96 coins', [32, 64, 96]],
    ['32 coins each', [32, 32, 32, 32]],
    ['from 32 to 2048 coins', [32, 64, 96, 512, 1024, 2048]],
    ['two of whom one has hardly anything', [1, 999]],
  ])('are drawn in proportion to stake: %s', (name, coins) => {
    const observed = counts(staked(...coins), name);
    const total = coins.reduce((sum, stake) => sum + stake, 0);
    const expected = coins.map((stake) => (stake * SLOTS) / total);
    expect(observed.reduce((sum, count) => sum + count, 0)).toBe(SLOTS);
    expect(chiSquared(observed, expected)).toBeLessThan(CHI_SQUARED_MAX[coins.length - 1] ?? 0);
  });

  it('would be seen not to be, were one in twenty slots somebody else’s', () => {
    const observed = counts(staked(32, 64, 96), '32, 64 and 96 coins');
    const biased = observed.map((count, i) => (i === 0 ? count + SLOTS / 20 : i === 2 ? count - SLOTS / 20 : count));
    const expected = [1, 2, 3].map((part) => (part * SLOTS) / 6);
    expect(chiSquared(biased, expected)).toBeGreaterThan(CHI_SQUARED_MAX[2] ?? 0);
  });

  it('are the same for the same seed and slot, and differ with either', () => {
    const validators = staked(...Array.from({ length: 64 }, () => 32));
    const drawn = (seed: string) =>
      Array.from({ length: 32 }, (_, slot) => drawByPower(validators, hashOf(seed), slot, crypto));
    expect(drawn('a')).toEqual(drawn('a'));
    expect(drawn('a')).not.toEqual(drawn('b'));
    expect(new Set(drawn('a')).size).toBeGreaterThan(16);
  });

  it('are nobody of nobody, and never one without power', () => {
    expect(drawByPower([], hashOf('seed'), 1, crypto)).toBeNull();
    expect(drawByPower(staked(0, 0), hashOf('seed'), 1, crypto)).toBeNull();
    expect(counts(staked(0, 32, 0), 'idle')).toEqual([0, SLOTS, 0]);
  });
});

describe('a shuffle', () => {
  const items = Array.from({ length: 8 }, (_, i) => i);

  it('has everything once, and leaves what it was given alone', () => {
    for (let i = 0; i < 100; i++) {
      expect([...shuffled(items, hashOf(`seed ${i}`), crypto)].sort((a, b) => a - b)).toEqual(items);
    }
    expect(items).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(shuffled([], hashOf('seed'), crypto)).toEqual([]);
  });

  it('puts everything everywhere equally often', () => {
    const rounds = 4000;
    const seen = items.map(() => items.map(() => 0));
    for (let i = 0; i < rounds; i++) {
      for (const [place, item] of shuffled(items, hashOf(`round ${i}`), crypto).entries()) {
        const row = seen[item];
        if (row !== undefined) row[place] = (row[place] ?? 0) + 1;
      }
    }
    const expected = items.map(() => rounds / items.length);
    for (const row of seen) expect(chiSquared(row, expected)).toBeLessThan(CHI_SQUARED_MAX[7] ?? 0);
  });

  it('gives every order equally often', () => {
    const rounds = 6000;
    const seen = new Map<string, number>();
    for (let i = 0; i < rounds; i++) {
      const order = shuffled(['a', 'b', 'c'], hashOf(`order ${i}`), crypto).join('');
      seen.set(order, (seen.get(order) ?? 0) + 1);
    }
    expect(seen.size).toBe(6);
    const expected = Array.from({ length: 6 }, () => rounds / 6);
    expect(chiSquared([...seen.values()], expected)).toBeLessThan(CHI_SQUARED_MAX[5] ?? 0);
  });
});

describe('the seed of an epoch', () => {
  it('is fixed one epoch ahead, whatever is opened in between', () => {
    const ledger = new Ledger(familyOf(), staked(32, 32, 32));
    const ahead = new Map<number, string>();
    const mixes = new Set<string>();
    for (let slot = 1; slot < 40; slot++) {
      ledger.block(slot);
      const { slots } = ledger;
      mixes.add(slots.mix);
      const { epoch } = slots;
      expect(seedFor(slots, epoch, crypto)).toBe(slots.seed);
      const foretold = ahead.get(epoch);
      if (foretold !== undefined) expect(slots.seed).toBe(foretold);
      const next = seedFor(slots, epoch + 1, crypto);
      expect(ahead.get(epoch + 1) ?? next).toBe(next);
      ahead.set(epoch + 1, next);
    }
    expect(mixes.size).toBeGreaterThan(5);
    expect(new Set(ahead.values()).size).toBe(ahead.size);
  });

  it('comes from all that was opened before the epoch before', () => {
    const validators = staked(32, 32, 32);
    const [ledger, other] = [new Ledger(familyOf(), validators), new Ledger(familyOf(), validators)];
    for (let slot = 1; slot < 8; slot++) for (const branch of [ledger, other]) branch.block(slot);
    // In slot 7, the last of epoch 1, something else was opened on the other branch.
    other.state = { ...other.state, engine: encodeSlotState({ ...other.slots, mix: hashOf('opened otherwise') }) };
    for (const branch of [ledger, other]) branch.block(8, [], rigAddress(0));
    expect(other.slots.seed).toBe(ledger.slots.seed);
    expect(other.slots.nextSeed).not.toBe(ledger.slots.nextSeed);
    for (const branch of [ledger, other]) branch.block(12, [], rigAddress(0));
    expect(other.slots.seed).not.toBe(ledger.slots.seed);
  });

  it('after epochs without a block comes from what was opened before them, and differs from epoch to epoch', () => {
    const state = stateOf({ epoch: 5, mix: hashOf('opened'), seed: hashOf('5'), nextSeed: hashOf('6') });
    expect(seedFor(state, 6, crypto)).toBe(hashOf('6'));
    expect(seedFor(state, 7, crypto)).toBe(seedOf(hashOf('opened'), 7, crypto));
    expect(seedFor(state, 8, crypto)).not.toBe(seedFor(state, 7, crypto));
    const ledger = new Ledger(familyOf(), staked(32));
    ledger.block(1);
    const { mix } = ledger.slots;
    ledger.block(403);
    expect(ledger.slots.seed).toBe(seedOf(mix, 100, crypto));
    expect(ledger.slots.nextSeed).toBe(seedOf(mix, 101, crypto));
  });

  it('is the one by which a header is judged and by which the state draws afterwards', () => {
    const ledger = new Ledger(familyOf(), staked(32, 32, 32));
    ledger.block(1);
    for (const slot of [5, 9, 30, 31, 32]) {
      const judged = seedFor(ledger.slots, Math.floor(slot / 4), crypto);
      ledger.block(slot, [], rigAddress(0));
      expect(ledger.slots.seed).toBe(judged);
    }
  });
});
