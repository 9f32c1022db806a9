import { encodeEvidence } from '../codec/evidence.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { Evidence, Offence, ProvenOffence } from '../types/evidence.ts';
import type { Address, Hash } from '../types/primitives.ts';

export const EVIDENCE_POOL_MAX = 256;
/** One suffices to jail; the others are for what was done besides. */
export const EVIDENCE_PER_OFFENDER_MAX = 4;

export type EvidencePoolModules = {
  /** null: it proves nothing. Costs signatures. */
  readonly judge: (evidence: Evidence) => Offence | null;
  /** At the head. */
  readonly isPunishable: (offence: Offence) => boolean;
};

/** `useless`: it may be true, and is here already, finds no room, or nobody could be punished for it. */
export type Admission = 'taken' | 'useless' | 'false';

/**
 * Proven misbehaviour waiting for a block, oldest first. Only what could be punished at the head comes in, so that those who have nothing to lose
 * can not fill it, and it waits until it is punished in a FINAL block: one that carried it on a branch that lost has changed nothing.
 */
export class EvidencePool {
  readonly #modules: EvidencePoolModules;
  readonly #entries = new Map<Hash, ProvenOffence>();

  constructor(modules: EvidencePoolModules) {
    this.#modules = modules;
  }

  add(evidence: Evidence): Admission {
    const id = keccak256(encodeEvidence(evidence));
    if (this.#entries.has(id) || this.#entries.size >= EVIDENCE_POOL_MAX) return 'useless';
    if (this.#countOf(evidence.offender) >= EVIDENCE_PER_OFFENDER_MAX) return 'useless';
    const offence = this.#modules.judge(evidence);
    if (offence === null) return 'false';
    if (!this.#modules.isPunishable(offence)) return 'useless';
    this.#entries.set(id, { evidence, offence });
    return 'taken';
  }

  /** All of it: the builder knows what its parent still has to punish. */
  waiting(): readonly Evidence[] {
    return this.proven().map(({ evidence }) => evidence);
  }

  /** The same with what it proves. */
  proven(): readonly ProvenOffence[] {
    return [...this.#entries.values()];
  }

  /** Finality moved: lets go of what can be punished neither there nor at the head. */
  prune(isPunishableThere: (offence: Offence) => boolean): void {
    for (const [id, { offence }] of this.#entries) {
      if (!isPunishableThere(offence) && !this.#modules.isPunishable(offence)) this.#entries.delete(id);
    }
  }

  #countOf(offender: Address): number {
    let count = 0;
    for (const { evidence } of this.#entries.values()) if (evidence.offender === offender) count++;
    return count;
  }
}
