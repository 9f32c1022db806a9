import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeSlotState,
  encodeSlotState,
  genesisSlotState,
  type Duties,
  type SlotState,
} from '../../../../consensus/common/slots/slot-state.ts';
import { ZERO_HASH, type Address, type Hash } from '../../../../src/types/primitives.ts';
import { CodecError } from '../../../../src/util/errors.ts';
import { toHex } from '../../../../src/util/hex.ts';
import { staked, START_MS } from './harness.ts';
import { familyOf, hashOf, Ledger, stateOf } from './states.ts';

const whole = fc.maxSafeNat();
const hash: fc.Arbitrary<Hash> = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex);
const address: fc.Arbitrary<Address> = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(toHex);
const mapOf = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.tuple(address, value), { maxLength: 6 }).map((entries) => new Map(entries));
const duties: fc.Arbitrary<Duties> = fc.record({
  epoch: whole,
  checkpoint: fc.option(
    hash.filter((value) => value !== ZERO_HASH),
    { nil: null },
  ),
  attesters: mapOf(fc.boolean()),
});
const validatorSet = fc.array(
  fc.record({ address, power: fc.bigInt({ min: 0n, max: 2n ** 96n }), jailed: fc.boolean() }),
  {
    maxLength: 6,
  },
);
const states: fc.Arbitrary<SlotState> = fc.record({
  genesisMs: whole,
  slot: whole,
  epoch: whole,
  mix: hash,
  seed: hash,
  nextSeed: hash,
  proposerSet: validatorSet,
  nextProposerSet: validatorSet,
  stalledEpochs: whole,
  commitments: mapOf(fc.record({ epoch: whole, hash })),
  current: duties,
  previous: fc.option(duties, { nil: null }),
  turns: mapOf(fc.record({ made: whole, missed: whole, carried: fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }) })),
});

const decode = (engine: Uint8Array): SlotState => decodeSlotState({ validators: [], votes: [], engine });
const malformed = expect.objectContaining({ code: 'SLOT_STATE_MALFORMED' });

describe('the state as bytes', () => {
  it('comes back as it was, its maps in their order', () => {
    fc.assert(
      fc.property(states, (state) => {
        const decoded = decode(encodeSlotState(state));
        expect(decoded).toEqual(state);
        for (const key of ['commitments', 'turns'] as const) {
          expect([...decoded[key].keys()]).toEqual([...state[key].keys()]);
        }
        expect([...decoded.current.attesters]).toEqual([...state.current.attesters]);
      }),
    );
  });

  it('of a branch comes back as it was', () => {
    const ledger = new Ledger(familyOf(), staked(32, 32, 32));
    for (let slot = 1; slot < 14; slot++) {
      ledger.block(slot, ledger.attestations(ledger.state.validators.map((validator) => validator.address)));
    }
    const { engine = new Uint8Array(0) } = ledger.state;
    expect(encodeSlotState(decode(engine))).toEqual(engine);
  });

  it('damaged throws a CodecError and nothing else, or is another state to the byte', () => {
    const bytes = encodeSlotState(
      stateOf({ turns: new Map([[toHex(new Uint8Array(20)), { made: 1, missed: 2, carried: 3n }]]) }),
    );
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const damaged = Uint8Array.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ flip;
        try {
          expect(encodeSlotState(decode(damaged))).toEqual(damaged);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          expect(error.code).toBe('SLOT_STATE_MALFORMED');
        }
      }),
      { numRuns: 500 },
    );
  });

  it('cut off anywhere, with more behind it, or missing throws', () => {
    const bytes = encodeSlotState(stateOf());
    for (let size = 0; size < bytes.length; size++) {
      expect(() => decode(bytes.subarray(0, size))).toThrow(malformed);
    }
    expect(() => decode(Uint8Array.from([...bytes, 0]))).toThrow(malformed);
    expect(() => decodeSlotState({ validators: [], votes: [] })).toThrow(malformed);
    expect(() => decode(Buffer.from('rubbish'))).toThrow(CodecError);
  });
});

describe('at genesis', () => {
  it('nobody owes anything, and one seed draws the first two epochs', () => {
    const state = genesisSlotState(START_MS, [], hashOf('mix'));
    expect(state).toMatchObject({ slot: 0, epoch: 0, stalledEpochs: 0, previous: null });
    expect([state.seed, state.nextSeed]).toEqual([hashOf('mix'), hashOf('mix')]);
    expect(state.current.attesters.size).toBe(0);
  });
});
