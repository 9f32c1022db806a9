import type { Bytes, Hash } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';

type Proof = { readonly justification: Bytes | null; readonly anchor: Bytes };

/** Tells the host of head and finality, once for each change; the proof goes along with the finality that it is of. */
export class Announcer {
  #told: { readonly head: Hash; readonly finalized: Hash } | null = null;
  #proof: Proof | null = null;

  /** Of the block that is to be announced as final. */
  prove(proof: Proof): void {
    this.#proof = proof;
  }

  /** `safe` is asked for only when there is something to tell. */
  announce(head: Hash, finalized: Hash, safe: () => Hash): EngineEffect[] {
    if (this.#told?.head === head && this.#told.finalized === finalized) return [];
    this.#told = { head, finalized };
    const proof = this.#proof;
    this.#proof = null;
    return [
      {
        type: 'forkchoice',
        head,
        safe: safe(),
        finalized,
        ...(proof === null ? {} : { anchor: proof.anchor }),
        ...(proof?.justification == null ? {} : { justification: proof.justification }),
      },
    ];
  }
}
