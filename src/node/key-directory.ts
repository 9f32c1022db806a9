/**
 * A directory of keys as geth keeps it: one Web3 Secret Storage file (version 3) for each account, named
 * UTC--<creation time, with dashes>--<address>, mode 0600, in a directory of mode 0700. Whatever else lies there is left alone, told once
 * in the log and otherwise as if it were not there. Passwords come in, keys go out only from `open`; neither is kept or logged.
 */
import { mkdirSync, opendirSync, statSync, type Dirent } from 'node:fs';
import { join } from 'node:path';
import { decryptKeystore, encryptKeystore, SCRYPT_N_DEFAULT } from '../crypto/keystore.ts';
import { addressOf } from '../crypto/secp256k1.ts';
import type { Clock } from '../ports/clock.ts';
import type { Address, Bytes, Millis } from '../types/primitives.ts';
import { errorText, ParleyError } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import { readSmallFile, writeSecretFile } from './secret-file.ts';

/** Cost of a password's guess in new files: `light` is for tests and slow machines. */
export type ScryptStrength = 'standard' | 'light';

/** `file`: its name in the directory. */
export type StoredKey = { readonly address: Address; readonly file: string };

const SCRYPT_N: Readonly<Record<ScryptStrength, number>> = { standard: SCRYPT_N_DEFAULT, light: 4_096 };
/** Entries looked at. */
const ENTRIES_MAX = 4_096;
/** Keys that a directory may come to hold by `add`. */
export const KEYS_MAX = 1_000;
/** A keystore has about 500. */
const KEYSTORE_SIZE_BYTES_MAX = 16 * 1024;
/** The directory's own time tells of changes, in steps of up to so much. */
const MTIME_STEP_MS = 2_000;
const ADDRESS_DIGITS = /^(?:0x)?([0-9a-fA-F]{40})$/;
const NAME_WITH_ADDRESS = /^UTC--.+--([0-9a-fA-F]{40})$/;
/** Hidden files, and what editors leave beside the file they edit. */
const EDITORS_FILE = /^\.|~$|^#.*#$|\.(?:swp|bak|tmp)$/;

export class KeyDirectory {
  readonly path: string;
  readonly #scrypt: ScryptStrength;
  readonly #clock: Clock;
  readonly #log: Log;
  #keys: readonly StoredKey[] = [];
  /** Time of the directory at the last look; null: look again. */
  #seenMtimeMs: Millis | null = null;
  /** What was told already: reasons by name. */
  #told: ReadonlyMap<string, string> = new Map();

  constructor(
    options: { readonly path: string; readonly scrypt: ScryptStrength },
    modules: { readonly clock: Clock; readonly log: Log },
  ) {
    this.path = options.path;
    this.#scrypt = options.scrypt;
    this.#clock = modules.clock;
    this.#log = modules.log;
  }

