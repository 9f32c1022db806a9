import type { Address, Millis } from '../../src/types/primitives.ts';

type Sighting = { readonly height: number; readonly at: Millis };

/** When validators were last seen to be at work. Bounded by the validators the engine asks about. */
export class Sightings {
  readonly #seen = new Map<Address, Sighting>();
  #since: Millis = 0;

  /** From here on silence counts. */
  begin(now: Millis): void {
    this.#since = now;
  }

  /** `isFresh`: it happened now, not in history that is only being read. */
  note(who: Address, height: number, now: Millis, isFresh: boolean): void {
    const last = this.#seen.get(who);
    this.#seen.set(who, {
      height: Math.max(height, last?.height ?? 0),
      at: isFresh ? now : (last?.at ?? 0),
    });
  }

  height(who: Address): number | null {
    return this.#seen.get(who)?.height ?? null;
  }

  silentMs(who: Address, now: Millis): Millis {
    return now - Math.max(this.#since, this.#seen.get(who)?.at ?? 0);
  }

  retain(isKnown: (who: Address) => boolean): void {
    for (const who of this.#seen.keys()) if (!isKnown(who)) this.#seen.delete(who);
  }
}
