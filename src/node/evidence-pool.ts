import { encodeEvidence } from '../codec/evidence.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { Evidence } from '../types/evidence.ts';
import { EVIDENCE_PER_BLOCK_MAX } from '../types/block.ts';
import type { Hash } from '../types/primitives.ts';

export const EVIDENCE_POOL_MAX = 256;

/** Proven misbehaviour waiting for a block. Oldest first; what a block carried leaves it. */
export class EvidencePool {
  readonly #entries = new Map<Hash, Evidence>();
  /** What was seen once is not taken again, on a block or waiting. */
  readonly #seen = new Set<Hash>();

  /** False when it was known already or the pool is full. */
  add(evidence: Evidence): boolean {
    const id = evidenceId(evidence);
    if (this.#seen.has(id) || this.#entries.size >= EVIDENCE_POOL_MAX) return false;
    this.#remember(id);
    this.#entries.set(id, evidence);
    return true;
  }

  forBlock(): readonly Evidence[] {
    return [...this.#entries.values()].slice(0, EVIDENCE_PER_BLOCK_MAX);
  }

  included(evidence: readonly Evidence[]): void {
    for (const item of evidence) {
      const id = evidenceId(item);
      this.#remember(id);
      this.#entries.delete(id);
    }
  }

  /** Takes out what a builder found that a block must not carry. */
  discard(evidence: readonly Evidence[]): void {
    for (const item of evidence) this.#entries.delete(evidenceId(item));
  }

  #remember(id: Hash): void {
    this.#seen.add(id);
    if (this.#seen.size <= EVIDENCE_POOL_MAX * 16) return;
    for (const oldest of this.#seen) {
      this.#seen.delete(oldest);
      break;
    }
  }
}

function evidenceId(evidence: Evidence): Hash {
  return keccak256(encodeEvidence(evidence));
}
