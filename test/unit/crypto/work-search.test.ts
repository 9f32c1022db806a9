import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WorkSearcher } from '../../../src/crypto/work-search.ts';
import { BACKENDS, loadBackend, selectBackend } from '../../../src/crypto/work-search/select.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import bitcoin from '../../vectors/bitcoin.json' with { type: 'json' };

const NONCES = 2 ** 32;

/** By node:crypto, one nonce after the other. */
function slowSearch(data80: Bytes, target: bigint, firstNonce: number, count: number): number | null {
  const work = Buffer.from(data80);
  for (let i = 0; i < count; i++) {
    const nonce = (firstNonce + i) % NONCES;
    work.writeUInt32LE(nonce, 76);
    if (hashOf(work) <= target) return nonce;
  }
  return null;
}

function hashOf(work: Bytes): bigint {
  const sha256 = (bytes: Bytes): Buffer => createHash('sha256').update(bytes).digest();
  return BigInt(`0x${sha256(sha256(work)).reverse().toString('hex')}`);
}

/** nBits of Bitcoin's headers, all of them of the plain kind. */
function targetIn(header: Buffer): bigint {
  const bits = header.readUInt32LE(72);
  return BigInt(bits & 0x7fffff) << BigInt(8 * ((bits >>> 24) - 3));
}

describe.each(BACKENDS)('%s', (name) => {
  const searcher = new WorkSearcher(loadBackend(name));

  it('finds exactly the first nonce that fits', () => {
    const searches = fc.record({
      data: fc.uint8Array({ minLength: 80, maxLength: 80 }),
      // From nearly every nonce to one in 1024.
      target: fc
        .tuple(fc.bigInt({ min: 2n ** 245n, max: 2n ** 248n }), fc.nat(10))
        .map(([low, bits]) => low << BigInt(bits)),
      first: fc.oneof(fc.nat(NONCES - 1), fc.constantFrom(0, NONCES - 1, NONCES - 3, NONCES / 2 - 2)),
      count: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(searches, ({ data, target: wide, first, count }) => {
        const target = wide % 2n ** 256n;
        expect(searcher.search(data, target, first, count)).toBe(slowSearch(data, target, first, count));
      }),
      { numRuns: 300 },
    );
  });

  it('holds the whole hash against the target, to the last bit', () => {
    for (let seed = 0; seed < 20; seed++) {
      const data = Buffer.alloc(80, seed);
      const nonce = slowSearch(data, 2n ** 252n, 0, 1000) ?? 0;
      data.writeUInt32LE(nonce, 76);
      const hash = hashOf(data);
      const from = Math.max(0, nonce - 2);
      expect(searcher.search(data, hash, from, 3)).toBe(nonce);
      expect(searcher.search(data, hash - 1n, from, 3)).toBe(slowSearch(data, hash - 1n, from, 3));
      // Alike in the most significant word, which is all that the fast path looks at.
      expect(searcher.search(data, (hash >> 224n) << 224n, nonce, 1)).toBeNull();
      expect(searcher.search(data, hash | (2n ** 224n - 1n), nonce, 1)).toBe(nonce);
    }
  });

  it('looks at no nonce outside its range, and goes on at zero after the last', () => {
    const data = new Uint8Array(80);
    const all = 2n ** 256n - 1n;
    expect(searcher.search(data, all, 5, 0)).toBeNull();
    expect(searcher.search(data, all, 5, 1)).toBe(5);
    expect(searcher.search(data, all, NONCES - 1, 8)).toBe(NONCES - 1);
    const target = 2n ** 248n;
    const nonce = slowSearch(data, target, 0, 2000) ?? 0;
    expect(searcher.search(data, target, 0, nonce)).toBeNull();
    expect(searcher.search(data, target, 0, nonce + 1)).toBe(nonce);
    expect(searcher.search(data, target, NONCES - 3, nonce + 4)).toBe(slowSearch(data, target, NONCES - 3, nonce + 4));
    expect(searcher.search(data, 0n, 0, 5000)).toBeNull();
  });

  it.each(bitcoin.headers)("finds the nonce of Bitcoin's block $height", ({ header }) => {
    const data = Buffer.from(header, 'hex');
    const nonce = data.readUInt32LE(76);
    const before = 1001;
    expect(searcher.search(data, targetIn(data), (nonce - before + NONCES) % NONCES, 2000)).toBe(nonce);
    expect(searcher.search(data, targetIn(data), (nonce - before + NONCES) % NONCES, before)).toBeNull();
  });

  it('keeps nothing of one job for the next', () => {
    const [a, b] = bitcoin.headers.map(({ header }) => Buffer.from(header, 'hex'));
    if (a === undefined || b === undefined) throw new Error('two headers');
    for (const data of [a, b, a]) {
      const nonce = data.readUInt32LE(76);
      expect(searcher.search(data, targetIn(data), nonce - 2, 8)).toBe(nonce);
    }
  });

  it('refuses what is out of range', () => {
    const data = new Uint8Array(80);
    for (const wrong of [
      () => searcher.search(new Uint8Array(79), 1n, 0, 1),
      () => searcher.search(data, -1n, 0, 1),
      () => searcher.search(data, 2n ** 256n, 0, 1),
      () => searcher.search(data, 1n, NONCES, 1),
      () => searcher.search(data, 1n, 0.5, 1),
      () => searcher.search(data, 1n, 0, NONCES + 1),
    ]) {
      expect(wrong).toThrow(expect.objectContaining({ code: 'INVARIANT' }));
    }
  });
});

describe('the choice', () => {
  it('is the fastest, or what is asked for', () => {
    expect(selectBackend(undefined).name).toBe('simd');
    expect(selectBackend('').name).toBe('simd');
    expect(selectBackend('scalar').name).toBe('scalar');
    expect(() => selectBackend('gpu')).toThrow(expect.objectContaining({ data: { path: 'PARLEY_MINER' } }));
  });
});
