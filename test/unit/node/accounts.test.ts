import { mkdtempSync, rmSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { verifyMessage } from 'ethers';
import { afterAll, describe, expect, it } from 'vitest';
import { recoverTransaction, signTransaction } from '../../../src/codec/transaction.ts';
import { NodeAccounts } from '../../../src/node/accounts.ts';
import type { NodeApi } from '../../../src/node/api.ts';
import { NodeWallet } from '../../../src/node/node-wallet.ts';
import type { Address } from '../../../src/types/primitives.ts';
import { errorCode, ParleyError } from '../../../src/util/errors.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { KeyedLock } from '../../../src/util/keyed-lock.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { ALICE, BOB, FakeNode, KEYS } from '../../rpc/fake-node.ts';
import { ManualTime } from '../mempool/manual-time.ts';
import { address, key } from '../wallet/fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PASSWORD = 'secret';
const STORED = address(0);
const ALICE_KEY = fromHex(KEYS[0] ?? '0x');

/** ALICE as a devnet's account and STORED in a wallet, over a node whose answers take a turn or more. */
async function accountsOf(node = new FakeNode(), overrides: Partial<NodeApi> = {}) {
  const time = new ManualTime();
  const wallet = new NodeWallet(
    { path: mkdtempSync(join(root, 'keystore-')), scrypt: 'light', unlockSecondsMax: 0 },
    { clock: time, timers: time, log: silentLog },
  );
  await wallet.importKey(key(0), PASSWORD);
  const estimateGas: NodeApi['estimateGas'] = async (call) => {
    await turn();
    return node.estimateGas(call);
  };
  const api = { chainId: node.chainId, chain: node.chain, pool: node.pool, estimateGas, ...overrides };
  const options = { name: 'test', timeoutMs: 30_000, waitersPerKeyMax: 200, waitersMax: 200 };
  const lock = new KeyedLock(options, { clock: time, timers: time, metrics: noMetrics });
  const dev = [{ address: ALICE, privateKey: ALICE_KEY }];
  return { accounts: new NodeAccounts({ dev, wallet }, { node: api, lock }), wallet, time, node };
}

/** Submits after a turn, as a pool with a journal does; every `refuseEvery`th is refused. */
function slowPool(node: FakeNode, refuseEvery = Infinity): NodeApi['pool'] {
  let submitted = 0;
  return {
    ...node.pool,
    submit: async (raw) => {
      await turn();
      if (++submitted % refuseEvery === 0) throw new ParleyError('POOL_FULL', 'full');
      return node.pool.submit(raw);
    },
  };
}

function noncesInPool(node: FakeNode, sender: Address): readonly number[] {
  const transactions = node.pool.content().pending.get(sender) ?? [];
  return transactions.map(({ nonce }) => nonce).sort((a, b) => a - b);
}

const range = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i);

async function codeOf(refused: Promise<unknown>): Promise<string> {
  return refused.then(
    () => 'done',
    (error: unknown) => errorCode(error),
  );
}

describe('nonces', () => {
  it.each([
    ['of a devnet account', ALICE],
    ['of an unlocked keystore account', STORED],
  ])('of 100 concurrent sends have neither gap nor repeat: %s', async (_, from) => {
    const node = new FakeNode();
    const { accounts, wallet } = await accountsOf(node, { pool: slowPool(node) });
    await wallet.unlock(STORED, PASSWORD, 60);
    const hashes = await Promise.all(range(100).map((i) => accounts.send({ from, to: BOB, value: BigInt(i) })));
    expect(new Set(hashes).size).toBe(100);
    expect(noncesInPool(node, from)).toEqual(range(100));
  });

  it('are not used up by what is refused: before signing, by the pool, or at an explicit nonce', async () => {
    const node = new FakeNode();
    const { accounts } = await accountsOf(node, { pool: slowPool(node, 7) });
    const sends = range(100).map((i) => {
      // A call that reverts is found out when its gas is estimated; nonce 0 is taken by the first.
      if (i % 10 === 3)
        return codeOf(accounts.send({ from: ALICE, to: `0x${'0'.repeat(38)}e1`, data: fromHex('0x01') }));
      if (i % 10 === 5) return codeOf(accounts.send({ from: ALICE, to: BOB, nonce: 0 }));
      return codeOf(accounts.send({ from: ALICE, to: BOB, value: 1n }));
    });
    const codes = await Promise.all(sends);
    const count = (code: string): number => codes.filter((found) => found === code).length;
    expect(count('EXECUTION_REVERTED')).toBe(10);
    expect(count('POOL_FULL')).toBeGreaterThan(5);
    expect(count('POOL_NONCE_TOO_LOW')).toBeGreaterThan(5);
    expect(noncesInPool(node, ALICE)).toEqual(range(count('done')));
  });

  it('are chosen again where somebody who signs elsewhere was faster', async () => {
    const node = new FakeNode();
    const raw = signTransaction(
      {
        type: 2,
        chainId: node.chainId,
        nonce: 0,
        gasLimit: 21_000,
        maxFeePerGas: 2_000_000_000n,
        maxPriorityFeePerGas: 1n,
        to: BOB,
        value: 0n,
        data: Buffer.alloc(0),
        accessList: [],
      },
      ALICE_KEY,
    );
    let isFirst = true;
    const pool: NodeApi['pool'] = {
      ...node.pool,
      submit: async (ours) => {
        if (isFirst) await node.pool.submit(raw);
        isFirst = false;
        return node.pool.submit(ours);
      },
    };
    const { accounts } = await accountsOf(node, { pool });
    await accounts.send({ from: ALICE, to: BOB, value: 5n });
    expect(noncesInPool(node, ALICE)).toEqual([0, 1]);
    isFirst = false;
    expect(await codeOf(accounts.send({ from: ALICE, to: BOB, nonce: 0 }))).toBe('POOL_NONCE_TOO_LOW');
  });

  it('wait for no lock without end, and then say so', async () => {
    const node = new FakeNode();
    const pool: NodeApi['pool'] = { ...node.pool, submit: () => new Promise(() => {}) };
    const { accounts, time } = await accountsOf(node, { pool });
    void accounts.send({ from: ALICE, to: BOB });
    const second = codeOf(accounts.send({ from: ALICE, to: BOB }));
    await turn();
    time.advance(30_000);
    expect(await second).toBe('POOL_BUSY');
  });
});

