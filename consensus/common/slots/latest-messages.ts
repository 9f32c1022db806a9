import type { Address, Hash } from '../../../src/types/primitives.ts';

/** What each validator took for the head last. Bounded by the validators that the engine lets in; equivocators have no say for a while. */
export class LatestMessages {
  readonly #latest = new Map<Address, { readonly slot: number; readonly head: Hash }>();
  /** Until which slot they have none. */
  readonly #excluded = new Map<Address, number>();

  /** True if it is news. */
  note(who: Address, { slot, head }: { readonly slot: number; readonly head: Hash }): boolean {
    const last = this.#latest.get(who);
    const isExcluded = slot <= (this.#excluded.get(who) ?? -1);
    if (isExcluded || (last !== undefined && last.slot >= slot)) return false;
    this.#latest.set(who, { slot, head });
    return true;
  }

  /** Proven to have said two things at once: which of them counts, nobody could agree on. What it says of later slots counts again. */
  exclude(who: Address, untilSlot: number): void {
    this.#excluded.set(who, untilSlot);
    this.#latest.delete(who);
  }

  heads(): ReadonlyMap<Address, Hash> {
    return new Map([...this.#latest].map(([who, { head }]) => [who, head]));
  }

  retain(isKnown: (who: Address) => boolean): void {
    for (const who of this.#latest.keys()) if (!isKnown(who)) this.#latest.delete(who);
    for (const who of this.#excluded.keys()) if (!isKnown(who)) this.#excluded.delete(who);
  }
}
