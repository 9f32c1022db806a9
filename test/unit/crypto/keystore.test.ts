import { readFileSync } from 'node:fs';
import { Wallet } from 'ethers';
import { describe, expect, it } from 'vitest';
import { decryptKeystore, encryptKeystore, type Keystore } from '../../../src/crypto/keystore.ts';
import { addressOf, randomPrivateKey } from '../../../src/crypto/secp256k1.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';

const vectors = JSON.parse(readFileSync(new URL('../../vectors/keystore.json', import.meta.url), 'utf8'));
const key = fromHex(vectors.privateKey);
/** Weak on purpose: tests should not stretch passwords for long. */
const n = 1024;

describe('published vectors', () => {
  it.each(['pbkdf2', 'scrypt'])('%s', async (name) => {
    expect(toHex(await decryptKeystore(vectors[name], vectors.password))).toBe(vectors.privateKey);
    expect(addressOf(key)).toBe(vectors.address);
    await expect(decryptKeystore(vectors[name], 'another')).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD' });
  });
});

describe('encryptKeystore', () => {
  it('is read back by us and by ethers, whatever the password', async () => {
    for (const password of ['', 'correct horse', 'пароль 密码']) {
      const privateKey = randomPrivateKey();
      const file = await encryptKeystore(privateKey, password, { n });
      expect(toHex(await decryptKeystore(JSON.parse(JSON.stringify(file)), password))).toBe(toHex(privateKey));
      const wallet = Wallet.fromEncryptedJsonSync(JSON.stringify(file), password);
      expect(wallet).toHaveProperty('privateKey', toHex(privateKey));
      await expect(decryptKeystore(file, `${password}x`)).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD' });
    }
  });

  it('reads what ethers writes', async () => {
    const wallet = new Wallet(vectors.privateKey);
    const text = wallet.encryptSync('secret');
    expect(toHex(await decryptKeystore(JSON.parse(text), 'secret'))).toBe(vectors.privateKey);
  });

  it('holds neither key nor password, and never the same salt twice', async () => {
    const one = await encryptKeystore(key, 'hunter22', { n });
    const two = await encryptKeystore(key, 'hunter22', { n });
    expect(JSON.stringify(one)).not.toContain(vectors.privateKey.slice(2));
    expect(JSON.stringify(one)).not.toContain('hunter22');
    expect(one.crypto.kdfparams.salt).not.toBe(two.crypto.kdfparams.salt);
    expect(one.crypto.cipherparams.iv).not.toBe(two.crypto.cipherparams.iv);
  });

  it('refuses a bad key and a bad cost', async () => {
    await expect(encryptKeystore(new Uint8Array(32), 'x', { n })).rejects.toMatchObject({ code: 'CRYPTO_PRIVATE_KEY' });
    for (const bad of [0, 1, 3, 1000.5, 2 ** 30]) {
      await expect(encryptKeystore(key, 'x', { n: bad })).rejects.toMatchObject({ code: 'CONFIG' });
    }
  });
});

describe('a file that is damaged or hostile', () => {
  const damaged: [string, (file: Draft) => unknown][] = [
    ['no object', () => null],
    ['a list', () => []],
    ['another version', (file) => ({ ...file, version: 1 })],
    ['no crypto', (file) => ({ ...file, crypto: undefined })],
    ['another cipher', (file) => change(file, { cipher: 'aes-256-gcm' })],
    ['no iv', (file) => change(file, { cipherparams: {} })],
    ['a short iv', (file) => change(file, { cipherparams: { iv: '00' } })],
    ['odd hex', (file) => change(file, { mac: String(file.crypto['mac']).slice(1) })],
    ['no hex', (file) => change(file, { ciphertext: 'zz'.repeat(32) })],
    ['a short ciphertext', (file) => change(file, { ciphertext: '00'.repeat(31) })],
    ['an unknown kdf', (file) => change(file, { kdf: 'argon2' })],
    ['too much memory', (file) => params(file, { n: 2 ** 26 })],
    ['a huge r', (file) => params(file, { r: 2 ** 28 })],
    ['too many lanes', (file) => params(file, { p: 1e6 })],
    ['n that is no power of two', (file) => params(file, { n: 1000 })],
    ['n as text', (file) => params(file, { n: '1024' })],
    ['a short derived key', (file) => params(file, { dklen: 16 })],
    ['a huge derived key', (file) => params(file, { dklen: 2 ** 31 })],
    ['a huge salt', (file) => params(file, { salt: '00'.repeat(100_000) })],
    [
      'pbkdf2 without end',
      (file) => change(file, { kdf: 'pbkdf2', kdfparams: { c: 1e12, dklen: 32, prf: 'hmac-sha256', salt: '00' } }),
    ],
    ['another address', (file) => ({ ...file, address: '00'.repeat(20) })],
  ];
  it.each(damaged)('%s', async (_name, damage) => {
    const file = (await encryptKeystore(key, 'x', { n })) as unknown as Draft;
    await expect(decryptKeystore(damage(file), 'x')).rejects.toMatchObject({ code: 'KEYSTORE_MALFORMED' });
  });

  it('notices a changed ciphertext', async () => {
    const file: Keystore = await encryptKeystore(key, 'x', { n });
    const changed = change(file, { ciphertext: '00'.repeat(32) });
    await expect(decryptKeystore(changed, 'x')).rejects.toMatchObject({ code: 'KEYSTORE_PASSWORD' });
  });
});

type Draft = { readonly crypto: Record<string, unknown> };

function change(file: Draft, crypto: Record<string, unknown>): Draft {
  return { ...file, crypto: { ...file.crypto, ...crypto } };
}

function params(file: Draft, kdfparams: Record<string, unknown>): Draft {
  return change(file, { kdfparams: { ...(file.crypto['kdfparams'] as object), ...kdfparams } });
}
