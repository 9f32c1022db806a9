import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Bytes, Hash } from '../../src/types/primitives.ts';
import { fromHex } from '../../src/util/hex.ts';

/** A block whose height is a multiple of the engine's checkpoint distance; `epoch` is that multiple. */
export type Checkpoint = { readonly epoch: number; readonly hash: Hash };

/** One finality vote: "from the justified `source` on to `target`". The pair is called a link. */
export type FfgVote = { readonly source: Checkpoint; readonly target: Checkpoint };

/** First item of every vote payload, so that an engine may have messages of other kinds beside it. */
const FFG_VOTE_KIND = 1;

/** RLP [kind, source epoch, source hash, target epoch, target hash]. */
export function encodeVote(vote: FfgVote): Bytes {
  return encodeRlp([
    encodeUint(FFG_VOTE_KIND),
    encodeUint(vote.source.epoch),
    fromHex(vote.source.hash),
    encodeUint(vote.target.epoch),
    fromHex(vote.target.hash),
  ]);
}

/** null for anything that is not a well-formed vote whose target is above its source. */
export function decodeVote(payload: Bytes): FfgVote | null {
  try {
    const reader = new RlpReader(payload);
    const outer = reader.openList();
    const kind = reader.uint();
    const source = { epoch: reader.uint(), hash: reader.hash() };
    const target = { epoch: reader.uint(), hash: reader.hash() };
    reader.closeList(outer);
    reader.end();
    return kind === FFG_VOTE_KIND && source.epoch < target.epoch ? { source, target } : null;
  } catch {
    return null;
  }
}

export function sameCheckpoint(a: Checkpoint, b: Checkpoint): boolean {
  return a.epoch === b.epoch && a.hash === b.hash;
}
