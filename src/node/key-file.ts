import { readFileSync, writeFileSync } from 'node:fs';
import { decryptKeystore, encryptKeystore } from '../crypto/keystore.ts';
import { addressOf, randomPrivateKey } from '../crypto/secp256k1.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { ConfigError, errorText } from '../util/errors.ts';

/** Creates a validator's key file, readable by its owner only. Returns the address. */
export async function createKeyFile(options: {
  readonly out: string;
  readonly passwordFile: string;
}): Promise<Address> {
  const privateKey = randomPrivateKey();
  const keystore = await encryptKeystore(privateKey, readPassword(options.passwordFile));
  try {
    writeFileSync(options.out, `${JSON.stringify(keystore)}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new ConfigError(`cannot write the key file ${options.out}: ${errorText(error)}`, { file: options.out });
  }
  return addressOf(privateKey);
}

/** Throws ConfigError naming the file, never its content. */
export async function readKeyFile(file: string, passwordFile: string): Promise<Bytes> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read the key file ${file}: ${errorText(error)}`, { path: 'node.keystore' });
  }
  try {
    return await decryptKeystore(JSON.parse(text) as unknown, readPassword(passwordFile));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof SyntaxError ? 'not JSON' : errorText(error);
    throw new ConfigError(`cannot open the key file ${file}: ${reason}`, { path: 'node.keystore' });
  }
}

function readPassword(file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`cannot read the password file ${file}: ${errorText(error)}`, { path: 'node.password-file' });
  }
}
