import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { NodeWallet } from '../../../src/node/node-wallet.ts';
import type { Address, Bytes } from '../../../src/types/primitives.ts';
import { errorCode } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';
import type { Log } from '../../../src/util/log.ts';
import { ManualTime } from '../mempool/manual-time.ts';
import { address, key } from '../wallet/fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PASSWORD = 'correct horse battery';

/** A wallet with one account, everything it logs, and its directory. */
async function walletOf(options: { readonly unlockSecondsMax?: number; readonly accounts?: number } = {}) {
  const time = new ManualTime();
  const path = mkdtempSync(join(root, 'keystore-'));
  const lines: string[] = [];
  const write = (...line: unknown[]): void => void lines.push(JSON.stringify(line));
  const log: Log = { child: () => log, debug: write, info: write, warn: write, error: write };
  const { unlockSecondsMax = 0 } = options;
  const wallet = new NodeWallet({ path, scrypt: 'light', unlockSecondsMax }, { clock: time, timers: time, log });
  for (let i = 0; i < (options.accounts ?? 1); i++) {
    await wallet.importKey(key(i), PASSWORD);
    // Files are listed in the order of their times.
    time.advance(1);
  }
  return { wallet, time, path, lines };
}

async function codeOf(refused: Promise<unknown>): Promise<string> {
  return refused.then(
    () => 'done',
    (error: unknown) => errorCode(error),
  );
}

/** null: locked. */
function borrowed(wallet: NodeWallet, from: Address): string | null {
  try {
    return wallet.use(from, (privateKey) => toHex(privateKey));
  } catch (error) {
    expect(errorCode(error)).toBe('ACCOUNT_LOCKED');
    return null;
  }
}

describe('NodeWallet', () => {
  it('creates accounts that are locked, and unlocks them for a time', async () => {
    const { wallet, time } = await walletOf({ accounts: 0 });
    const created = await wallet.create(PASSWORD);
    expect(wallet.accounts()).toMatchObject([{ address: created, isUnlocked: false, untilMs: null }]);
    expect(borrowed(wallet, created)).toBeNull();
    await wallet.unlock(created, PASSWORD, 10);
    expect(wallet.accounts()).toMatchObject([{ isUnlocked: true, untilMs: time.now() + 10_000 }]);
    expect(borrowed(wallet, created)).toMatch(/^0x[0-9a-f]{64}$/);
    time.advance(10_000);
    expect(wallet.accounts()).toMatchObject([{ isUnlocked: false }]);
    expect(borrowed(wallet, created)).toBeNull();
  });

  it('overwrites keys that it imports, and those it opened for one task', async () => {
    const { wallet } = await walletOf({ accounts: 0 });
    const imported = key(0);
    await wallet.importKey(imported, PASSWORD);
    expect(toHex(imported)).toBe(`0x${'00'.repeat(32)}`);
    const again = key(0);
    expect(await codeOf(wallet.importKey(again, PASSWORD))).toBe('KEYSTORE_EXISTS');
    expect(toHex(again)).toBe(`0x${'00'.repeat(32)}`);
    const lent: Bytes[] = [];
    const seen = await wallet.withPassword(address(0), PASSWORD, (privateKey) => {
      lent.push(privateKey);
      return toHex(privateKey);
    });
    const failing = wallet.withPassword(address(0), PASSWORD, (privateKey) => {
      lent.push(privateKey);
      throw new Error('task');
    });
    await expect(failing).rejects.toThrow('task');
    expect(seen).toBe(toHex(key(0)));
    expect(lent.map(toHex)).toEqual([`0x${'00'.repeat(32)}`, `0x${'00'.repeat(32)}`]);
    expect(borrowed(wallet, address(0))).toBeNull();
  });

  it('bounds how long an account may be unlocked', async () => {
    const unbounded = (await walletOf()).wallet;
    await unbounded.unlock(address(0), PASSWORD, 0);
    expect(unbounded.accounts()).toMatchObject([{ isUnlocked: true, untilMs: null }]);
    for (const seconds of [-1, Number.NaN, 2_147_484, Infinity]) {
      expect(await codeOf(unbounded.unlock(address(0), PASSWORD, seconds))).toBe('WALLET_DURATION');
    }
    const { wallet } = await walletOf({ unlockSecondsMax: 60 });
    for (const seconds of [0, 61]) {
      expect(await codeOf(wallet.unlock(address(0), PASSWORD, seconds))).toBe('WALLET_DURATION');
    }
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 60))).toBe('done');
  });

  it('locks one, and all', async () => {
    const { wallet } = await walletOf({ accounts: 2 });
    await wallet.unlock(address(0), PASSWORD, 0);
    await wallet.unlock(address(1), PASSWORD, 0);
    expect(wallet.lock(address(0))).toBe(true);
    expect(wallet.accounts().map(({ isUnlocked }) => isUnlocked)).toEqual([false, true]);
    expect([wallet.lock(address(0)), wallet.lock(address(7))]).toEqual([true, false]);
    wallet.lockAll();
    expect(wallet.accounts().map(({ isUnlocked }) => isUnlocked)).toEqual([false, false]);
  });

  it('slows down who guesses passwords, however many guesses come at once', async () => {
    const { wallet, time } = await walletOf();
    const guesses = Array.from({ length: 12 }, (_, i) => codeOf(wallet.unlock(address(0), `guess ${i}`, 1)));
    const codes = await Promise.all(guesses);
    expect(codes.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => 'KEYSTORE_PASSWORD'));
    expect(codes.slice(5)).toEqual(Array.from({ length: 7 }, () => 'ACCOUNT_PAUSED'));
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).toBe('ACCOUNT_PAUSED');
    time.advance(1_000);
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).toBe('done');
    expect(await codeOf(wallet.unlock(address(0), 'guess', 1))).toBe('KEYSTORE_PASSWORD');
  });

  it('tries few passwords at once', async () => {
    const { wallet } = await walletOf();
    const codes = await Promise.all(Array.from({ length: 40 }, () => codeOf(wallet.unlock(address(0), PASSWORD, 1))));
    expect(codes.filter((code) => code === 'done')).toHaveLength(33);
    expect(codes.filter((code) => code === 'WALLET_BUSY')).toHaveLength(7);
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).toBe('done');
  });

  it('survives a key file that is damaged or gone, and one that comes back', async () => {
    const { wallet, path } = await walletOf({ accounts: 2 });
    const file = join(path, readdirSync(path).sort()[0] ?? '');
    truncateSync(file, 200);
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).not.toBe('done');
    rmSync(file);
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).toBe('ACCOUNT_UNKNOWN');
    expect(wallet.accounts().map((account) => account.address)).toEqual([address(1)]);
    await wallet.importKey(key(0), PASSWORD);
    expect(await codeOf(wallet.unlock(address(0), PASSWORD, 1))).toBe('done');
  });

  it('writes neither key nor password into its log or its directory', async () => {
    const { wallet, path, lines } = await walletOf();
    await wallet.unlock(address(0), PASSWORD, 5);
    await codeOf(wallet.unlock(address(0), `${PASSWORD}!`, 5));
    await codeOf(wallet.importKey(key(0), PASSWORD));
    await wallet.withPassword(address(0), PASSWORD, () => {});
    const files = readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'));
    const written = [...lines, ...files].join('\n');
    expect(lines.join('\n')).toMatch(/account unlocked[^]*wrong password/);
    expect(written).not.toContain(PASSWORD);
    expect(written).not.toContain(toHex(key(0)).slice(2));
  });
});
