import type { Clock } from '../ports/clock.ts';
import type { Address, Millis } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/** Wrong passwords in a row that cost nothing but the time of trying them. */
const FREE_ATTEMPTS = 5;
const PAUSE_MS_FIRST = 1_000;
const PAUSE_MS_MAX = 60_000;

/** Slows down who guesses: after some wrong passwords for an account each further one brings a pause twice as long as the last. */
export class PasswordAttempts {
  readonly #clock: Clock;
  readonly #failures = new Map<Address, { readonly count: number; readonly lastMs: Millis }>();

  constructor(modules: { readonly clock: Clock }) {
    this.#clock = modules.clock;
  }

  /** Throws ACCOUNT_PAUSED (data.waitMs) while the account's pause lasts. */
  check(address: Address): void {
    const failures = this.#failures.get(address);
    if (failures === undefined || failures.count < FREE_ATTEMPTS) return;
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** (failures.count - FREE_ATTEMPTS));
    // Wall time may jump back; then the pause begins anew and no longer.
    const waitMs = Math.min(pauseMs, failures.lastMs + pauseMs - this.#clock.now());
    if (waitMs <= 0) return;
    throw new ParleyError(
      'ACCOUNT_PAUSED',
      `${failures.count} wrong passwords for ${address}: try again in ${Math.ceil(waitMs / 1000)} s`,
      { address, waitMs },
    );
  }

  /** The caller only asks for accounts that exist, which bounds what is remembered. */
  failed(address: Address): void {
    const count = (this.#failures.get(address)?.count ?? 0) + 1;
    this.#failures.set(address, { count, lastMs: this.#clock.now() });
  }

  succeeded(address: Address): void {
    this.#failures.delete(address);
  }
}
