/**
 * `parley wallet`: accounts in a key directory, key files of validators, and messages signed by them. Results go to standard output, all
 * else to standard error. Passwords, keys and phrases come from files or the terminal; a phrase is printed once, where it is made.
 */
import { readFileSync } from 'node:fs';
import { isChecksumValid, toChecksumAddress } from '../crypto/checksum.ts';
import { decryptKeystore } from '../crypto/keystore.ts';
import { accountsFromMnemonic, MNEMONIC_PATH, randomMnemonic } from '../crypto/mnemonic.ts';
import { personalMessageDigest, recoverPersonalMessage, signDigestForWallet } from '../crypto/personal-message.ts';
import { isPrivateKey, randomPrivateKey } from '../crypto/secp256k1.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { ConfigError, errorCode, errorText, ParleyError } from '../util/errors.ts';
import { fromHex, isHex } from '../util/hex.ts';
import { silentLog, type Log, type LogContext } from '../util/log.ts';
import { KeyDirectory, parseKeystoreText, type StoredKey } from './key-directory.ts';
import { createKeyFile } from './key-file.ts';
import { PasswordPrompt } from './password-prompt.ts';
import { systemClock } from './system-clock.ts';

type DirectoryOption = { readonly keystore: string };
type PasswordOption = { readonly passwordFile?: string };

export type NewOptions = DirectoryOption &
  PasswordOption & { readonly out?: string; readonly mnemonic?: true; readonly words: number; readonly count: number };

export type ImportOptions = DirectoryOption &
  PasswordOption & {
    readonly privateKeyFile?: string;
    readonly keystoreFile?: string;
    readonly mnemonicFile?: string;
    readonly passphraseFile?: string;
    readonly path?: string;
    readonly count?: number;
  };

export type MessageOptions = { readonly message?: string; readonly messageFile?: string };

/** Accounts of one phrase written at once; each takes the time of stretching the password. */
const COUNT_MAX = 100;
const PASSWORD_QUESTION = 'password of the new key files';

/** `parley wallet new`. Throws ConfigError, or what KeyDirectory.add throws. */
export async function newWallet(options: NewOptions): Promise<void> {
  const { out, passwordFile, mnemonic, words, count } = options;
  if (mnemonic === true && out !== undefined) {
    throw new ConfigError('--mnemonic makes accounts in a key directory: name it with --keystore instead of --out', {
      path: '--out',
    });
  }
  if (words !== 12 && words !== 24) throw new ConfigError('--words: expected 12 or 24', { path: '--words' });
  checkCount(count);
  const password = await withPrompt((prompt) => prompt.chosen(passwordFile, '--password-file', PASSWORD_QUESTION));
  if (out !== undefined) {
    const address = await withErased(randomPrivateKey(), (privateKey) => createKeyFile(out, privateKey, password));
    process.stdout.write(`${address}\n`);
    return;
  }
  if (mnemonic !== true) return addKeys(options, [randomPrivateKey()], password);
  const phrase = randomMnemonic(words);
  process.stderr.write('parley: write this phrase down, it is kept nowhere and gives all these accounts:\n');
  process.stdout.write(`${phrase}\n`);
  await addKeys(options, keysOf(phrase, { count }), password);
}

/** `parley wallet import`. Throws as `newWallet`, and as `decryptKeystore`. */
export async function importWallet(options: ImportOptions): Promise<void> {
  const { privateKeyFile, keystoreFile, mnemonicFile, passphraseFile, path, count, passwordFile } = options;
  if ([privateKeyFile, keystoreFile, mnemonicFile].filter((file) => file !== undefined).length !== 1) {
    throw new ConfigError('name what to import, once: --private-key-file, --keystore-file or --mnemonic-file', {
      path: '--private-key-file',
    });
  }
  if (mnemonicFile === undefined && [passphraseFile, path, count].some((option) => option !== undefined)) {
    throw new ConfigError('--path, --count and --passphrase-file go with --mnemonic-file', { path: '--mnemonic-file' });
  }
  if (keystoreFile !== undefined) return importKeystore(options, keystoreFile);
  const keys =
    privateKeyFile === undefined
      ? keysOf(readInput(mnemonicFile ?? '', '--mnemonic-file'), {
          path,
          count: count ?? 1,
          passphrase: passphraseFile === undefined ? '' : readInput(passphraseFile, '--passphrase-file'),
        })
      : [readRawKey(privateKeyFile)];
  const password = await withPrompt((prompt) => prompt.chosen(passwordFile, '--password-file', PASSWORD_QUESTION));
  await addKeys(options, keys, password);
}

/** `parley wallet list`. */
export function listWallet(options: DirectoryOption): void {
  for (const key of directoryOf(options).list()) process.stdout.write(`${describe(key)}\n`);
}

/** `parley wallet show`. Throws ConfigError for what is no address, ACCOUNT_UNKNOWN. */
export function showWallet(addressText: string, options: DirectoryOption): void {
  const address = addressOption(addressText);
  const key = directoryOf(options).find(address);
  if (key === null) throw new ParleyError('ACCOUNT_UNKNOWN', `there is no key for ${address} in ${options.keystore}`);
  process.stdout.write(`address ${toChecksumAddress(address)}\nfile    ${key.file}\n`);
}

/** `parley wallet change-password`. Throws as KeyDirectory.changePassword. */
export async function changeWalletPassword(
  addressText: string,
  options: DirectoryOption & PasswordOption & { readonly newPasswordFile?: string },
): Promise<void> {
  const address = addressOption(addressText);
  const directory = directoryOf(options);
  const [password, newPassword] = await withPrompt(async (prompt) => [
    await prompt.existing(options.passwordFile, '--password-file', `password of ${address}`),
    await prompt.chosen(options.newPasswordFile, '--new-password-file', 'new password'),
  ]);
  process.stdout.write(`${describe(await directory.changePassword(address, password ?? '', newPassword ?? ''))}\n`);
}

