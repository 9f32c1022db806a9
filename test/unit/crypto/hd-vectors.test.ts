/** The published vectors of BIP-39, BIP-32 and BIP-44, against what derives the accounts. */
import { readFileSync } from 'node:fs';
import { HDKey } from '@scure/bip32';
import { entropyToMnemonic } from '@scure/bip39';
import { wordlist } from '@scure/bip39/wordlists/english.js';
import { describe, expect, it } from 'vitest';
import { accountsFromMnemonic, mnemonicSeed, randomMnemonic } from '../../../src/crypto/mnemonic.ts';

type Vectors = {
  readonly bip39: {
    readonly passphrase: string;
    readonly vectors: readonly Record<'entropy' | 'mnemonic' | 'seed' | 'root', string>[];
  };
  readonly bip32: { readonly vectors: readonly { readonly seed: string; readonly keys: Record<string, string> }[] };
  readonly bip44: { readonly mnemonic: string; readonly path: string; readonly addresses: readonly string[] };
};
const vectors = JSON.parse(readFileSync(new URL('../../vectors/hd-wallet.json', import.meta.url), 'utf8')) as Vectors;
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

describe('BIP-39', () => {
  it.each(vectors.bip39.vectors)('$mnemonic', ({ entropy, mnemonic, seed, root }) => {
    expect(entropyToMnemonic(bytes(entropy), wordlist)).toBe(mnemonic);
    const ours = mnemonicSeed(mnemonic, vectors.bip39.passphrase);
    expect(Buffer.from(ours).toString('hex')).toBe(seed);
    expect(HDKey.fromMasterSeed(ours).privateExtendedKey).toBe(root);
  });

  it('makes phrases that it takes, each another', () => {
    const phrases = [randomMnemonic(), randomMnemonic(12), randomMnemonic(24)];
    expect(phrases.map((phrase) => phrase.split(' ').length)).toEqual([12, 12, 24]);
    for (const phrase of phrases) expect(accountsFromMnemonic(phrase, 1)).toHaveLength(1);
    expect(new Set(phrases).size).toBe(3);
  });

  it('takes passphrases in any Unicode form, and gives other accounts for each', () => {
    const { mnemonic } = vectors.bip44;
    const address = (passphrase: string) => accountsFromMnemonic(mnemonic, 1, { passphrase })[0]?.address;
    expect(address('é')).toBe(address('e\u0301'));
    expect(address('é')).not.toBe(address(''));
  });
});

describe('BIP-32', () => {
  const keys = vectors.bip32.vectors.flatMap(({ seed, keys: byPath }) =>
    Object.entries(byPath).map(([path, key]) => ({ seed, path, key })),
  );
  it.each(keys)('$path of $seed', ({ seed, path, key }) => {
    expect(HDKey.fromMasterSeed(bytes(seed)).derive(path).privateExtendedKey).toBe(key);
  });
});

it('BIP-44', () => {
  const { mnemonic, path, addresses } = vectors.bip44;
  expect(accountsFromMnemonic(mnemonic, 1, { path }).map(({ address }) => address)).toEqual(addresses);
  expect(accountsFromMnemonic(mnemonic, 1).map(({ address }) => address)).toEqual(addresses);
});
