/** personal_ and wallet_ over a real server: the node's own accounts and wallet, on a fake chain. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Transaction, verifyMessage } from 'ethers';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NodeAccounts } from '../../src/node/accounts.ts';
import { NodeWallet } from '../../src/node/node-wallet.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import { KeyedLock } from '../../src/util/keyed-lock.ts';
import { silentLog } from '../../src/util/log.ts';
import { noMetrics } from '../../src/util/metrics.ts';
import { ManualTime } from '../unit/mempool/manual-time.ts';
import { ALICE, BOB, KEYS } from './fake-node.ts';
import { startFixture, type Fixture } from './fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'parley-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const PASSWORD = 'correct horse';
const [ALICE_KEY = '0x'] = KEYS;
const HELLO = toHex(Buffer.from('hello'));

let rpc: Fixture;
let time: ManualTime;
let path: string;
beforeEach(async () => {
  rpc = await startFixture();
  time = new ManualTime();
  path = mkdtempSync(join(root, 'keystore-'));
  const modules = { clock: time, timers: time, log: silentLog };
  const wallet = new NodeWallet({ path, scrypt: 'light', unlockSecondsMax: 0 }, modules);
  const options = { name: 'test', timeoutMs: 30_000, waitersPerKeyMax: 200, waitersMax: 200 };
  const lock = new KeyedLock(options, { ...modules, metrics: noMetrics });
  rpc.node.wallet = wallet;
  rpc.node.accounts = new NodeAccounts({ dev: [], wallet }, { node: rpc.node, lock });
});
afterEach(() => rpc.server.stop());

const importAlice = (): Promise<JsonValue> => rpc.result('personal_importRawKey', ALICE_KEY, PASSWORD);

async function refusal(method: string, ...params: JsonValue[]): Promise<readonly [number, string]> {
  const { error } = await rpc.call(method, ...params);
  return [error?.code ?? 0, error?.message ?? ''];
}

describe('accounts', () => {
  it('are created, imported with or without 0x, and listed', async () => {
    const created = await rpc.text('personal_newAccount', PASSWORD);
    expect(created).toMatch(/^0x[0-9a-f]{40}$/);
    expect(await importAlice()).toBe(ALICE);
    expect(await rpc.result('personal_importRawKey', KEYS[1]?.slice(2) ?? '', PASSWORD)).toBe(BOB);
    const all = await rpc.result('personal_listAccounts');
    expect(new Set(all as readonly string[])).toEqual(new Set([created, ALICE, BOB]));
    expect(await rpc.result('eth_accounts')).toEqual(all);
    const wallets = (await rpc.result('personal_listWallets')) as readonly JsonValue[];
    expect(wallets).toHaveLength(3);
    expect(wallets).toContainEqual({
      url: expect.stringMatching(new RegExp(`^keystore://UTC--.*--${ALICE.slice(2)}$`)),
      status: 'Locked',
      accounts: [{ address: ALICE, url: expect.stringContaining('keystore://UTC--') }],
    });
    expect(JSON.stringify(wallets)).not.toContain(root);
  });

  it('are unlocked for a time, 300 s if none is named, and locked', async () => {
    await importAlice();
    expect(await refusal('eth_sign', ALICE, HELLO)).toEqual([-32000, expect.stringMatching(/^authentication needed/)]);
    expect(await rpc.result('personal_unlockAccount', ALICE, PASSWORD)).toBe(true);
    const until = new Date(time.now() + 300_000).toISOString();
    expect(await rpc.result('wallet_status')).toEqual({ accounts: [{ address: ALICE, status: 'unlocked', until }] });
    time.advance(299_999);
    expect(verifyMessage('hello', await rpc.text('eth_sign', ALICE, HELLO)).toLowerCase()).toBe(ALICE);
    time.advance(1);
    expect((await refusal('eth_sign', ALICE, HELLO))[0]).toBe(-32000);
    for (const duration of [0, '0x0']) {
      expect(await rpc.result('personal_unlockAccount', ALICE, PASSWORD, duration)).toBe(true);
      expect(await rpc.result('wallet_status')).toMatchObject({ accounts: [{ status: 'unlocked', until: null }] });
      expect(await rpc.result('personal_lockAccount', ALICE)).toBe(true);
      expect(await rpc.result('wallet_status')).toMatchObject({ accounts: [{ status: 'locked', until: null }] });
    }
    await rpc.result('personal_unlockAccount', ALICE, PASSWORD, 5);
    expect(await rpc.result('wallet_lockAll')).toBe(true);
    expect((await refusal('eth_sign', ALICE, HELLO))[0]).toBe(-32000);
    expect(await rpc.result('personal_lockAccount', BOB)).toBe(false);
  });

  it('send and sign once with the password', async () => {
    await importAlice();
    const transfer = { from: ALICE, to: BOB, value: '0x1' };
    const hash = await rpc.text('personal_sendTransaction', transfer, PASSWORD);
    expect(rpc.node.pool.get(hash as `0x${string}`)?.sender).toBe(ALICE);
    const signed = (await rpc.result('personal_signTransaction', transfer, PASSWORD)) as { raw: string; tx: object };
    const parsed = Transaction.from(signed.raw);
    expect(parsed.from?.toLowerCase()).toBe(ALICE);
    expect(signed.tx).toMatchObject({ hash: parsed.hash, from: ALICE, to: BOB, nonce: '0x1', value: '0x1' });
    expect((await refusal('eth_sendTransaction', transfer))[0]).toBe(-32000);
  });

  it('of a message are recovered, by the vector that geth documents too', async () => {
    await importAlice();
    await rpc.result('personal_unlockAccount', ALICE, PASSWORD, 0);
    const signature = await rpc.text('personal_sign', HELLO, ALICE);
    expect(await rpc.result('personal_ecRecover', HELLO, signature)).toBe(ALICE);
    // https://geth.ethereum.org/docs/interacting-with-geth/rpc/ns-personal, personal_sign of 0xdeadbeaf.
    const documented =
      '0xa3f20717a250c2b0b729b7e5becbff67fdaef7e0699da4de7ca5895b02a170a12d887fd3b17bfdce3481f10bea41f45ba9f709d39ce8325427b57afcfc994cee1b';
    expect(await rpc.result('personal_ecRecover', '0xdeadbeaf', documented)).toBe(
      '0x9b2055d370f73ec7d8a03e965129118dc8f5bf83',
    );
  });

  it('of 100 concurrent eth_sendTransaction have nonces without gap or repeat', async () => {
    await importAlice();
    await rpc.result('personal_unlockAccount', ALICE, PASSWORD);
    const sends = Array.from({ length: 100 }, (_, i) =>
      rpc.text('eth_sendTransaction', { from: ALICE, to: BOB, value: `0x${(i + 1).toString(16)}` }),
    );
    const hashes = await Promise.all(sends);
    const nonces = hashes.map((hash) => rpc.node.pool.get(hash as `0x${string}`)?.nonce ?? -1);
    expect(nonces.sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });
});

describe('refusals', () => {
  it('of wrong passwords, unknown accounts and known keys', async () => {
    await importAlice();
    expect(await refusal('personal_unlockAccount', ALICE, 'wrong')).toEqual([
      -32000,
      expect.stringMatching(/^could not decrypt key with given password/),
    ]);
    expect(await refusal('personal_unlockAccount', BOB, PASSWORD)).toEqual([
      -32000,
      expect.stringMatching(/^unknown account/),
    ]);
    expect(await refusal('personal_importRawKey', ALICE_KEY, 'another')).toEqual([
      -32000,
      expect.stringMatching(/^account already exists/),
    ]);
    for (let i = 0; i < 4; i++) await rpc.call('personal_unlockAccount', ALICE, 'wrong');
    expect((await refusal('personal_unlockAccount', ALICE, PASSWORD))[0]).toBe(-32005);
    expect(await rpc.answers()).toBe(true);
  });

  it.each<readonly [string, readonly JsonValue[]]>([
    ['personal_newAccount', []],
    ['personal_newAccount', [5]],
    ['personal_newAccount', [null]],
    ['personal_importRawKey', ['0x12', 'x']],
    ['personal_importRawKey', [`${ALICE_KEY}00`, 'x']],
    ['personal_importRawKey', [`0x${'00'.repeat(32)}`, 'x']],
    ['personal_importRawKey', [`0x${'ff'.repeat(32)}`, 'x']],
    ['personal_unlockAccount', ['0x12', 'x']],
    ['personal_unlockAccount', [ALICE, ['x']]],
    ['personal_unlockAccount', [ALICE, 'x', -1]],
    ['personal_unlockAccount', [ALICE, 'x', 1.5]],
    ['personal_unlockAccount', [ALICE, 'x', 1e300]],
    ['personal_unlockAccount', [ALICE, 'x', 3_000_000]],
    ['personal_unlockAccount', [ALICE, 'x', true]],
    ['personal_sendTransaction', [{ from: ALICE, to: BOB }]],
    ['personal_sendTransaction', [{ to: BOB }, 'x']],
    ['personal_ecRecover', [HELLO, '0x12']],
    ['personal_ecRecover', [HELLO, `0x${'00'.repeat(65)}`]],
    ['personal_ecRecover', ['hello', `0x${'11'.repeat(65)}`]],
  ])('of bad parameters: %s %j', async (method, params) => {
    await importAlice();
    const answer = await rpc.call(method, ...params);
    expect(answer.error?.code).toBe(-32602);
    expect(JSON.stringify(answer)).not.toContain(ALICE_KEY.slice(2));
  });

  it('on a node without a wallet', async () => {
    rpc.node.wallet = null;
    rpc.node.accounts = null;
    const calls: readonly (readonly [string, readonly JsonValue[]])[] = [
      ['personal_newAccount', ['x']],
      ['personal_importRawKey', [ALICE_KEY, 'x']],
      ['personal_unlockAccount', [ALICE, 'x']],
      ['personal_lockAccount', [ALICE]],
      ['personal_sendTransaction', [{ from: ALICE, to: BOB }, 'x']],
      ['personal_signTransaction', [{ from: ALICE, to: BOB }, 'x']],
      ['wallet_lockAll', []],
    ];
    for (const [method, params] of calls) expect((await refusal(method, ...params))[0]).toBe(-32004);
    expect(await rpc.result('personal_listAccounts')).toEqual([]);
    expect(await rpc.result('personal_listWallets')).toEqual([]);
    expect(await rpc.result('wallet_status')).toEqual({ accounts: [] });
  });
});

it('no answer and no file holds a key or a password', async () => {
  const calls: readonly (readonly [string, readonly JsonValue[]])[] = [
    ['personal_importRawKey', [ALICE_KEY, PASSWORD]],
    ['personal_importRawKey', [ALICE_KEY, PASSWORD]],
    ['personal_unlockAccount', [ALICE, PASSWORD]],
    ['personal_unlockAccount', [ALICE, `${PASSWORD}!`]],
    ['personal_listWallets', []],
    ['wallet_status', []],
    ['personal_sign', [HELLO, ALICE]],
    ['personal_sendTransaction', [{ from: ALICE, to: BOB }, PASSWORD]],
  ];
  const answers: string[] = [];
  for (const [method, params] of calls) answers.push(JSON.stringify(await rpc.call(method, ...params)));
  const files = readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'));
  const seen = [...answers, ...files].join('\n');
  expect(files).toHaveLength(1);
  expect(seen).not.toContain(ALICE_KEY.slice(2));
  expect(seen).not.toContain(PASSWORD);
});
