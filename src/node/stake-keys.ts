import { accountsFromMnemonic, MNEMONIC_ACCOUNTS_MAX } from '../crypto/mnemonic.ts';
import { addressOf } from '../crypto/secp256k1.ts';
import { ConfigError } from '../util/errors.ts';
import { DEFAULT_MNEMONIC } from './config-schema.ts';
import { ACCOUNTS_PATH, VALIDATORS_PATH, type KeyPair } from './dev-keys.ts';
import { readKeyFile } from './key-file.ts';

/** Who sends: one of a key file, an account of the devnet's phrase, or a validator's key of it. */
export type SenderOptions = {
  readonly keystore?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly account?: number | undefined;
  readonly asValidator?: number | undefined;
  readonly mnemonic?: string | undefined;
};

/** The validator's key: one of a key file, or of the devnet's phrase. */
export type ValidatorKeyOptions = {
  readonly validatorKeystore?: string | undefined;
  readonly validatorPasswordFile?: string | undefined;
  readonly validatorIndex?: number | undefined;
  readonly mnemonic?: string | undefined;
};

/** Throws ConfigError where none or more than one is named, or it can not be read. */
export async function senderKey(options: SenderOptions): Promise<KeyPair> {
  const { keystore, passwordFile, account, asValidator, mnemonic } = options;
  const named = [keystore, account, asValidator].filter((option) => option !== undefined).length;
  if (named !== 1) {
    throw new ConfigError(
      'name who sends, once: --keystore and --password-file, or on a devnet --account or --as-validator',
      { path: '--keystore' },
    );
  }
  if (keystore !== undefined) return keyOfFile({ keystore, passwordFile }, '--password-file');
  if (account !== undefined) return keyOfPhrase({ mnemonic, index: account, path: ACCOUNTS_PATH }, '--account');
  return keyOfPhrase({ mnemonic, index: asValidator ?? 0, path: VALIDATORS_PATH }, '--as-validator');
}

/** Throws as `senderKey`. */
export async function validatorKey(options: ValidatorKeyOptions): Promise<KeyPair> {
  const { validatorKeystore, validatorPasswordFile, validatorIndex, mnemonic } = options;
  if ((validatorKeystore === undefined) === (validatorIndex === undefined)) {
    throw new ConfigError(
      "name the validator's key, once: --validator-keystore and --validator-password-file, or on a devnet --validator-index",
      { path: '--validator-keystore' },
    );
  }
  if (validatorKeystore !== undefined) {
    const file = { keystore: validatorKeystore, passwordFile: validatorPasswordFile };
    return keyOfFile(file, '--validator-password-file');
  }
  return keyOfPhrase({ mnemonic, index: validatorIndex ?? 0, path: VALIDATORS_PATH }, '--validator-index');
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

function keyOfPhrase(
  place: { readonly mnemonic: string | undefined; readonly index: number; readonly path: string },
  option: string,
): KeyPair {
  const { mnemonic = DEFAULT_MNEMONIC, index, path } = place;
  // One more than its index are derived, and so many at most.
  const key = index < MNEMONIC_ACCOUNTS_MAX ? accountsFromMnemonic(mnemonic, index + 1, { path })[index] : undefined;
  if (key === undefined) {
    throw new ConfigError(`${option} ${index}: expected 0 to ${MNEMONIC_ACCOUNTS_MAX - 1}`, { path: option });
  }
  return key;
}
