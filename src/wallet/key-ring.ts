import type { Clock, TimerHandle, Timers } from '../ports/clock.ts';
import type { Address, Bytes, Millis } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/** The longest that a timer can wait, and more than 24 days. */
export const UNLOCK_MS_MAX = 2 ** 31 - 1;

export type KeyRingModules = { readonly clock: Clock; readonly timers: Timers };

type OpenKey = {
  /** Overwritten when the key is locked. */
  readonly privateKey: Bytes;
  /** null: until it is locked. */
  readonly untilMs: Millis | null;
  readonly timer: TimerHandle | null;
};

/**
 * The private keys that are unlocked now. The ring owns the bytes it is given and overwrites them when a key is locked, when its time
 * is over and when another takes its place. Time is up as soon as the timer or the clock says so: a machine that slept wakes up locked.
 */
export class KeyRing {
  readonly #keysMax: number;
  readonly #modules: KeyRingModules;
  readonly #open = new Map<Address, OpenKey>();

  constructor(options: { readonly keysMax: number }, modules: KeyRingModules) {
    this.#keysMax = options.keysMax;
    this.#modules = modules;
  }

  /**
   * Takes the key over. `durationMs`: up to UNLOCK_MS_MAX; null: until it is locked. The newest word counts, it may shorten an earlier one.
   * Throws WALLET_FULL (the key is overwritten then as well).
   */
  unlock(address: Address, privateKey: Bytes, durationMs: Millis | null): void {
    this.lock(address);
    if (this.#open.size >= this.#keysMax) {
      privateKey.fill(0);
      throw new ParleyError('WALLET_FULL', `${this.#keysMax} accounts are unlocked already: lock one of them`);
    }
    const { clock, timers } = this.#modules;
    const timer = durationMs === null ? null : timers.after(durationMs, () => this.lock(address));
    const untilMs = durationMs === null ? null : clock.now() + durationMs;
    this.#open.set(address, { privateKey, untilMs, timer });
  }

  /** Whether it was unlocked. */
  lock(address: Address): boolean {
    const open = this.#open.get(address);
    if (open === undefined) return false;
    this.#open.delete(address);
    open.timer?.cancel();
    open.privateKey.fill(0);
    return true;
  }

  lockAll(): void {
    for (const address of this.#open.keys()) this.lock(address);
  }

  /** null: locked. `untilMs`: null where no time was set. */
  unlocked(address: Address): { readonly untilMs: Millis | null } | null {
    const open = this.#current(address);
    return open === null ? null : { untilMs: open.untilMs };
  }

  /** Lends the key to `sign`, which must not keep it. Throws ACCOUNT_LOCKED, or what `sign` throws. */
  use<T>(address: Address, sign: (privateKey: Bytes) => T): T {
    const open = this.#current(address);
    if (open === null) {
      throw new ParleyError(
        'ACCOUNT_LOCKED',
        `${address} is locked: unlock it with personal_unlockAccount, or give the password with personal_sendTransaction`,
        { address },
      );
    }
    return sign(open.privateKey);
  }

  #current(address: Address): OpenKey | null {
    const open = this.#open.get(address);
    if (open === undefined) return null;
    if (open.untilMs === null || this.#modules.clock.now() < open.untilMs) return open;
    this.lock(address);
    return null;
  }
}
