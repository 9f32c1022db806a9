import type { RuleCode } from '../chain/rules.ts';
import { decodeBlock, encodeBlock, headerHash } from '../codec/block.ts';
import type { Block } from '../types/block.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import type { BadBlock } from './api.ts';

export const BAD_BLOCKS_MAX = 16;
/** Of all of them, as they are shown: each byte and each transaction's hash as digits. */
export const BAD_BLOCKS_WEIGHT_MAX = 16 * 1024 * 1024;
const HASH_WEIGHT = 72;
const HEADER_WEIGHT = 12 * 1024;

/** Faults of a body that is not the one its header names: whoever put it there says nothing about the block of that hash. */
const BODY_FAULTS: ReadonlySet<string> = new Set<RuleCode>([
  'BLOCK_SIZE',
  'BLOCK_TX_SIZE',
  'BLOCK_VOTES_COUNT',
  'BLOCK_VOTE_SIZE',
  'BLOCK_EVIDENCE_COUNT',
  'BLOCK_EVIDENCE_SIZE',
  'BLOCK_CONSENSUS_ROOT',
  'BLOCK_TRANSACTIONS_ROOT',
]);

type Entry = {
  /** Its own bytes: the block is a part of the message that it came in. */
  readonly encoded: Bytes;
  readonly weight: number;
  readonly isExecuted: boolean;
};

/**
 * The last blocks of peers that were refused as invalid. Anybody can make blocks that fail at a look; those that had to be executed
 * first had a valid seal, and are let go of last.
 */
export class BadBlocks {
  readonly #entries = new Map<Hash, Entry>();
  #weight = 0;

  /** `code`: why it was refused. `isExecuted`: its header was accepted. */
  add(block: Block, code: string, isExecuted: boolean): void {
    if (BODY_FAULTS.has(code)) return;
    const hash = headerHash(block.header);
    if (this.#entries.has(hash)) return;
    const encoded = encodeBlock(block);
    const weight = weightOf(block, encoded);
    if (weight > BAD_BLOCKS_WEIGHT_MAX) return;
    this.#entries.set(hash, { encoded, weight, isExecuted });
    this.#weight += weight;
    while (this.#entries.size > BAD_BLOCKS_MAX || this.#weight > BAD_BLOCKS_WEIGHT_MAX) this.#letGo();
  }

  /** The newest first. */
  list(): readonly BadBlock[] {
    return Array.from(this.#entries, ([hash, { encoded }]) => ({
      hash,
      block: decodeBlock(encoded),
      encoded,
    })).reverse();
  }

  #letGo(): void {
    const entries = [...this.#entries];
    const [hash, oldest] = entries.find(([, { isExecuted }]) => !isExecuted) ?? entries[0] ?? [];
    if (hash === undefined || oldest === undefined) return;
    this.#entries.delete(hash);
    this.#weight -= oldest.weight;
  }
}

function weightOf({ header, body }: Block, encoded: Bytes): number {
  return HEADER_WEIGHT + 2 * (encoded.length + header.extra.length) + body.transactions.length * HASH_WEIGHT;
}
