import { encodeBlockWithProof } from '../codec/block.ts';
import { decodeRlp, decodeUint, encodeRlp, encodeUint, type RlpItem } from '../codec/rlp.ts';
import type { BlockWithProof } from '../types/block.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';

/** Bounds of one answer; a requester may ask for less, never get more. */
export const BLOCKS_PER_ANSWER_MAX = 128;
export const BLOCKS_ANSWER_BYTES_MAX = 8 * 1024 * 1024;

/** What serving blocks needs of the chain. */
export type BlockSource = {
  canonical(number: number): BlockWithProof | null;
  byHash(hash: Hash): BlockWithProof | null;
};

export type RangeRequest = { readonly from: number; readonly count: number };
/** `hash` and up to `count - 1` of its ancestors. */
export type HashRequest = { readonly hash: Hash; readonly count: number };

export function encodeRangeRequest(request: RangeRequest): Bytes {
  return encodeRlp([encodeUint(request.from), encodeUint(request.count)]);
}

export function encodeHashRequest(request: HashRequest): Bytes {
  return encodeRlp([fromHex(request.hash), encodeUint(request.count)]);
}

/** Canonical blocks from a height up, as many as fit. */
export function answerRange(source: BlockSource, payload: Bytes): Bytes {
  const [from, count] = pair(payload);
  const start = decodeUint(from);
  const answer = new Answer(decodeUint(count));
  for (let number = start; answer.open; number++) {
    const found = source.canonical(number);
    if (found === null) break;
    answer.add(found);
  }
  return encodeRlp(answer.items);
}

/** A block and its ancestors, ascending. Empty when the block is unknown here. */
export function answerHash(source: BlockSource, payload: Bytes): Bytes {
  const [hash, count] = pair(payload);
  if (hash.length !== 32) throw malformed();
  const answer = new Answer(decodeUint(count));
  let next: Hash = toHex(hash);
  while (answer.open) {
    const found = source.byHash(next);
    if (found === null || found.block.header.number === 0) break;
    answer.add(found);
    next = found.block.header.parentHash;
  }
  return encodeRlp(answer.items.toReversed());
}

/** The encoded blocks of an answer; each is decoded by the caller. Throws CodecError. */
export function decodeBlocksAnswer(payload: Bytes): readonly Bytes[] {
  const items = decodeRlp(payload);
  if (!Array.isArray(items) || items.length > BLOCKS_PER_ANSWER_MAX) throw malformed();
  return (items as readonly RlpItem[]).map((item) => {
    if (!(item instanceof Uint8Array)) throw malformed();
    return item;
  });
}

class Answer {
  readonly items: Bytes[] = [];
  readonly #countMax: number;
  #sizeBytes = 0;

  constructor(count: number) {
    this.#countMax = Math.min(count, BLOCKS_PER_ANSWER_MAX);
  }

  get open(): boolean {
    return this.items.length < this.#countMax && this.#sizeBytes < BLOCKS_ANSWER_BYTES_MAX / 2;
  }

  add(found: BlockWithProof): void {
    const bytes = encodeBlockWithProof(found);
    this.#sizeBytes += bytes.length;
    this.items.push(bytes);
  }
}

function pair(payload: Bytes): readonly [Bytes, Bytes] {
  const items = decodeRlp(payload);
  if (!Array.isArray(items) || items.length !== 2) throw malformed();
  const [first, second] = items as readonly RlpItem[];
  if (!(first instanceof Uint8Array) || !(second instanceof Uint8Array)) throw malformed();
  return [first, second];
}

function malformed(): CodecError {
  return new CodecError('REQUEST_MALFORMED', 'not a request of this protocol');
}
