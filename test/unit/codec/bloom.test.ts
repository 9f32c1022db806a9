import { keccak_256 } from '@noble/hashes/sha3.js';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bloomHas, EMPTY_BLOOM, logsBloom, orBlooms } from '../../../src/codec/bloom.ts';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { Hex } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { log as anyLog } from './arbitraries.ts';

/** The definition once more, over one big number. */
function bloomByDefinition(items: readonly Hex[]): Hex {
  let bloom = 0n;
  for (const item of items) {
    const view = new DataView(keccak_256(fromHex(item)).buffer);
    for (const offset of [0, 2, 4]) bloom |= 1n << BigInt(view.getUint16(offset) % 2048);
  }
  return `0x${bloom.toString(16).padStart(512, '0')}`;
}

describe('logsBloom', () => {
  it('gives the known answer of go-ethereum’s TestBloomExtensively', () => {
    const logs = Array.from({ length: 100 }, (_, i) => ({
      address: toHex(Buffer.from(`xxxxxxxxxx data ${i} yyyyyyyyyyyyyy`)),
      topics: [],
      data: '0x' as const,
    }));
    expect(keccak256(fromHex(logsBloom(logs)))).toBe(
      '0xc8d3ca65cdb4874300a9e39475508f23ed6da09fdbc487f89a2dcf50b09eb263',
    );
  });

  it('holds addresses and topics and nothing else', () => {
    fc.assert(
      fc.property(fc.array(anyLog, { maxLength: 4 }), (logs) => {
        const items = logs.flatMap((log) => [log.address, ...log.topics]);
        const bloom = logsBloom(logs);
        expect(bloom).toBe(bloomByDefinition(items));
        for (const item of items) expect(bloomHas(bloom, fromHex(item))).toBe(true);
        expect(orBlooms(logs.map((log) => logsBloom([log])))).toBe(bloom);
      }),
    );
  });

  it('of nothing is empty and has nothing', () => {
    expect(logsBloom([])).toBe(EMPTY_BLOOM);
    expect(orBlooms([])).toBe(EMPTY_BLOOM);
    fc.assert(
      fc.property(anyLog, (log) => {
        expect(bloomHas(EMPTY_BLOOM, fromHex(log.address))).toBe(false);
      }),
    );
  });

  it('says no for nearly everything else', () => {
    const bloom = logsBloom([{ address: `0x${'11'.repeat(20)}`, topics: [`0x${'22'.repeat(32)}`], data: '0x' }]);
    const hits = Array.from({ length: 1000 }, (_, i) => bloomHas(bloom, Uint8Array.of(i >> 8, i & 255))).filter(
      Boolean,
    );
    expect(hits.length).toBeLessThan(10);
  });
});
