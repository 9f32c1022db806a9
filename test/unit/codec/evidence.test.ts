import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeEvidence, encodeEvidence } from '../../../src/codec/evidence.ts';
import { decodeRlp, encodeRlp, encodeUint, type RlpItem } from '../../../src/codec/rlp.ts';
import { EVIDENCE_SIZE_BYTES_MAX, type Evidence } from '../../../src/types/evidence.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';
import { evidence as anyEvidence, mutation } from './arbitraries.ts';
import { codecCodeOf, expectStrict } from './expect-strict.ts';

const evidence: Evidence = {
  kind: 'headers',
  offender: `0x${'22'.repeat(20)}`,
  first: Uint8Array.of(1, 2),
  second: Uint8Array.of(3),
};

describe('evidence', () => {
  it('has a fixed form', () => {
    expect(toHex(encodeEvidence(evidence))).toBe(`0xda0194${'22'.repeat(20)}82010203`);
    expect(toHex(encodeEvidence({ ...evidence, kind: 'messages' }))).toBe(`0xda0294${'22'.repeat(20)}82010203`);
  });

  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyEvidence, (value) => {
        expect(decodeEvidence(encodeEvidence(value))).toEqual(value);
      }),
    );
  });

  it('decodes from whatever bytes to what encodes to the same, or throws a CodecError', () => {
    fc.assert(
      fc.property(anyEvidence, fc.array(mutation, { minLength: 1, maxLength: 3 }), (value, mutations) => {
        const changed = mutations.reduce((current: Bytes, mutate) => mutate(current), encodeEvidence(value));
        expectStrict(changed, decodeEvidence, encodeEvidence);
      }),
      { numRuns: 800 },
    );
  });

  it('knows its kinds', () => {
    const [, ...rest] = decodeRlp(encodeEvidence(evidence)) as RlpItem[];
    for (const kind of [0, 3, 1000]) {
      expect(codecCodeOf(() => decodeEvidence(encodeRlp([encodeUint(kind), ...rest])))).toBe('EVIDENCE_MALFORMED');
    }
    expect(codecCodeOf(() => decodeEvidence(encodeRlp(rest)))).toBe('EVIDENCE_MALFORMED');
  });

  it('has a limit', () => {
    const overhead =
      encodeEvidence({ ...evidence, first: new Uint8Array(8000), second: new Uint8Array(1000) }).length - 9000;
    const largest = {
      ...evidence,
      first: new Uint8Array(EVIDENCE_SIZE_BYTES_MAX - overhead - 1000),
      second: new Uint8Array(1000),
    };
    expect(encodeEvidence(largest)).toHaveLength(EVIDENCE_SIZE_BYTES_MAX);
    expect(decodeEvidence(encodeEvidence(largest))).toEqual(largest);
    const larger = { ...largest, second: new Uint8Array(1001) };
    expect(codecCodeOf(() => decodeEvidence(encodeEvidence(larger)))).toBe('EVIDENCE_TOO_LARGE');
  });
});
