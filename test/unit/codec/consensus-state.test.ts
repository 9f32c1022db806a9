import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeConsensusState, encodeConsensusState } from '../../../src/codec/consensus-state.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { address, mutation, word } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const state = fc.record(
  {
    validators: fc.array(fc.record({ address, power: word, jailed: fc.boolean() }), { maxLength: 5 }),
    votes: fc.array(fc.record({ voter: address, subject: address, authorize: fc.boolean() }), { maxLength: 4 }),
    engine: fc.uint8Array({ maxLength: 70 }),
  },
  { requiredKeys: ['validators', 'votes'] },
);

describe('consensus state', () => {
  it('has a fixed form', () => {
    const [a, b] = [`0x${'11'.repeat(20)}`, `0x${'22'.repeat(20)}`] as const;
    const encoded = encodeConsensusState({
      validators: [{ address: a, power: 1n, jailed: false }],
      votes: [{ voter: a, subject: b, authorize: true }],
    });
    expect(toHex(encoded)).toBe(`0xf846d8d794${'11'.repeat(20)}0180eceb94${'11'.repeat(20)}94${'22'.repeat(20)}01`);
    expect(toHex(encodeConsensusState({ validators: [], votes: [] }))).toBe('0xc2c0c0');
  });

  it('has a third item only where the engine keeps something', () => {
    const engine = Uint8Array.of(1, 2);
    expect(toHex(encodeConsensusState({ validators: [], votes: [], engine }))).toBe('0xc5c0c0820102');
    expect(toHex(encodeConsensusState({ validators: [], votes: [], engine: new Uint8Array(0) }))).toBe('0xc3c0c080');
    expect(decodeConsensusState(fromHex('0xc3c0c080'))).toEqual({
      validators: [],
      votes: [],
      engine: new Uint8Array(0),
    });
    expect(decodeConsensusState(fromHex('0xc2c0c0'))).not.toHaveProperty('engine');
    expect(codecCodeOf(() => decodeConsensusState(fromHex('0xc4c0c08080')))).toBe('CONSENSUS_STATE_MALFORMED');
  });

  it('comes back as it was, in its order', () => {
    fc.assert(
      fc.property(state, (value) => {
        expect(decodeConsensusState(encodeConsensusState(value))).toEqual(value);
      }),
    );
  });

  it('decodes from whatever bytes to what encodes to the same, or throws a CodecError', () => {
    fc.assert(
      fc.property(state, fc.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeConsensusState(value));
        expectStrict(changed, decodeConsensusState, encodeConsensusState);
      }),
      { numRuns: 800 },
    );
    const jailedTwice = fromHex(`0xdad8d794${'11'.repeat(20)}0102c0`);
    expect(codecCodeOf(() => decodeConsensusState(jailedTwice))).toBe('CONSENSUS_STATE_MALFORMED');
  });
});