/** `parley wallet sign-message`: EIP-191. Throws as KeyDirectory.open. */
export async function signWalletMessage(
  addressText: string,
  options: DirectoryOption & PasswordOption & MessageOptions,
): Promise<void> {
  const address = addressOption(addressText);
  const digest = personalMessageDigest(messageOf(options));
  const password = await withPrompt((prompt) =>
    prompt.existing(options.passwordFile, '--password-file', `password of ${address}`),
  );
  const privateKey = await directoryOf(options).open(address, password);
  const signature = await withErased(privateKey, (key) => signDigestForWallet(digest, key));
  process.stdout.write(`${signature}\n`);
}

/** `parley wallet recover`: who signed. Throws ConfigError for what is no signature. */
export function recoverWalletMessage(options: MessageOptions & { readonly signature: string }): void {
  const { signature } = options;
  const address = isHex(signature, 65) ? recoverPersonalMessage(messageOf(options), signature) : null;
  if (address === null) {
    throw new ConfigError('--signature: expected 0x and 65 bytes of hex that a key can have made, the last 1b or 1c', {
      path: '--signature',
    });
  }
  process.stdout.write(`${toChecksumAddress(address)}\n`);
}

/** Under the password that it has. */
async function importKeystore(options: ImportOptions, file: string): Promise<void> {
  const json = parseKeystoreText(readInput(file, '--keystore-file'));
  if (json === null) throw new ConfigError(`${file} is not a keystore: not a JSON object`, { path: '--keystore-file' });
  const password = await withPrompt((prompt) =>
    prompt.existing(options.passwordFile, '--password-file', `password of ${file}`),
  );
  await addKeys(options, [await decryptKeystore(json, password)], password);
}

/** Writes each that is not there yet and says which, as one goes along: what came before a failure stays. */
async function addKeys(options: DirectoryOption, keys: readonly Bytes[], password: string): Promise<void> {
  const directory = directoryOf(options);
  try {
    for (const privateKey of keys) {
      try {
        process.stdout.write(`${describe(await directory.add(privateKey, password))}\n`);
      } catch (error) {
        // Several of a phrase: those that an earlier import has brought are no reason to leave the others out.
        if (errorCode(error) !== 'KEYSTORE_EXISTS' || keys.length === 1) throw error;
        process.stderr.write(`parley: ${errorText(error)}\n`);
      }
    }
  } finally {
    for (const privateKey of keys) privateKey.fill(0);
  }
}

function keysOf(
  phrase: string,
  options: { readonly count: number; readonly path?: string | undefined; readonly passphrase?: string },
): readonly Bytes[] {
  const { count, path = MNEMONIC_PATH, passphrase = '' } = options;
  checkCount(count);
  return accountsFromMnemonic(phrase, count, { path, passphrase }).map(({ privateKey }) => privateKey);
}

function checkCount(count: number): void {
  if (count >= 1 && count <= COUNT_MAX) return;
  throw new ConfigError(`--count: expected 1 to ${COUNT_MAX} accounts`, { path: '--count' });
}

/** With the prefix or without. What it holds is in no error. */
function readRawKey(file: string): Bytes {
  const text = readInput(file, '--private-key-file').trim();
  const hex = text.startsWith('0x') ? text : `0x${text}`;
  const privateKey = isHex(hex, 32) ? fromHex(hex) : null;
  if (privateKey !== null && isPrivateKey(privateKey)) return privateKey;
  throw new ConfigError(`${file} holds no private key: expected 32 bytes of hex`, { path: '--private-key-file' });
}

/** Less the line's end. */
function readInput(file: string, option: string): string {
  return readBytes(file, option)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** A file's bytes count as they are, the end of its last line included. */
function messageOf({ message, messageFile }: MessageOptions): Bytes {
  if ((message === undefined) === (messageFile === undefined)) {
    throw new ConfigError('name the message, once: --message or --message-file', { path: '--message' });
  }
  return messageFile === undefined ? Buffer.from(message ?? '') : readBytes(messageFile, '--message-file');
}

function readBytes(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new ConfigError(`${option}: cannot read it: ${errorText(error)}`, { path: option });
  }
}

function addressOption(text: string): Address {
  if (isChecksumValid(text)) return text.toLowerCase() as Address;
  throw new ConfigError(`${text.slice(0, 64)}: expected an address, all of one case or with a right checksum`, {
    path: 'address',
  });
}

function directoryOf({ keystore }: DirectoryOption): KeyDirectory {
  return new KeyDirectory({ path: keystore, scrypt: 'standard' }, { clock: systemClock, log: stderrLog });
}

function describe({ address, file }: StoredKey): string {
  return `${toChecksumAddress(address)}  ${file}`;
}

async function withPrompt<T>(ask: (prompt: PasswordPrompt) => Promise<T>): Promise<T> {
  const prompt = new PasswordPrompt();
  try {
    return await ask(prompt);
  } finally {
    prompt.close();
  }
}

async function withErased<T>(privateKey: Bytes, use: (privateKey: Bytes) => T | Promise<T>): Promise<T> {
  try {
    return await use(privateKey);
  } finally {
    privateKey.fill(0);
  }
}

/** Warnings of the directory, a line each: message, file, reason. */
const stderrLog: Log = {
  ...silentLog,
  child: () => stderrLog,
  warn: (message: string, context: LogContext = {}) => {
    const parts = [message, context['file'], context['reason']].filter((part) => typeof part === 'string');
    process.stderr.write(`parley: ${parts.join(': ')}\n`);
  },
};
