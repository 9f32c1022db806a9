import { encodeRlp, encodeUint, type RlpItem } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Header } from '../../src/types/block.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import type { ConsensusState, ValidatorSet } from '../../src/types/validator.ts';
import { assert } from '../../src/util/assert.ts';
import { CodecError } from '../../src/util/errors.ts';
import { readValidators, validatorsToRlp } from '../common/ffg-codec.ts';

/** A block that was executed here: the last decided one, or a candidate above it. */
export type PbftBlock = {
  readonly hash: Hash;
  readonly header: Header;
  /** null: genesis, which nobody sealed. */
  readonly author: Address | null;
  /** After the block. */
  readonly state: ConsensusState;
  /** Before the block; undefined where a restart has lost it. */
  readonly validatorsBefore: ValidatorSet | undefined;
};

/** Blocks remembered that failed: the latest. */
export const FAILED_BLOCKS_MAX = 256;

type Failed = { readonly author: Address; readonly number: number };

/**
 * The last decided block and what may come after it: candidates for the next height, and those that were made on such a
 * candidate before it was decided. Bounded by what the header check admits.
 */
export class Blocks {
  readonly #candidates = new Map<Hash, PbftBlock>();
  /** Their headers were good, so each has cost as much as a candidate. */
  readonly #failed = new Map<Hash, Failed>();
  #decided: PbftBlock;

  constructor(decided: PbftBlock) {
    this.#decided = decided;
  }

  get decided(): PbftBlock {
    return this.#decided;
  }

  get(hash: Hash): PbftBlock | undefined {
    return hash === this.#decided.hash ? this.#decided : this.#candidates.get(hash);
  }

  /** A candidate of the next height. */
  candidate(hash: Hash): PbftBlock | undefined {
    const block = this.#candidates.get(hash);
    return block?.header.parentHash === this.#decided.hash ? block : undefined;
  }

  /** The first candidate of the next height by this author. */
  candidateBy(author: Address): PbftBlock | undefined {
    for (const block of this.#candidates.values()) {
      if (block.author === author && block.header.parentHash === this.#decided.hash) return block;
    }
    return undefined;
  }

  /** How many of this author and height were executed, with success or without. */
  countBy(author: Address, number: number): number {
    let count = 0;
    for (const block of this.#candidates.values()) {
      if (block.author === author && block.header.number === number) count++;
    }
    for (const failed of this.#failed.values()) if (failed.author === author && failed.number === number) count++;
    return count;
  }

  /** A block whose header was good and whose execution failed. */
  fail(hash: Hash, { author, number }: Failed): void {
    if (number <= this.#decided.header.number || this.#candidates.has(hash)) return;
    this.#failed.set(hash, { author, number });
    for (const oldest of this.#failed.keys()) {
      if (this.#failed.size <= FAILED_BLOCKS_MAX) break;
      this.#failed.delete(oldest);
    }
  }

  hasFailed(hash: Hash): boolean {
    return this.#failed.has(hash);
  }

  /** False when the block is here already, or its parent is not. */
  add(block: Omit<PbftBlock, 'validatorsBefore'>): boolean {
    const parent = this.get(block.header.parentHash);
    if (parent === undefined || this.get(block.hash) !== undefined) return false;
    this.#candidates.set(block.hash, { ...block, validatorsBefore: parent.state.validators });
    return true;
  }

  /** Makes a candidate the decided block, and forgets all that does not descend from it. */
  decide(hash: Hash): PbftBlock {
    const block = this.candidate(hash);
    assert(block !== undefined, 'only a candidate of the next height is decided');
    this.#decided = block;
    const kept = new Set<Hash>([hash]);
    // Parents came before their children, so one pass in that order finds all descendants.
    for (const [candidate, { header }] of this.#candidates) {
      if (kept.has(header.parentHash)) kept.add(candidate);
      else this.#candidates.delete(candidate);
    }
    for (const [failed, { number }] of this.#failed) if (number <= block.header.number) this.#failed.delete(failed);
    return block;
  }
}

const ANCHOR_VERSION = 1;
const EMPTY = new Uint8Array(0);

/** RLP [version, validators before the decided block or empty bytes]. */
export function encodeAnchor(block: PbftBlock): Bytes {
  const before: RlpItem = block.validatorsBefore === undefined ? EMPTY : validatorsToRlp(block.validatorsBefore);
  return encodeRlp([encodeUint(ANCHOR_VERSION), before]);
}

/** Throws CodecError ANCHOR_MALFORMED. */
export function decodeAnchor(bytes: Bytes): ValidatorSet | undefined {
  try {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    if (reader.uint() !== ANCHOR_VERSION) throw new CodecError('ANCHOR_MALFORMED', 'of an unknown version');
    const before = reader.nextIsList() ? readValidators(reader) : undefined;
    if (before === undefined) reader.bytes();
    reader.closeList(outer);
    reader.end();
    return before;
  } catch (error) {
    const reason = error instanceof CodecError ? error.code : 'INTERNAL';
    throw new CodecError('ANCHOR_MALFORMED', 'the anchor kept with the finalized block is unreadable', { reason });
  }
}
