import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import { fromHex } from '../../src/util/hex.ts';

/** The sealer's vote in a block: the subject should (not) be an authority. */
export type SealerVote = { readonly subject: Address; readonly authorize: boolean };

/**
 * What `extra` of a header says under proof of authority. Chain id and shard are there because a seal is evidence: a
 * key that seals for two chains must not look as if it had sealed twice for one.
 */
export type PoaExtra = { readonly chainId: number; readonly shard: number; readonly vote: SealerVote | null };

/** RLP [chain id, shard, subject or empty, 1 to authorize or empty]. */
export function encodeExtra(extra: PoaExtra): Bytes {
  return encodeRlp([
    encodeUint(extra.chainId),
    encodeUint(extra.shard),
    extra.vote === null ? new Uint8Array(0) : fromHex(extra.vote.subject),
    encodeUint(extra.vote?.authorize === true ? 1 : 0),
  ]);
}

/** null for anything else. */
export function decodeExtra(bytes: Bytes): PoaExtra | null {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const chainId = reader.uint();
    const shard = reader.uint();
    const subject = reader.fixedOrEmpty(20);
    const authorize = reader.bit() === 1;
    reader.closeList(outer);
    reader.end();
    if (subject === null) return authorize ? null : { chainId, shard, vote: null };
    return { chainId, shard, vote: { subject, authorize } };
  } catch {
    return null;
  }
}