describe('keys', () => {
  it('are listed once, those of the devnet first', async () => {
    const { accounts, wallet } = await accountsOf();
    await wallet.importKey(Buffer.from(ALICE_KEY), PASSWORD);
    expect(accounts.list()).toEqual([ALICE, STORED]);
  });

  it('of a devnet sign without a password', async () => {
    const { accounts } = await accountsOf();
    const signature = await accounts.signMessage(ALICE, Buffer.from('hello'), 'whatever');
    expect(verifyMessage('hello', signature).toLowerCase()).toBe(ALICE);
    expect(await codeOf(accounts.signMessage(BOB, Buffer.from('hello')))).toBe('ACCOUNT_UNKNOWN');
    expect(await codeOf(accounts.send({ from: BOB, to: ALICE }, PASSWORD))).toBe('ACCOUNT_UNKNOWN');
  });

  it('of the wallet sign while unlocked, or once with the password', async () => {
    const { accounts, wallet, time } = await accountsOf();
    const request = { from: STORED, to: BOB, value: 1n };
    const calls = [
      (password?: string) => accounts.send(request, password),
      (password?: string) => accounts.signTransaction(request, password),
      (password?: string) => accounts.signMessage(STORED, Buffer.from('hello'), password),
      (password?: string) => accounts.signDigest(STORED, `0x${'11'.repeat(32)}`, password),
    ];
    for (const call of calls) {
      expect(await codeOf(call())).toBe('ACCOUNT_LOCKED');
      expect(await codeOf(call('wrong'))).toBe('KEYSTORE_PASSWORD');
      expect(await codeOf(call(PASSWORD))).toBe('done');
      // Once is once.
      expect(await codeOf(call())).toBe('ACCOUNT_LOCKED');
    }
    await wallet.unlock(STORED, PASSWORD, 5);
    for (const call of calls) expect(await codeOf(call())).toBe('done');
    // Unlocked or not, a wrong password is a refusal.
    expect(await codeOf(calls[2]?.('wrong') ?? Promise.resolve())).toBe('KEYSTORE_PASSWORD');
    time.advance(5_000);
    for (const call of calls) expect(await codeOf(call())).toBe('ACCOUNT_LOCKED');
  });

  it('that were locked while a transaction waited in line sign it no more', async () => {
    const node = new FakeNode();
    const { accounts, wallet } = await accountsOf(node, { pool: slowPool(node) });
    await wallet.unlock(STORED, PASSWORD, 60);
    const sends = range(5).map(() => codeOf(accounts.send({ from: STORED, to: BOB })));
    await sends[1];
    wallet.lock(STORED);
    const codes = await Promise.all(sends);
    expect(codes[0]).toBe('done');
    expect(codes[4]).toBe('ACCOUNT_LOCKED');
    expect(noncesInPool(node, STORED)).toEqual(range(codes.filter((code) => code === 'done').length));
  });

  it('sign what was asked for', async () => {
    const { accounts } = await accountsOf();
    const request = { from: STORED, to: BOB, value: 7n, data: fromHex('0x0102'), nonce: 9, gasLimit: 30_000 };
    const signed = recoverTransaction(await accounts.signTransaction({ ...request, gasPrice: 3n }, PASSWORD));
    expect(signed).toMatchObject({ type: 0, sender: STORED, to: BOB, value: 7n, nonce: 9, gasLimit: 30_000 });
    expect([toHex(signed.data), signed.maxFeePerGas]).toEqual(['0x0102', 3n]);
  });
});
