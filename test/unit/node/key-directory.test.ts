import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Wallet } from 'ethers';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { encryptKeystore } from '../../../src/crypto/keystore.ts';
import { KeyDirectory, keyFileName } from '../../../src/node/key-directory.ts';
import type { Bytes } from '../../../src/types/primitives.ts';
import { toHex } from '../../../src/util/hex.ts';
import { silentLog, type Log, type LogContext } from '../../../src/util/log.ts';
import { systemClock } from '../../../src/node/system-clock.ts';
import { address, key } from '../wallet/fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let path: string;
let told: LogContext[];
let count = 0;
beforeEach(() => {
  path = join(root, String(count++), 'keystore');
  told = [];
});

const log: Log = { ...silentLog, warn: (_message, context = {}) => void told.push(context) };

function open(): KeyDirectory {
  return new KeyDirectory({ path, scrypt: 'light' }, { clock: systemClock, log });
}

/** A directory with alice's key. */
async function filled(password = 'secret'): Promise<KeyDirectory> {
  const directory = open();
  await directory.add(key(0), password);
  return directory;
}

const names = (): readonly string[] => readdirSync(path).sort();
const mode = (file: string): number => statSync(file).mode & 0o777;
const code = (expected: string): unknown => expect.objectContaining({ code: expected });
/** A file of the weakest cost that can be read. */
const keystoreText = async (privateKey: Bytes, change: object = {}): Promise<string> =>
  JSON.stringify({ ...(await encryptKeystore(privateKey, 'secret', { n: 2 })), ...change });

