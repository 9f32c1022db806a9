import { randomPrivateKey } from '../crypto/secp256k1.ts';
import type { Clock, Timers } from '../ports/clock.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { errorCode, ParleyError } from '../util/errors.ts';
import { KeyedLock } from '../util/keyed-lock.ts';
import type { Log } from '../util/log.ts';
import { noMetrics } from '../util/metrics.ts';
import { KeyRing, UNLOCK_MS_MAX } from '../wallet/key-ring.ts';
import { PasswordAttempts } from '../wallet/password-attempts.ts';
import type { WalletAccount, WalletApi } from './api.ts';
import { KeyDirectory, KEYS_MAX, type ScryptStrength } from './key-directory.ts';

export type WalletOptions = {
  /** Directory of the key files. */
  readonly path: string;
  readonly scrypt: ScryptStrength;
  /** Longest time an account may be unlocked for; 0: no bound, also until the node stops. */
  readonly unlockSecondsMax: number;
};

/** Stretching a password takes 128 MiB for a good part of a second: one at a time, and few wait. */
const STRETCHING = { name: 'wallet', timeoutMs: 30_000, waitersPerKeyMax: 32, waitersMax: 32 } as const;

/** The node's keystore accounts: files at rest, keys in memory only while unlocked or for one signature. */
export class NodeWallet implements WalletApi {
  readonly #unlockSecondsMax: number;
  readonly #directory: KeyDirectory;
  readonly #ring: KeyRing;
  readonly #attempts: PasswordAttempts;
  readonly #stretching: KeyedLock;
  readonly #log: Log;

  constructor(options: WalletOptions, modules: { readonly clock: Clock; readonly timers: Timers; readonly log: Log }) {
    this.#unlockSecondsMax = options.unlockSecondsMax;
    this.#log = modules.log.child('wallet');
    this.#directory = new KeyDirectory(options, { clock: modules.clock, log: this.#log });
    this.#ring = new KeyRing({ keysMax: KEYS_MAX }, modules);
    this.#attempts = new PasswordAttempts(modules);
    this.#stretching = new KeyedLock(STRETCHING, { ...modules, metrics: noMetrics });
  }

  accounts(): readonly WalletAccount[] {
    return this.#directory.list().map(({ address, file }) => {
      const unlocked = this.#ring.unlocked(address);
      return { address, file, isUnlocked: unlocked !== null, untilMs: unlocked?.untilMs ?? null };
    });
  }

  has(address: Address): boolean {
    return this.#directory.find(address) !== null;
  }

  create(password: string): Promise<Address> {
    return this.importKey(randomPrivateKey(), password);
  }

  async importKey(privateKey: Bytes, password: string): Promise<Address> {
    try {
      const { address, file } = await this.#stretch(() => this.#directory.add(privateKey, password));
      this.#log.info('account added', { address, file });
      return address;
    } finally {
      privateKey.fill(0);
    }
  }

  async unlock(address: Address, password: string, durationSeconds: number): Promise<void> {
    const durationMs = this.#durationMs(durationSeconds);
    const privateKey = await this.#open(address, password);
    this.#ring.unlock(address, privateKey, durationMs);
    this.#log.info('account unlocked', { address, durationMs });
  }

  lock(address: Address): boolean {
    return this.#ring.lock(address) || this.has(address);
  }

  lockAll(): void {
    this.#ring.lockAll();
  }

  /** Lends the key of an unlocked account. Throws ACCOUNT_LOCKED, or what `sign` throws. */
  use<T>(address: Address, sign: (privateKey: Bytes) => T): T {
    return this.#ring.use(address, sign);
  }

  /** Opens the key for one `task`, whatever else is unlocked, and overwrites it afterwards. Throws as `unlock`, or what `task` throws. */
  async withPassword<T>(address: Address, password: string, task: (privateKey: Bytes) => T | Promise<T>): Promise<T> {
    const privateKey = await this.#open(address, password);
    try {
      return await task(privateKey);
    } finally {
      privateKey.fill(0);
    }
  }

  #durationMs(seconds: number): number | null {
    const secondsMax = this.#unlockSecondsMax === 0 ? UNLOCK_MS_MAX / 1000 : this.#unlockSecondsMax;
    if (seconds === 0 && this.#unlockSecondsMax === 0) return null;
    if (seconds > 0 && seconds <= secondsMax) return seconds * 1000;
    const orForever = this.#unlockSecondsMax === 0 ? ', or 0 for as long as the node runs' : '';
    throw new ParleyError(
      'WALLET_DURATION',
      `an account can be unlocked for 1 to ${Math.floor(secondsMax)} s${orForever}`,
      { secondsMax: Math.floor(secondsMax) },
    );
  }

  #open(address: Address, password: string): Promise<Bytes> {
    return this.#stretch(async () => {
      this.#attempts.check(address);
      try {
        const privateKey = await this.#directory.open(address, password);
        this.#attempts.succeeded(address);
        return privateKey;
      } catch (error) {
        if (errorCode(error) === 'KEYSTORE_PASSWORD') {
          this.#attempts.failed(address);
          this.#log.warn('wrong password', { address });
        }
        throw error;
      }
    });
  }

  async #stretch<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#stretching.run('scrypt', task);
    } catch (error) {
      if (!errorCode(error).startsWith('LOCK_')) throw error;
      throw new ParleyError('WALLET_BUSY', 'too many passwords are being tried at once: try again later');
    }
  }
}
