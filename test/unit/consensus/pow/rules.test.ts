import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bitsOf, POW_LIMIT, targetOf, workOf } from '../../../../consensus/pow/compact.ts';
import { initialBits, parsePowParams } from '../../../../consensus/pow/params.ts';
import { retarget } from '../../../../consensus/pow/retarget.ts';
import { rewardAt } from '../../../../consensus/pow/reward.ts';
import { medianTime, timesAfter } from '../../../../consensus/pow/times.ts';
import { encodeWorkHeader, workHash } from '../../../../consensus/pow/work-header.ts';
import { sha256 } from '../../../../src/crypto/sha256.ts';
import bitcoin from '../../../vectors/bitcoin.json' with { type: 'json' };

const BITCOIN_LIMIT = 0xffffn << 208n;
const TWO_WEEKS_SECONDS = 14 * 24 * 60 * 60;

describe("Bitcoin's headers", () => {
  it.each(bitcoin.headers)(
    'block $height: its hash, below its target, and its bytes from its fields',
    ({ header, hash }) => {
      const bytes = Buffer.from(header, 'hex');
      const value = workHash(bytes, sha256);
      expect(value.toString(16).padStart(64, '0')).toBe(hash);
      const bits = bytes.readUInt32LE(72);
      expect(value).toBeLessThanOrEqual(targetOf(bits) ?? 0n);
      expect(bitsOf(targetOf(bits) ?? 0n)).toBe(bits);
      const fields = {
        version: bytes.readUInt32LE(0),
        previous: bytes.subarray(4, 36),
        commitment: bytes.subarray(36, 68),
        timeSeconds: bytes.readUInt32LE(68),
        bits,
        nonce: bytes.readUInt32LE(76),
      };
      expect(Buffer.from(encodeWorkHeader(fields)).toString('hex')).toBe(header);
      bytes.writeUInt32LE((fields.nonce ^ 1) >>> 0, 76);
      expect(workHash(bytes, sha256)).toBeGreaterThan(targetOf(bits) ?? 0n);
    },
  );
});

describe('compact form', () => {
  // Bitcoin Core, src/test/arith_uint256_tests.cpp, bignum_SetCompact.
  it.each([
    0x00000000, 0x00123456, 0x01003456, 0x02000056, 0x03000000, 0x04000000, 0x00923456, 0x01803456, 0x02800056,
    0x03800000, 0x04800000, 0x01fedcba, 0x04923456, 0xff123456,
  ])('0x%s is no target: zero, negative or too large', (bits) => {
    expect(targetOf(bits)).toBeNull();
  });

  it.each([
    [0x01123456, 0x12n, 0x01120000],
    [0x02123456, 0x1234n, 0x02123400],
    [0x03123456, 0x123456n, 0x03123456],
    [0x04123456, 0x12345600n, 0x04123456],
    [0x05009234, 0x92340000n, 0x05009234],
    [0x20123456, 0x123456n << 232n, 0x20123456],
    [0x1d00ffff, BITCOIN_LIMIT, 0x1d00ffff],
    [0x207fffff, 0x7fffffn << 232n, 0x207fffff],
  ])('0x%s is a target, and written back', (bits, target, canonical) => {
    expect(targetOf(bits)).toBe(target);
    expect(bitsOf(target)).toBe(canonical);
  });

  it('ends at 256 bits', () => {
    expect(targetOf(0x21007fff)).toBe(0x7fffn << 240n);
    expect(targetOf(0x2100ffff)).toBe(0xffffn << 240n);
    expect(targetOf(0x21010000)).toBeNull();
    expect(targetOf(0x220000ff)).toBe(0xffn << 248n);
    expect(targetOf(0x22000100)).toBeNull();
    expect(targetOf(0x23000001)).toBeNull();
    for (const bits of [-1, 1.5, 2 ** 32, Number.NaN]) expect(targetOf(bits)).toBeNull();
  });

  it('takes a byte more where the highest bit would be a sign', () => {
    expect(bitsOf(0x80n)).toBe(0x02008000);
    expect(bitsOf(0n)).toBe(0);
  });

  it('rounds down, by less than the mantissa shows, and stays when rounded once', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }), (target) => {
        const rounded = targetOf(bitsOf(target)) ?? -1n;
        expect(rounded).toBeLessThanOrEqual(target);
        expect((target - rounded) * 2n ** 15n).toBeLessThanOrEqual(target);
        expect(bitsOf(rounded)).toBe(bitsOf(target));
      }),
    );
  });

  it('work is the hashes it takes', () => {
    expect(workOf(2n ** 256n - 1n)).toBe(1n);
    expect(workOf(BITCOIN_LIMIT)).toBe(0x100010001n);
    expect(workOf(POW_LIMIT)).toBe(2n);
  });
});

