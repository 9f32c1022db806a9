import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { verifyMessage, Wallet } from 'ethers';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { encryptKeystore } from '../../../src/crypto/keystore.ts';
import { fromHex } from '../../../src/util/hex.ts';

/** `parley wallet` as its own process, which stretches a password for a second or more each time. */
vi.setConfig({ testTimeout: 180_000 });

const CLI = resolve(import.meta.dirname, '../../../src/cli.ts');
const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PHRASE = 'test test test test test test test test test test test junk';
const KEY = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
const ALICE = '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266';
const BOB = '0x70997970C51812dc3A010C7d01b50e0d17dc79C8';
const [FAILED, WRONG_USE] = [1, 2];

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

let home: string;
let password: string;
let count = 0;
beforeEach(() => {
  home = mkdtempSync(join(root, `${count++}-`));
  password = file('password', 'sesame\n');
});

function file(name: string, text: string): string {
  writeFileSync(join(home, name), text);
  return join(home, name);
}

/** In a directory of its own, with no terminal. */
function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((done) => {
    const child = execFile(process.execPath, [CLI, 'wallet', ...args], { cwd: home }, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
    child.stdin?.end();
  });
}

const withPassword = (...args: readonly string[]): Promise<Ended> => run(...args, '--password-file', password);
const keys = (): readonly string[] => readdirSync(join(home, '.parley/keystore')).sort();

describe('parley wallet', () => {
  it('makes, lists and shows accounts', async () => {
    const made = await withPassword('new');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const [, address = '', name = ''] = /^(0x[0-9a-fA-F]{40}) {2}(UTC--\S+)\n$/.exec(made.stdout) ?? [];
    expect(keys()).toEqual([name]);
    expect(statSync(join(home, '.parley/keystore', name)).mode & 0o777).toBe(0o600);
    writeFileSync(join(home, '.parley/keystore/notes'), 'x');
    const listed = await run('list');
    expect(listed).toMatchObject({ code: 0, stdout: made.stdout, stderr: expect.stringMatching(/skipped .*notes/) });
    expect(await run('show', address)).toMatchObject({ code: 0, stdout: `address ${address}\nfile    ${name}\n` });
    expect(await run('show', ALICE)).toMatchObject({ code: FAILED, stderr: expect.stringMatching(/there is no key/) });
  });

  it('makes a key file of a validator, never over another', async () => {
    const made = await withPassword('new', '--out', 'key.json');
    expect(made).toEqual({ code: 0, stdout: expect.stringMatching(/^0x[0-9a-f]{40}\n$/), stderr: '' });
    const text = readFileSync(join(home, 'key.json'), 'utf8');
    expect(Wallet.fromEncryptedJsonSync(text, 'sesame').address.toLowerCase()).toBe(made.stdout.trim());
    const again = await withPassword('new', '--out', 'key.json');
    expect(again).toMatchObject({
      code: WRONG_USE,
      stderr: expect.stringMatching(/cannot write the key file key\.json/),
    });
    expect(readFileSync(join(home, 'key.json'), 'utf8')).toBe(text);
  });

  it('makes a phrase, prints it once, and takes it in elsewhere', async () => {
    const made = await withPassword('new', '--mnemonic', '--words', '24', '--count', '2', '--keystore', 'one');
    const [phrase = '', ...accounts] = made.stdout.trim().split('\n');
    expect(phrase.split(' ')).toHaveLength(24);
    const addresses = accounts.map((line) => line.slice(0, 42));
    expect(addresses).toHaveLength(2);
    for (const name of readdirSync(join(home, 'one'))) {
      expect(readFileSync(join(home, 'one', name), 'utf8')).not.toContain(phrase);
    }
    const mnemonicFile = file('phrase', `${phrase}\n`);
    const taken = await withPassword('import', '--mnemonic-file', mnemonicFile, '--count', '2', '--keystore', 'two');
    expect(taken.stdout.split('\n').map((line) => line.slice(0, 42))).toEqual([...addresses, '']);
  });

  it('imports keys, phrases and keystores', async () => {
    expect((await withPassword('import', '--private-key-file', file('key', `${KEY}\n`))).stdout).toContain(ALICE);
    const more = await withPassword('import', '--mnemonic-file', file('phrase', PHRASE), '--count', '2');
    // What is there already is told, and the others come in.
    expect(more).toMatchObject({ code: 0, stderr: expect.stringMatching(/there is a key file of 0xf39f/) });
    expect(more.stdout).toMatch(new RegExp(`^${BOB} `));
    const path = ['--path', "m/44'/60'/7'", '--keystore', 'other'];
    const elsewhere = await withPassword('import', '--mnemonic-file', file('phrase', PHRASE), ...path);
    expect(elsewhere.stdout).not.toContain(ALICE);
    const keystore = file('keystore', JSON.stringify(await encryptKeystore(fromHex(KEY), 'sesame', { n: 2 })));
    expect((await withPassword('import', '--keystore-file', keystore, '--keystore', 'third')).stdout).toContain(ALICE);
    const wrong = await run('import', '--keystore-file', keystore, '--password-file', file('wrong', 'x'));
    expect(wrong).toMatchObject({ code: FAILED, stdout: '', stderr: expect.stringMatching(/password does not open/) });
  });

  it('signs messages and tells who signed', async () => {
    await withPassword('import', '--private-key-file', file('key', KEY));
    const signed = await withPassword('sign-message', ALICE, '--message', 'hello');
    expect(verifyMessage('hello', signed.stdout.trim())).toBe(ALICE);
    const messageFile = file('message', 'hello');
    const signature = ['--signature', signed.stdout.trim()];
    expect((await run('recover', '--message-file', messageFile, ...signature)).stdout).toBe(`${ALICE}\n`);
    expect((await run('recover', '--message', 'hullo', ...signature)).stdout).not.toContain(ALICE);
  });

  it('changes a password', async () => {
    await withPassword('import', '--private-key-file', file('key', KEY));
    const fresh = file('fresh', 'open');
    expect(await withPassword('change-password', ALICE, '--new-password-file', fresh)).toMatchObject({ code: 0 });
    const refused = await withPassword('sign-message', ALICE, '--message', 'x');
    expect(refused).toMatchObject({ code: FAILED, stderr: 'parley: the password does not open this keystore\n' });
    expect(await run('sign-message', ALICE, '--message', 'x', '--password-file', fresh)).toMatchObject({ code: 0 });
    expect(keys()).toHaveLength(1);
  });
});

