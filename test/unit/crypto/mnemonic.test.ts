import { HDNodeWallet, Mnemonic } from 'ethers';
import { describe, expect, it } from 'vitest';
import { accountsFromMnemonic, MNEMONIC_ACCOUNTS_MAX } from '../../../src/crypto/mnemonic.ts';
import { ConfigError } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';

const PHRASE = 'test test test test test test test test test test test junk';

describe('accountsFromMnemonic', () => {
  it('gives the accounts that every development tool knows', () => {
    const [first] = accountsFromMnemonic(PHRASE, 1);
    expect(first?.address).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
    expect(first && toHex(first.privateKey)).toBe('0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80');
  });

  it('agrees with ethers over indexes and paths', () => {
    for (const path of ["m/44'/60'/0'/0", "m/44'/60'/7'"]) {
      const parent = HDNodeWallet.fromMnemonic(Mnemonic.fromPhrase(PHRASE), path);
      const expected = [0, 1, 2, 3].map((index) => parent.deriveChild(index).privateKey);
      expect(accountsFromMnemonic(PHRASE, 4, { path }).map((account) => toHex(account.privateKey))).toEqual(expected);
    }
  });

  it('forgives spaces', () => {
    expect(accountsFromMnemonic(`  ${PHRASE.replaceAll(' ', '  ')}\n`, 1)).toEqual(accountsFromMnemonic(PHRASE, 1));
  });

  it('refuses a bad phrase without repeating it', () => {
    const bad = [PHRASE.replace('junk', 'test'), PHRASE.replace('junk', 'notaword'), PHRASE.slice(5), ''];
    for (const phrase of bad) {
      const error = thrownBy(() => accountsFromMnemonic(phrase, 1));
      expect(error).toBeInstanceOf(ConfigError);
      expect(JSON.stringify([error.message, error.data, String(error.cause)])).not.toMatch(/test|junk|notaword/);
    }
  });

  it('refuses a bad count or path', () => {
    for (const count of [-1, 1.5, NaN, MNEMONIC_ACCOUNTS_MAX + 1]) {
      expect(() => accountsFromMnemonic(PHRASE, count)).toThrow(ConfigError);
    }
    expect(() => accountsFromMnemonic(PHRASE, 1, { path: 'm/x' })).toThrow(ConfigError);
    expect(accountsFromMnemonic(PHRASE, 0)).toEqual([]);
  });
});

function thrownBy(call: () => unknown): ConfigError {
  try {
    call();
  } catch (error) {
    return error as ConfigError;
  }
  throw new Error('nothing was thrown');
}
