import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Bytes, Hash } from '../../src/types/primitives.ts';
import { fromHex } from '../../src/util/hex.ts';

/** A block that the engine makes the checkpoint of an epoch. */
export type Checkpoint = { readonly epoch: number; readonly hash: Hash };

/** "From the justified `source` on to `target`". */
export type Link = { readonly source: Checkpoint; readonly target: Checkpoint };

/** A link, and what else an attestation says: in which slot, and what its author took for the head. */
export type FfgVote = Link & { readonly attested?: { readonly slot: number; readonly head: Hash } };

/** First item of every vote payload, so that an engine may have messages of other kinds beside it. */
const FFG_VOTE_KIND = 1;
const ATTESTATION_KIND = 2;

/** RLP [kind, source epoch, source hash, target epoch, target hash], and of an attestation [slot, head] at its end. */
export function encodeVote({ source, target, attested }: FfgVote): Bytes {
  return encodeRlp([
    encodeUint(attested === undefined ? FFG_VOTE_KIND : ATTESTATION_KIND),
    encodeUint(source.epoch),
    fromHex(source.hash),
    encodeUint(target.epoch),
    fromHex(target.hash),
    ...(attested === undefined ? [] : [encodeUint(attested.slot), fromHex(attested.head)]),
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
    const attested = kind === ATTESTATION_KIND ? { slot: reader.uint(), head: reader.hash() } : null;
    reader.closeList(outer);
    reader.end();
    if (source.epoch >= target.epoch || (attested === null && kind !== FFG_VOTE_KIND)) return null;
    return attested === null ? { source, target } : { source, target, attested };
  } catch {
    return null;
  }
}

/** A vote that is a link and no more; null for anything else. */
export function decodeLink(payload: Bytes): Link | null {
  const vote = decodeVote(payload);
  return vote === null || vote.attested !== undefined ? null : vote;
}

export function sameCheckpoint(a: Checkpoint, b: Checkpoint): boolean {
  return a.epoch === b.epoch && a.hash === b.hash;
}
