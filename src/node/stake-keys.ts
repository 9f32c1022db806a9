import { readFileSync } from 'node:fs';
import { accountsFromMnemonic, MNEMONIC_ACCOUNTS_MAX } from '../crypto/mnemonic.ts';
import { addressOf } from '../crypto/secp256k1.ts';
import { ConfigError, errorText } from '../util/errors.ts';
import { DEFAULT_MNEMONIC } from './config-schema.ts';
import { ACCOUNTS_PATH, VALIDATORS_PATH, type KeyPair } from './dev-keys.ts';
import { readKeyFile } from './key-file.ts';

/** The devnet's phrase; what names neither has the default one. */
type PhraseOptions = { readonly mnemonic?: string | undefined; readonly mnemonicFile?: string | undefined };

/** Who sends: one of a key file, an account of the devnet's phrase, or a validator's key of it. */
export type SenderOptions = PhraseOptions & {
  readonly keystore?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly account?: number | undefined;
  readonly asValidator?: number | undefined;
};

/** The validator's key: one of a key file, or of the devnet's phrase. */
export type ValidatorKeyOptions = PhraseOptions & {
  readonly validatorKeystore?: string | undefined;
  readonly validatorPasswordFile?: string | undefined;
  readonly validatorIndex?: number | undefined;
};

/** Throws ConfigError where none or more than one is named, or it can not be read. */
export async function senderKey(options: SenderOptions & ValidatorKeyOptions): Promise<KeyPair> {
  const { keystore, passwordFile, account, asValidator } = options;
  const named = [keystore, account, asValidator].filter((option) => option !== undefined).length;
  if (named !== 1) {
    throw new ConfigError(
      'name who sends, once: --keystore and --password-file, or on a devnet --account or --as-validator',
      { path: '--keystore' },
    );
  }
  if (keystore !== undefined) {
    refuseUnusedPhrase(options);
    return keyOfFile({ keystore, passwordFile }, '--password-file');
  }
  if (account !== undefined) return keyOfPhrase({ options, index: account, path: ACCOUNTS_PATH }, '--account');
  return keyOfPhrase({ options, index: asValidator ?? 0, path: VALIDATORS_PATH }, '--as-validator');
}

/** Throws as `senderKey`. */
export async function validatorKey(options: ValidatorKeyOptions & SenderOptions): Promise<KeyPair> {
  const { validatorKeystore, validatorPasswordFile, validatorIndex } = options;
  if ((validatorKeystore === undefined) === (validatorIndex === undefined)) {
    throw new ConfigError(
      "name the validator's key, once: --validator-keystore and --validator-password-file, or on a devnet --validator-index",
      { path: '--validator-keystore' },
    );
  }
  if (validatorKeystore !== undefined) {
    refuseUnusedPhrase(options);
    const file = { keystore: validatorKeystore, passwordFile: validatorPasswordFile };
    return keyOfFile(file, '--validator-password-file');
  }
  return keyOfPhrase({ options, index: validatorIndex ?? 0, path: VALIDATORS_PATH }, '--validator-index');
}

async function keyOfFile(
  file: { readonly keystore: string; readonly passwordFile: string | undefined },
  option: string,
): Promise<KeyPair> {
  if (file.passwordFile === undefined) {
    throw new ConfigError(`${option} is missing; passwords are never arguments`, { path: option });
  }
  const privateKey = await readKeyFile(file.keystore, file.passwordFile);
  return { privateKey, address: addressOf(privateKey) };
}

/** Somebody who names a phrase beside key files may think that it is the phrase that signs. */
function refuseUnusedPhrase(options: SenderOptions & ValidatorKeyOptions): void {
  const { mnemonic, mnemonicFile, account, asValidator, validatorIndex } = options;
  const isUsed = [account, asValidator, validatorIndex].some((index) => index !== undefined);
  if (isUsed || (mnemonic === undefined && mnemonicFile === undefined)) return;
  throw new ConfigError('a phrase goes with --account, --as-validator or --validator-index, not with a key file', {
    path: '--mnemonic',
  });
}

/** Never quotes it. */
function phraseOf({ mnemonic, mnemonicFile }: PhraseOptions): string {
  if (mnemonicFile === undefined) return mnemonic ?? DEFAULT_MNEMONIC;
  if (mnemonic !== undefined) {
    throw new ConfigError('name the phrase once: --mnemonic-file, or on a devnet --mnemonic', { path: '--mnemonic' });
  }
  try {
    return readFileSync(mnemonicFile, 'utf8').trim();
  } catch (error) {
    throw new ConfigError(`--mnemonic-file: cannot read it: ${errorText(error)}`, { path: '--mnemonic-file' });
  }
}

function keyOfPhrase(
  place: { readonly options: PhraseOptions; readonly index: number; readonly path: string },
  option: string,
): KeyPair {
  const { options, index, path } = place;
  const mnemonic = phraseOf(options);
  // One more than its index are derived, and so many at most.
  const key = index < MNEMONIC_ACCOUNTS_MAX ? accountsFromMnemonic(mnemonic, index + 1, { path })[index] : undefined;
  if (key === undefined) {
    throw new ConfigError(`${option} ${index}: expected 0 to ${MNEMONIC_ACCOUNTS_MAX - 1}`, { path: option });
  }
  return key;
}