  /** In the order of their names, so of their creation; one for each address. Looks at the directory again where it has changed. */
  list(): readonly StoredKey[] {
    const mtimeMs = this.#mtimeMs();
    if (mtimeMs === null) this.#keys = [];
    else if (mtimeMs !== this.#seenMtimeMs) {
      // What changes within one step of the time stamp would not be noticed later.
      const isSettled = Math.abs(this.#clock.now() - mtimeMs) > MTIME_STEP_MS;
      this.#keys = this.#scan();
      this.#seenMtimeMs = isSettled ? mtimeMs : null;
    }
    return this.#keys;
  }

  find(address: Address): StoredKey | null {
    return this.list().find((key) => key.address === address) ?? null;
  }

  /**
   * The private key, which the caller overwrites after use. Throws ACCOUNT_UNKNOWN, KEYSTORE_PASSWORD, KEYSTORE_MALFORMED (damaged, or it
   * holds another key than it says) or KEYSTORE_UNREADABLE.
   */
  async open(address: Address, password: string): Promise<Bytes> {
    const { file } = this.#require(address);
    const json = this.#read(file);
    if (json === null) throw damaged(file);
    const privateKey = await decryptKeystore(json, password);
    if (addressOf(privateKey) === address) return privateKey;
    privateKey.fill(0);
    throw damaged(file);
  }

  /**
   * Writes a key that is not there yet. Throws KEYSTORE_EXISTS (the address has a file already, which stays as it is), WALLET_FULL,
   * KEYSTORE_UNWRITABLE, or CRYPTO_PRIVATE_KEY.
   */
  async add(privateKey: Bytes, password: string): Promise<StoredKey> {
    const address = addressOf(privateKey);
    this.#refuseKnown(address);
    const keystore = await encryptKeystore(privateKey, password, { n: SCRYPT_N[this.#scrypt] });
    // Somebody else may have written it meanwhile; from here to the file nothing comes between.
    this.#refuseKnown(address);
    const file = keyFileName(address, this.#clock.now());
    this.#write(file, JSON.stringify(keystore), { replace: false });
    return { address, file };
  }

  /** The file keeps its name, and is the old one or the new one at any moment. Throws as `open`, or KEYSTORE_UNWRITABLE. */
  async changePassword(address: Address, password: string, newPassword: string): Promise<StoredKey> {
    const privateKey = await this.open(address, password);
    try {
      const keystore = await encryptKeystore(privateKey, newPassword, { n: SCRYPT_N[this.#scrypt] });
      const key = this.#require(address);
      this.#write(key.file, JSON.stringify(keystore), { replace: true });
      return key;
    } finally {
      privateKey.fill(0);
    }
  }

  #mtimeMs(): Millis | null {
    try {
      return statSync(this.path).mtimeMs;
    } catch {
      return null;
    }
  }

  #scan(): readonly StoredKey[] {
    const skipped = new Map<string, string>();
    const byAddress = new Map<Address, StoredKey>();
    for (const entry of this.#entries(skipped)) {
      const found = this.#look(entry);
      if (typeof found === 'string') skipped.set(entry.name, found);
      else if (byAddress.has(found.address)) skipped.set(entry.name, `a second file of ${found.address}`);
      else byAddress.set(found.address, found);
    }
    for (const [file, reason] of skipped) {
      if (this.#told.get(file) !== reason) this.#log.warn('skipped in the key directory', { file, reason });
    }
    this.#told = skipped;
    return [...byAddress.values()];
  }

  #entries(skipped: Map<string, string>): readonly Dirent[] {
    const entries: Dirent[] = [];
    try {
      const directory = opendirSync(this.path);
      try {
        for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
          if (entries.length < ENTRIES_MAX) entries.push(entry);
          else {
            skipped.set('.', `more than ${ENTRIES_MAX} entries: the rest was not looked at`);
            break;
          }
        }
      } finally {
        directory.closeSync();
      }
    } catch (error) {
      skipped.set('.', errorText(error));
    }
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** The key, or why it is none. The reasons never quote what the file holds: it might be a key in the clear. */
  #look(entry: Dirent): StoredKey | string {
    const { name } = entry;
    if (EDITORS_FILE.test(name)) return 'a hidden file or one of an editor';
    if (!entry.isFile()) return 'not a regular file';
    try {
      const json = this.#read(name);
      if (json === null) return 'no JSON object of a keystore';
      if (json['version'] !== 3) return 'not a keystore of version 3';
      const address = addressIn(json, name);
      return address === null ? 'names no address' : { address, file: name };
    } catch (error) {
      return errorText(error);
    }
  }

  /** null: not JSON, no object, or larger than a keystore can be. Throws KEYSTORE_UNREADABLE. */
  #read(file: string): Readonly<Record<string, unknown>> | null {
    let text: string | null;
    try {
      text = readSmallFile(join(this.path, file), KEYSTORE_SIZE_BYTES_MAX);
    } catch (error) {
      this.#seenMtimeMs = null;
      throw new ParleyError('KEYSTORE_UNREADABLE', `cannot read the key file ${file}: ${codeOf(error)}`, { file });
    }
    return text === null ? null : parseKeystoreText(text);
  }

  #write(file: string, text: string, options: { readonly replace: boolean }): void {
    this.#seenMtimeMs = null;
    try {
      mkdirSync(this.path, { recursive: true, mode: 0o700 });
      writeSecretFile(join(this.path, file), `${text}\n`, options);
    } catch (error) {
      throw new ParleyError('KEYSTORE_UNWRITABLE', `cannot write the key file ${file}: ${codeOf(error)}`, { file });
    }
  }

  #require(address: Address): StoredKey {
    const key = this.find(address);
    if (key !== null) return key;
    throw new ParleyError('ACCOUNT_UNKNOWN', `there is no key for ${address} in the key directory`, { address });
  }

  #refuseKnown(address: Address): void {
    if (this.find(address) !== null) {
      throw new ParleyError('KEYSTORE_EXISTS', `there is a key file of ${address} already`, { address });
    }
    if (this.#keys.length >= KEYS_MAX) {
      throw new ParleyError('WALLET_FULL', `the key directory has ${KEYS_MAX} keys, which is the most it may have`);
    }
  }
}

/** UTC--2026-01-31T23-59-59.999000000Z--<address>: nanoseconds, as geth has them. */
export function keyFileName(address: Address, now: Millis): string {
  const time = new Date(now).toISOString().replaceAll(':', '-').replace('Z', '000000Z');
  return `UTC--${time}--${address.slice(2)}`;
}

/** The object in a keystore's text, unchecked; null where there is none. The parser's own error would quote the text. */
export function parseKeystoreText(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const json = JSON.parse(text) as unknown;
    const isRecord = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isRecord ? (json as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}

/** The field is optional in the format; then the file's name tells. */
function addressIn(json: Readonly<Record<string, unknown>>, name: string): Address | null {
  const { address } = json;
  const digits =
    typeof address === 'string' && address !== '' ? ADDRESS_DIGITS.exec(address) : NAME_WITH_ADDRESS.exec(name);
  return digits?.[1] === undefined ? null : `0x${digits[1].toLowerCase()}`;
}

/** Its text would name the whole path, which is nobody's business over RPC. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}

function damaged(file: string): ParleyError {
  return new ParleyError('KEYSTORE_MALFORMED', `the key file ${file} is damaged, or holds another key than it says`, {
    file,
  });
}
