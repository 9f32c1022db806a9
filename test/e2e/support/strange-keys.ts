import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encryptKeystore, type Keystore } from '../../../src/crypto/keystore.ts';
import { addressOf, randomPrivateKey } from '../../../src/crypto/secp256k1.ts';
import type { Address } from '../../../src/types/primitives.ts';

const HUGE_SIZE_BYTES = 64 * 1024 * 1024;
/** Whoever may read everything does not notice that a file is not meant to be read. */
const IS_ROOT = process.getuid?.() === 0;

export type Key = { readonly address: Address; readonly privateKey: Buffer; readonly file: string };

/** A key directory as it may come to be in years: one good key among all that is none. */
export class StrangeKeys {
  readonly good: Key;
  /** Named in the log and otherwise passed over. */
  readonly skipped: readonly string[];
  /** Whole files by their form, and none can be opened; by what is wrong with them. */
  readonly damaged: { readonly mac: Key; readonly kdf: Key; readonly cost: Key; readonly address: Key };
  /** All that are in there, in whatever state. */
  readonly privateKeys: readonly Buffer[];

  private constructor(parts: Pick<StrangeKeys, 'good' | 'skipped' | 'damaged' | 'privateKeys'>) {
    this.good = parts.good;
    this.skipped = parts.skipped;
    this.damaged = parts.damaged;
    this.privateKeys = parts.privateKeys;
  }

  /** All keys under the same password. */
  static async lay(directory: string, password: string): Promise<StrangeKeys> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const write = (name: string, content: string | Buffer): void => writeFileSync(join(directory, name), content);
    const privateKeys: Buffer[] = [];
    const key = async (change: (keystore: Keystore) => object = (same) => same): Promise<Key & { text: string }> => {
      const privateKey = Buffer.from(randomPrivateKey());
      privateKeys.push(privateKey);
      const text = JSON.stringify(change(await encryptKeystore(privateKey, password, { n: 4_096 })));
      const address = addressOf(privateKey);
      return { address, privateKey, file: nameOf(address, privateKeys.length), text };
    };
    const lay = async (change?: (keystore: Keystore) => object): Promise<Key> => {
      const { text, ...laid } = await key(change);
      write(laid.file, text);
      return laid;
    };
    const good = await lay();
    const damaged = {
      mac: await lay(({ crypto, ...file }) => ({ ...file, crypto: { ...crypto, mac: '00'.repeat(32) } })),
      kdf: await lay(({ crypto, ...file }) => ({ ...file, crypto: { ...crypto, kdf: 'argon2id' } })),
      cost: await lay(({ crypto, ...file }) => ({
        ...file,
        crypto: { ...crypto, kdfparams: { ...crypto.kdfparams, n: 2 ** 40, r: 1_024, p: 1_024 } },
      })),
      address: await layAs(await key(), write),
    };
    const cut = await key();
    write(cut.file, cut.text.slice(0, cut.text.length / 2));
    const second = { ...(await key()), file: nameOf(good.address, 99) };
    write(second.file, second.text.replace(second.address.slice(2), good.address.slice(2)));
    const skipped = [cut.file, second.file, ...layStrangers(directory, write)];
    if (!IS_ROOT) {
      const { file } = await lay();
      chmodSync(join(directory, file), 0o000);
      skipped.push(file);
    }
    return new StrangeKeys({ good, damaged, skipped, privateKeys });
  }
}

/** Under the address of somebody else. */
async function layAs(key: Key & { text: string }, write: (name: string, text: string) => void): Promise<Key> {
  const address = addressOf(randomPrivateKey());
  const file = nameOf(address, 98);
  write(file, key.text.replace(key.address.slice(2), address.slice(2)));
  return { address, privateKey: key.privateKey, file };
}

function layStrangers(directory: string, write: (name: string, content: string | Buffer) => void): readonly string[] {
  const stranger = (second: number): string => nameOf(addressOf(randomPrivateKey()), second);
  const [empty, junk, list, old] = [stranger(50), stranger(51), stranger(52), stranger(53)];
  write('notes.txt', 'not a keystore');
  write(empty, '');
  write(junk, randomBytes(4_096));
  write(list, '[]');
  write(old, '{"version":1}');
  write('huge', '');
  truncateSync(join(directory, 'huge'), HUGE_SIZE_BYTES);
  const [folder, link] = [stranger(54), stranger(55)];
  mkdirSync(join(directory, folder));
  symlinkSync(join(directory, 'nowhere'), join(directory, link));
  execFileSync('mkfifo', [join(directory, 'pipe')]);
  return ['notes.txt', empty, junk, list, old, 'huge', folder, link, 'pipe'];
}

function nameOf(address: Address, second: number): string {
  return `UTC--2026-01-31T00-00-00.${String(second).padStart(9, '0')}Z--${address.slice(2)}`;
}