describe('retarget', () => {
  // Bitcoin Core, src/test/pow_tests.cpp: times of a window's first and last block, old and new nBits.
  it.each([
    ['a window of two weeks less a bit', 1261130161, 1262152739, 0x1d00ffff, 0x1d00d86a],
    ['never above the limit', 1231006505, 1233061996, 0x1d00ffff, 0x1d00ffff],
    ['at most four times harder', 1279008237, 1279297671, 0x1c05a3f4, 0x1c0168fd],
    ['at most four times easier', 1263163443, 1269211443, 0x1c387f6f, 0x1d00e1fd],
  ])('%s', (_, first, last, bits, expected) => {
    const window = { bits, actual: last - first, wanted: TWO_WEEKS_SECONDS, limit: BITCOIN_LIMIT };
    expect(retarget(window)).toBe(expected);
  });

  it('is total: no time at all, time that ran back, windows of a millisecond', () => {
    for (const actual of [0, -5, 1, 10 ** 15]) {
      for (const wanted of [1, 2, 1000]) {
        const bits = retarget({ bits: 0x01010000, actual, wanted, limit: POW_LIMIT });
        expect(targetOf(bits)).toBeGreaterThan(0n);
      }
    }
  });
});

describe('times', () => {
  it('the median is that of the last eleven, whatever their order', () => {
    expect(medianTime([5])).toBe(5);
    expect(medianTime([9, 1])).toBe(9);
    expect(medianTime([3, 1, 2])).toBe(2);
    // As Bitcoin's: not as text.
    expect(medianTime([10, 9, 100])).toBe(10);
    let times: readonly number[] = [];
    for (let i = 1; i <= 30; i++) times = timesAfter(times, i);
    expect(times).toEqual([20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    expect(medianTime(times)).toBe(25);
  });
});

describe('reward', () => {
  // Bitcoin Core, src/test/validation_tests.cpp: all coins there will ever be, in satoshi, to the last.
  it("sums to Bitcoin's 20,999,999.9769 coins", () => {
    const params = { reward: '5000000000', halvingBlocks: 210_000 };
    let sum = 0n;
    for (let height = 0; height < 14_000_000; height += 1000) sum += rewardAt(params, height) * 1000n;
    expect(sum).toBe(2_099_999_997_690_000n);
  });

  it('halves at the block, and is nothing after 64 halvings even of very small units', () => {
    const params = { reward: (10n ** 30n).toString(), halvingBlocks: 10 };
    expect([0, 9, 10, 19, 20].map((height) => rewardAt(params, height) * 4n)).toEqual(
      [4n, 4n, 2n, 2n, 1n].map((quarters) => quarters * 10n ** 30n),
    );
    expect(rewardAt(params, 639)).toBeGreaterThan(0n);
    expect(rewardAt(params, 640)).toBe(0n);
    expect(rewardAt(params, Number.MAX_SAFE_INTEGER)).toBe(0n);
  });
});

describe('parameters', () => {
  it('have defaults, and survive being parsed again', () => {
    const params = parsePowParams({});
    expect(params).toMatchObject({ blockTimeMs: 1000, retargetBlocks: 20, confirmations: 6, hashRate: 1_000_000 });
    expect(params).toMatchObject({ reward: '2000000000000000000', halvingBlocks: 210_000, refreshMs: 1000 });
    expect(parsePowParams(params)).toEqual(params);
    expect(parsePowParams({ blockTimeMs: 600_000 }).futureMs).toBe(15_000);
    expect(parsePowParams({ blockTimeMs: 2000 }).futureMs).toBe(1000);
    expect(parsePowParams({ blockTimeMs: 100 }).futureMs).toBe(500);
  });

  it('proof of work needs a block time', () => {
    expect(() => parsePowParams({ blockTimeMs: 0 })).toThrow('needs a block time');
  });

  it('the first target is what the network finds in one block time, within what targets can be', () => {
    const difficultyOf = (hashRate: number, blockTimeMs: number): bigint =>
      workOf(targetOf(initialBits({ hashRate, blockTimeMs })) ?? 0n);
    expect(difficultyOf(1_000_000, 1000)).toBe(1_000_000n);
    // The whole part of 2^256 / (2^251 + 1).
    expect(difficultyOf(64, 500)).toBe(31n);
    expect(difficultyOf(1, 1)).toBe(2n);
    expect(difficultyOf(10 ** 15, 3_600_000)).toBeGreaterThan(10n ** 18n);
  });
});
