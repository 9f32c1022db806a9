import { encodeEvidence } from '../codec/evidence.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { Evidence } from '../types/evidence.ts';
import type { Address, Hash } from '../types/primitives.ts';

export const EVIDENCE_POOL_MAX = 256;
/** One suffices to jail; the others are for what was done besides. */
export const EVIDENCE_PER_OFFENDER_MAX = 4;

/**
 * Proven misbehaviour waiting for a block, oldest first. Only what could be punished at the head comes in, so that those who have nothing to lose
 * can not fill it, and it waits until it is punished in a FINAL block: one that carried it on a branch that lost has changed nothing.
 */
export class EvidencePool {
  readonly #isPunishable: (evidence: Evidence) => boolean;
  readonly #entries = new Map<Hash, Evidence>();

  /** `isPunishable`: at the head. */
  constructor(isPunishable: (evidence: Evidence) => boolean) {
    this.#isPunishable = isPunishable;
  }

  /** False when it is here already, there is no room, or nothing to be punished for it. */
  add(evidence: Evidence): boolean {
    const id = keccak256(encodeEvidence(evidence));
    if (this.#entries.has(id) || this.#entries.size >= EVIDENCE_POOL_MAX) return false;
    if (this.#countOf(evidence.offender) >= EVIDENCE_PER_OFFENDER_MAX || !this.#isPunishable(evidence)) return false;
    this.#entries.set(id, evidence);
    return true;
  }

  /** All of it: the builder knows what its parent still has to punish. */
  waiting(): readonly Evidence[] {
    return [...this.#entries.values()];
  }

  /** Finality moved: lets go of what can be punished neither there nor at the head. */
  prune(isPunishableThere: (evidence: Evidence) => boolean): void {
    for (const [id, evidence] of this.#entries) {
      if (!isPunishableThere(evidence) && !this.#isPunishable(evidence)) this.#entries.delete(id);
    }
  }

  #countOf(offender: Address): number {
    let count = 0;
    for (const evidence of this.#entries.values()) if (evidence.offender === offender) count++;
    return count;
  }
}
