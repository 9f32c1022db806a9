import type { Timers } from '../src/ports/clock.ts';
import { NO_FAULTS } from '../src/ports/network.ts';
import type { PeerId } from '../src/types/primitives.ts';

/** The faults in force, and what they do to a message. */
export class Faults {
  inForce = NO_FAULTS;
  readonly #timers: Timers;
  readonly #random: () => number;

  /** `random`: uniform in [0, 1). */
  constructor(timers: Timers, random: () => number) {
    this.#timers = timers;
    this.#random = random;
  }

  cutsOff(peer: PeerId): boolean {
    const { cut } = this.inForce;
    return cut === 'all' || cut.includes(peer);
  }

  /** `hear` as if what came were on its way for longer; `lost` when it never arrives. Where all is well, nothing is between. */
  suffer<T>(hear: () => T | Promise<T>, lost: () => T): T | Promise<T> {
    const { delayMs, lossRatio } = this.inForce;
    if (lossRatio > 0 && this.#random() < lossRatio) return lost();
    if (delayMs === 0) return hear();
    return new Promise<void>((arrive) => void this.#timers.after(delayMs, arrive)).then(hear);
  }
}
