import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  decodeCounters,
  encodeCounters,
  ENTRIES_MAX,
  MESSAGE_BYTES_MAX,
  NUMBER_MAX,
  type CounterMessage,
} from '../../../../rpc/limiting/counter-codec.ts';
import { FleetKey } from '../../../../rpc/limiting/fleet-key.ts';
import { errorCode } from '../../../../src/util/errors.ts';

const KEY = new FleetKey(Buffer.alloc(32, 7), 'net');

const number = fc.integer({ min: 0, max: NUMBER_MAX });
const hex = (bytes: number) =>
  fc.uint8Array({ minLength: bytes, maxLength: bytes }).map((raw) => Buffer.from(raw).toString('hex'));
const entry = fc
  .record({ tag: hex(16), a: number, b: number })
  .map(({ tag, a, b }) => ({ tag, base: Math.min(a, b), total: Math.max(a, b) }));
const message: fc.Arbitrary<CounterMessage> = fc.record({
  node: hex(8),
  incarnation: number,
  sequence: number,
  sentAtMs: number,
  entries: fc.array(entry, { maxLength: 8 }),
});

const SAMPLE: CounterMessage = {
  node: '0011223344556677',
  incarnation: 1_700_000_000_000,
  sequence: 3,
  sentAtMs: 1_700_000_001_000,
  entries: [{ tag: 'ab'.repeat(16), base: 5, total: 9 }],
};

function codeOf(bytes: Uint8Array, key = KEY): string {
  try {
    decodeCounters(bytes, key);
    return 'fine';
  } catch (error) {
    return errorCode(error);
  }
}

describe('counters on the wire', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(decodeCounters(encodeCounters(sent, KEY), KEY)).toEqual(sent);
      }),
    );
  });

  it('fill the largest message exactly', () => {
    const entries = Array.from({ length: ENTRIES_MAX }, () => ({
      tag: 'ff'.repeat(16),
      base: NUMBER_MAX,
      total: NUMBER_MAX,
    }));
    const bytes = encodeCounters({ ...SAMPLE, entries }, KEY);
    expect(bytes.length).toBe(MESSAGE_BYTES_MAX);
    expect(decodeCounters(bytes, KEY).entries).toEqual(entries);
  });

  it('are refused with any one bit turned', () => {
    const bytes = encodeCounters(SAMPLE, KEY);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const turned = Uint8Array.from(bytes);
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(codeOf(turned)).toMatch(/^LIMITS_(FORGED|MALFORMED|VERSION)$/);
    }
  });

  it('are refused when cut short, longer, or of another form', () => {
    const bytes = encodeCounters(SAMPLE, KEY);
    for (let length = 0; length < bytes.length; length++)
      expect(codeOf(bytes.subarray(0, length))).toBe('LIMITS_MALFORMED');
    expect(codeOf(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('LIMITS_MALFORMED');
    expect(codeOf(new Uint8Array(MESSAGE_BYTES_MAX + 1))).toBe('LIMITS_MALFORMED');
    expect(codeOf(Buffer.concat([Buffer.of(2), bytes.subarray(1)]))).toBe('LIMITS_VERSION');
    expect(codeOf(encodeCounters({ ...SAMPLE, entries: [{ tag: 'ab'.repeat(16), base: 9, total: 5 }] }, KEY))).toBe(
      'LIMITS_MALFORMED',
    );
  });

  it('mean nothing under another secret, or on another network', () => {
    const bytes = encodeCounters(SAMPLE, KEY);
    expect(codeOf(bytes, new FleetKey(Buffer.alloc(32, 8), 'net'))).toBe('LIMITS_FORGED');
    expect(codeOf(bytes, new FleetKey(Buffer.alloc(32, 7), 'other'))).toBe('LIMITS_FORGED');
  });

  it('survive any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(codeOf(bytes)).toMatch(/^LIMITS_/);
      }),
    );
  });

  it('hold no name of a client, and need a long secret', () => {
    expect(KEY.tagOf('address:192.0.2.1')).not.toContain('192');
    expect(KEY.tagOf('address:192.0.2.1')).toHaveLength(32);
    expect(() => new FleetKey(Buffer.alloc(31), 'net')).toThrow(expect.objectContaining({ code: 'CONFIG' }) as Error);
  });
});