describe('a key directory', () => {
  it('is laid out as geth has it, for its owner only', async () => {
    const directory = open();
    expect(directory.list()).toEqual([]);
    expect(existsSync(path)).toBe(false);
    const { file } = await directory.add(key(0), 'secret');
    expect(file).toMatch(
      new RegExp(`^UTC--\\d{4}-\\d\\d-\\d\\dT\\d\\d-\\d\\d-\\d\\d\\.\\d{9}Z--${address(0).slice(2)}$`),
    );
    expect(names()).toEqual([file]);
    expect([mode(path), mode(join(path, file))]).toEqual([0o700, 0o600]);
    expect(keyFileName(address(0), 0)).toBe(`UTC--1970-01-01T00-00-00.000000000Z--${address(0).slice(2)}`);
  });

  it('gives back what it was given, also to ethers, and holds no key in the clear', async () => {
    const directory = await filled();
    expect(directory.list()).toEqual([directory.find(address(0))]);
    expect(await directory.open(address(0), 'secret')).toEqual(new Uint8Array(key(0)));
    const text = readFileSync(join(path, names()[0] ?? ''), 'utf8');
    expect(text).not.toContain(toHex(key(0)).slice(2));
    expect(Wallet.fromEncryptedJsonSync(text, 'secret')).toHaveProperty('privateKey', toHex(key(0)));
  });

  it('refuses a wrong password and an account that it has not', async () => {
    const directory = await filled();
    await expect(directory.open(address(0), 'Secret')).rejects.toThrow(code('KEYSTORE_PASSWORD'));
    await expect(directory.open(address(1), 'secret')).rejects.toThrow(code('ACCOUNT_UNKNOWN'));
  });

  it('never writes over a key, not even when both come at once', async () => {
    const directory = open();
    const both = await Promise.allSettled([directory.add(key(0), 'one'), directory.add(key(0), 'two')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const before = readFileSync(join(path, names()[0] ?? ''), 'utf8');
    await expect(directory.add(key(0), 'three')).rejects.toThrow(code('KEYSTORE_EXISTS'));
    expect(names()).toHaveLength(1);
    expect(readFileSync(join(path, names()[0] ?? ''), 'utf8')).toBe(before);
  });

  it('changes a password under the same name, and leaves the file alone when the old one is wrong', async () => {
    const directory = await filled();
    const [file] = names();
    await expect(directory.changePassword(address(0), 'wrong', 'new')).rejects.toThrow(code('KEYSTORE_PASSWORD'));
    expect(await directory.open(address(0), 'secret')).toEqual(new Uint8Array(key(0)));
    await directory.changePassword(address(0), 'secret', 'new');
    expect(names()).toEqual([file]);
    expect(mode(join(path, file ?? ''))).toBe(0o600);
    await expect(directory.open(address(0), 'secret')).rejects.toThrow(code('KEYSTORE_PASSWORD'));
    expect(await directory.open(address(0), 'new')).toEqual(new Uint8Array(key(0)));
  });

  it('sees what others put there and take away', async () => {
    const directory = await filled();
    const file = join(path, 'from elsewhere');
    writeFileSync(file, await keystoreText(key(1)));
    expect(directory.list().map((stored) => stored.address)).toEqual([address(0), address(1)]);
    expect(await directory.open(address(1), 'secret')).toEqual(new Uint8Array(key(1)));
    rmSync(file);
    expect(directory.find(address(1))).toBeNull();
    expect(told).toEqual([]);
  });

  it('says so when it cannot be written', async () => {
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, 'a file where the directory should be');
    const directory = open();
    expect(directory.list()).toEqual([]);
    await expect(directory.add(key(0), 'secret')).rejects.toThrow(code('KEYSTORE_UNWRITABLE'));
  });
});

describe("a stranger's file", () => {
  const CLEAR_KEY = 'ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
  const strangers: readonly (readonly [string, (file: string) => void | Promise<void>, string])[] = [
    ['clear-key', (file) => writeFileSync(file, CLEAR_KEY), 'no JSON'],
    ['empty', (file) => writeFileSync(file, ''), 'no JSON'],
    ['cut-off', async (file) => writeFileSync(file, (await keystoreText(key(1))).slice(0, 100)), 'no JSON'],
    ['list', (file) => writeFileSync(file, '[]'), 'no JSON'],
    ['binary', (file) => writeFileSync(file, Buffer.alloc(100, 0xff)), 'no JSON'],
    ['huge', (file) => writeFileSync(file, ' '.repeat(17 * 1024)), 'no JSON'],
    ['version', async (file) => writeFileSync(file, await keystoreText(key(1), { version: 1 })), 'version 3'],
    ['nameless', async (file) => writeFileSync(file, await keystoreText(key(1), { address: '' })), 'names no address'],
    ['directory', (file) => mkdirSync(file), 'regular file'],
    ['link', (file) => symlinkSync('/etc/hostname', file), 'regular file'],
    ['pipe', (file) => void execFileSync('mkfifo', [file]), 'regular file'],
    ['.hidden', async (file) => writeFileSync(file, await keystoreText(key(1))), 'hidden'],
    ['backup~', async (file) => writeFileSync(file, await keystoreText(key(1))), 'editor'],
    ['#edited#', async (file) => writeFileSync(file, await keystoreText(key(1))), 'editor'],
    ['second', async (file) => writeFileSync(file, await keystoreText(key(0))), 'a second file'],
  ];

  it.each(strangers)('%s is skipped and told once, and the others work', async (name, make, reason) => {
    const directory = await filled();
    await make(join(path, name));
    for (let look = 0; look < 3; look++) {
      expect(directory.list().map((stored) => stored.address)).toEqual([address(0)]);
    }
    // Another key makes it look again.
    await directory.add(key(2), 'secret');
    expect(directory.list()).toHaveLength(2);
    expect(told).toEqual([{ file: name, reason: expect.stringContaining(reason) }]);
    expect(JSON.stringify(told)).not.toContain(CLEAR_KEY.slice(0, 6));
    expect(await directory.open(address(0), 'secret')).toEqual(new Uint8Array(key(0)));
  });

  it('is an account by its name where the file tells no address, and checked when opened', async () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, keyFileName(address(1), 0)), await keystoreText(key(1), { address: undefined }));
    writeFileSync(join(path, keyFileName(address(2), 0)), await keystoreText(key(3), { address: undefined }));
    const directory = open();
    expect(await directory.open(address(1), 'secret')).toEqual(new Uint8Array(key(1)));
    await expect(directory.open(address(2), 'secret')).rejects.toThrow(code('KEYSTORE_MALFORMED'));
  });

  it('of the right outside and damaged inside is refused when opened', async () => {
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, 'damaged'), await keystoreText(key(1), { crypto: { kdf: 'scrypt' } }));
    const directory = open();
    expect(directory.list()).toHaveLength(1);
    await expect(directory.open(address(1), 'secret')).rejects.toThrow(code('KEYSTORE_MALFORMED'));
  });
});
