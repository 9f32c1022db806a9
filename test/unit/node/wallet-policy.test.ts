import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkConfig } from '../../../src/node/config.ts';
import { readRpcAccess } from '../../../src/node/rpc-access.ts';
import { isWalletServed, walletOptions } from '../../../src/node/wallet-policy.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PLAIN = { devnet: false, host: '127.0.0.1', requireKey: false, namespaces: ['eth', 'net'] };
const KEYED = { ...PLAIN, requireKey: true, namespaces: ['eth', 'personal', 'wallet'] };

describe('a wallet is served', () => {
  it('where its methods are, on a devnet whoever calls', () => {
    expect(isWalletServed({ ...PLAIN, devnet: true })).toBe(false);
    for (const namespace of ['personal', 'wallet']) {
      expect(isWalletServed({ devnet: true, host: '0.0.0.0', requireKey: false, namespaces: [namespace] })).toBe(true);
    }
  });

  it('elsewhere on loopback', () => {
    expect(isWalletServed(PLAIN)).toBe(false);
    expect(isWalletServed({ ...PLAIN, host: '0.0.0.0' })).toBe(false);
    for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) {
      expect(isWalletServed({ ...KEYED, host })).toBe(true);
    }
    for (const host of ['0.0.0.0', '::', '192.168.1.2', 'example.com', '127.0.0.1.example.com', '']) {
      expect(() => isWalletServed({ ...KEYED, host })).toThrow(/personal and wallet .*set rpc\.host to 127\.0\.0\.1/);
    }
  });

  it('elsewhere to nobody without a key, whatever the methods', () => {
    for (const namespaces of [['personal'], ['wallet'], ['eth', 'personal']]) {
      const open = { ...KEYED, requireKey: false, namespaces };
      const refusal = { code: 'CONFIG', message: expect.stringMatching(/(personal|wallet) .*set rpc\.require-key/) };
      expect(() => isWalletServed(open)).toThrow(expect.objectContaining(refusal));
    }
  });
});

describe('of a configuration', () => {
  const options = (rpc: object, wallet: object = {}) => {
    const config = checkConfig({ rpc, wallet });
    return walletOptions(config, readRpcAccess(config.rpc), 'data');
  };

  it('there is no wallet by default', () => {
    expect(options({})).toBeNull();
    expect(options({ 'require-key': true })).toBeNull();
  });

  it('the directory is the one named, else in the data directory', () => {
    const rpc = { namespaces: ['eth', 'personal'], 'require-key': true };
    expect(options(rpc)).toEqual({ path: 'data/keystore', scrypt: 'standard', unlockSecondsMax: 0 });
    const wallet = { 'keystore-dir': 'keys', scrypt: 'light', 'unlock-seconds-max': 7 };
    expect(options(rpc, wallet)).toEqual({ path: 'keys', scrypt: 'light', unlockSecondsMax: 7 });
  });

  it('what a key or a token opens counts like what is open to everybody', () => {
    const [keys, secret] = [join(root, 'keys.toml'), join(root, 'secret')];
    writeFileSync(keys, `[[keys]]\nname = "me"\nsha256 = "${'ab'.repeat(32)}"\nnamespaces = ["personal"]\n`);
    writeFileSync(secret, 'cd'.repeat(32));
    const ways = [{ 'api-keys-file': keys }, { 'jwt-secret-file': secret, 'jwt-namespaces': ['wallet'] }];
    for (const way of ways) {
      expect(options({ ...way, 'require-key': true })).not.toBeNull();
      expect(() => options(way)).toThrow(/require-key/);
    }
    expect(options({ 'jwt-secret-file': secret })).toBeNull();
  });
});
