import type { Evidence } from '../../src/types/evidence.ts';
import { Lru } from '../../src/util/lru.ts';
import type { EngineEffect } from '../api/effect.ts';

const OFFENDERS_MAX = 256;
/** One report suffices to punish; a validator that offends at every height is reported again only after this many. */
const HEIGHTS_BETWEEN_REPORTS = 64;

/** Lets an offence through once, so that one mad validator does not fill the evidence pool of every node. */
export class EvidenceDesk {
  readonly #reported = new Lru<string, number>(OFFENDERS_MAX);
  readonly #heightsBetween: number;
  #count = 0;

  /** Where evidence expires, or offenders come back, within a time: well below that, or one report too early would let all others go. */
  constructor(heightsBetween = HEIGHTS_BETWEEN_REPORTS) {
    this.#heightsBetween = heightsBetween;
  }

  get count(): number {
    return this.#count;
  }

  report(evidence: Evidence, height: number): EngineEffect[] {
    const key = `${evidence.kind}/${evidence.offender}`;
    const last = this.#reported.get(key);
    if (last !== undefined && height < last + this.#heightsBetween) return [];
    this.#reported.set(key, height);
    this.#count++;
    return [{ type: 'evidence', evidence }];
  }
}
