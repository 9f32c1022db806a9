import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Bytes } from '../../src/types/primitives.ts';

/** What `extra` of a header says: for which chain the block was sealed. */
export type PbftExtra = { readonly chainId: number; readonly shard: number };

/** RLP [chain id, shard]. */
export function encodeExtra({ chainId, shard }: PbftExtra): Bytes {
  return encodeRlp([encodeUint(chainId), encodeUint(shard)]);
}

/** null for anything else. */
export function decodeExtra(bytes: Bytes): PbftExtra | null {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const chainId = reader.uint();
    const shard = reader.uint();
    reader.closeList(outer);
    reader.end();
    return { chainId, shard };
  } catch {
    return null;
  }
}
