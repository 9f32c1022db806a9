import { readFileSync } from 'node:fs';
import { decryptKeystore, encryptKeystore } from '../crypto/keystore.ts';
import { addressOf } from '../crypto/secp256k1.ts';
import type { Address, Bytes } from '../types/primitives.ts';
import { ConfigError, errorText } from '../util/errors.ts';
import { writeSecretFile } from './secret-file.ts';

/** Writes a key file, readable by its owner only and never over another file. Returns the address. Throws ConfigError. */
export async function createKeyFile(out: string, privateKey: Bytes, password: string): Promise<Address> {
  const keystore = await encryptKeystore(privateKey, password);
  try {
    writeSecretFile(out, `${JSON.stringify(keystore)}\n`);
  } catch (error) {
    throw new ConfigError(`cannot write the key file ${out}: ${errorText(error)}`, { file: out });
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
    return await decryptKeystore(JSON.parse(text) as unknown, readPasswordFile(passwordFile, 'node.password-file'));
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const reason = error instanceof SyntaxError ? 'not JSON' : errorText(error);
    throw new ConfigError(`cannot open the key file ${file}: ${reason}`, { path: 'node.keystore' });
  }
}

/** Less the line's end. `path`: key or option that names the file. Throws ConfigError. */
export function readPasswordFile(file: string, path: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`cannot read the password file ${file}: ${errorText(error)}`, { path });
  }
}
