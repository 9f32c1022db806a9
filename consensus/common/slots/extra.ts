import { encodeRlp, encodeUint } from '../../../src/codec/rlp.ts';
import { RlpReader } from '../../../src/codec/rlp-reader.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { fromHex } from '../../../src/util/hex.ts';

/**
 * What `extra` of a header says. Chain id, shard and slot are there because a seal is evidence: a key that seals for two chains must not
 * look as if it had sealed twice for one, and evidence must say by itself when it happened.
 */
export type SlotExtra = {
  readonly chainId: number;
  readonly shard: number;
  readonly slot: number;
  /** What the author's commitment stood for; null: it had none to open. */
  readonly opening: Hash | null;
  /** For later; null: the author has one that it may not open yet. */
  readonly commitment: Hash | null;
};

const EMPTY = new Uint8Array(0);

/** RLP [chain id, shard, slot, opening or empty, commitment or empty]. */
export function encodeExtra({ chainId, shard, slot, opening, commitment }: SlotExtra): Bytes {
  return encodeRlp([
    encodeUint(chainId),
    encodeUint(shard),
    encodeUint(slot),
    opening === null ? EMPTY : fromHex(opening),
    commitment === null ? EMPTY : fromHex(commitment),
  ]);
}

/** null for anything else. */
export function decodeExtra(bytes: Bytes): SlotExtra | null {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const extra = {
      chainId: reader.uint(),
      shard: reader.uint(),
      slot: reader.uint(),
      opening: reader.fixedOrEmpty(32),
      commitment: reader.fixedOrEmpty(32),
    };
    reader.closeList(outer);
    reader.end();
    return extra;
  } catch {
    return null;
  }
}
