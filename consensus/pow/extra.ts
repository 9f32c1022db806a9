import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Bytes } from '../../src/types/primitives.ts';

/**
 * What `extra` of a header says under proof of work. Chain id and shard are there so that work done for one chain counts
 * on no other.
 */
export type PowExtra = { readonly chainId: number; readonly shard: number; readonly bits: number };

const BITS_MAX = 0xffffffff;

/** RLP [chain id, shard, nBits]. */
export function encodeExtra(extra: PowExtra): Bytes {
  return encodeRlp([encodeUint(extra.chainId), encodeUint(extra.shard), encodeUint(extra.bits)]);
}

/** null for anything else. */
export function decodeExtra(bytes: Bytes): PowExtra | null {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const extra = { chainId: reader.uint(), shard: reader.uint(), bits: reader.uint() };
    reader.closeList(outer);
    reader.end();
    return extra.bits <= BITS_MAX ? extra : null;
  } catch {
    return null;
  }
}