describe('refuses', () => {
  it.each<readonly [string, readonly string[], RegExp]>([
    ['a password that nobody can give', ['new'], /no terminal .*--password-file/],
    ['a password as an argument', ['new', '--password', 'sesame'], /unknown option '--password'/],
    ['a phrase in a key file', ['new', '--mnemonic', '--out', 'x'], /--mnemonic makes accounts in a key directory/],
    ['a phrase of 13 words', ['new', '--mnemonic', '--words', '13'], /expected 12 or 24/],
    ['no accounts', ['new', '--mnemonic', '--count', '0'], /expected 1 to 100/],
    ['nothing to import', ['import'], /name what to import, once/],
    ['two things to import', ['import', '--private-key-file', 'a', '--keystore-file', 'b'], /once/],
    ['a path of a key', ['import', '--private-key-file', 'a', '--path', 'm'], /go with --mnemonic-file/],
    [
      'a file that is not there',
      ['import', '--private-key-file', 'absent'],
      /--private-key-file: cannot read it: ENOENT/,
    ],
    ['what is no address', ['show', '0x12'], /expected an address/],
    ['a wrong checksum', ['show', ALICE.replace('F', 'f')], /expected an address/],
    ['two messages', ['sign-message', ALICE, '--message', 'a', '--message-file', 'b'], /name the message, once/],
    ['what is no signature', ['recover', '--message', 'a', '--signature', '0x12'], /--signature: expected/],
  ])('%s', async (_, args, says) => {
    const ended = await run(...args);
    expect(ended).toMatchObject({ code: WRONG_USE, stdout: '' });
    expect(ended.stderr).toMatch(says);
    expect(ended.stderr).toMatch(/^parley: [^\n]*\n$/);
  });

  it.each([
    ['a key with a digit too many', '--private-key-file', `${KEY}0`],
    ['a phrase with a wrong word', '--mnemonic-file', PHRASE.replace('junk', 'jank')],
    ['a keystore that is a key', '--keystore-file', KEY],
  ])('%s, without repeating it', async (_, option, text) => {
    const ended = await withPassword('import', option, file('input', text));
    expect(ended).toMatchObject({ code: WRONG_USE, stdout: '' });
    expect(ended.stderr).not.toMatch(/ac0974|junk|jank|test test/);
  });
});
