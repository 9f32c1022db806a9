import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { committeesOf } from '../../../../consensus/common/slots/committees.ts';
import { rigAddress } from '../../../conformance/rig-parts.ts';
import { crypto, staked } from './harness.ts';
import { chiSquared, CHI_SQUARED_MAX, hashOf } from './states.ts';

const timesOf = (slotsPerEpoch: number) => ({ blockTimeMs: 1000, slotsPerEpoch });
const many = (count: number) => staked(...Array.from({ length: count }, (_, i) => 32 + i));

describe('committees', () => {
  it('have everybody with a say once in the epoch, in its slots, spread evenly', () => {
    const count = fc.integer({ min: 1, max: 60 });
    fc.assert(
      fc.property(count, fc.integer({ min: 2, max: 32 }), fc.nat(1000), (count, slotsPerEpoch, epoch) => {
        const validators = many(count);
        const duties = committeesOf(timesOf(slotsPerEpoch), epoch, validators, hashOf(`${epoch}`), crypto);
        expect([...duties.keys()].sort()).toEqual(validators.map(({ address }) => address).sort());
        const sizes = Array.from({ length: slotsPerEpoch }, () => 0);
        for (const slot of duties.values()) {
          const at = slot - epoch * slotsPerEpoch;
          expect(at).toBeGreaterThanOrEqual(0);
          expect(at).toBeLessThan(slotsPerEpoch);
          sizes[at] = (sizes[at] ?? 0) + 1;
        }
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('have nobody who is jailed or without power', () => {
    const [a, b, c] = many(3);
    const validators = [a, b, c].flatMap((validator, i) =>
      validator === undefined ? [] : [{ ...validator, jailed: i === 0, power: i === 1 ? 0n : validator.power }],
    );
    const duties = committeesOf(timesOf(4), 1, validators, hashOf('seed'), crypto);
    expect([...duties.keys()]).toEqual([rigAddress(2)]);
    expect(committeesOf(timesOf(4), 1, [], hashOf('seed'), crypto).size).toBe(0);
  });

  it('are drawn anew for each epoch', () => {
    const slotsOf = (epoch: number) => {
      const duties = committeesOf(timesOf(8), epoch, many(16), hashOf(`epoch ${epoch}`), crypto);
      return many(16).map(({ address }) => (duties.get(address) ?? 0) - 8 * epoch);
    };
    expect(slotsOf(1)).toEqual(slotsOf(1));
    expect(slotsOf(1)).not.toEqual(slotsOf(2));
  });

  it('put a validator into every slot equally often, whatever its stake', () => {
    const epochs = 4000;
    const seen = Array.from({ length: 8 }, () => 0);
    for (let epoch = 0; epoch < epochs; epoch++) {
      const duties = committeesOf(timesOf(8), epoch, staked(1, 9999, 32, 32), hashOf(`epoch ${epoch}`), crypto);
      const at = (duties.get(rigAddress(1)) ?? 0) - 8 * epoch;
      seen[at] = (seen[at] ?? 0) + 1;
    }
    // Four validators attest in every other slot.
    const used = [0, 2, 4, 6].map((at) => seen[at] ?? 0);
    expect(used.reduce((sum, count) => sum + count, 0)).toBe(epochs);
    const expected = Array.from({ length: 4 }, () => epochs / 4);
    expect(chiSquared(used, expected)).toBeLessThan(CHI_SQUARED_MAX[3] ?? 0);
  });
});
