import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decryptKeystore } from '../../src/crypto/keystore.ts';
import { cleanUp, temporaryDir } from './support/devnet.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { blockAt, RpcError } from './support/rpc.ts';
import { filesHolding, filesUnder, formsOf, holds } from './support/secret-search.ts';
import { StrangeKeys } from './support/strange-keys.ts';
import { until } from './support/wait.ts';

/** A wallet whose directory is full of what is no key, whose owner forgets the password, and whose node is killed. */

const NAMESPACES = ['eth', 'net', 'personal', 'wallet'];
const FREE_ATTEMPTS = 5;
const FRIEND = '0x00000000000000000000000000000000000f1e1d';
const HELLO = '0x68656c6c6f';
const DAY_SECONDS = 86_400;

/** Seen nowhere else, so that each can be looked for. */
const password = (name: string): string => `${name} pass-phrase "é" ${randomBytes(8).toString('hex')}`;
const LAID = password('laid');
const CREATED = password('created');
const IMPORTED = password('imported');
const WRONG = password('wrong');

type Status = {
  readonly accounts: { readonly address: string; readonly status: string; readonly until: string | null }[];
};

let network: TestNetwork;
let node: TestNode;
let keystore: string;
let keys: StrangeKeys;
const importedKey = randomBytes(32);
let created = '';
let imported = '';
/** All that the node answered. */
const answers: string[] = [];

const rpc = async <T = unknown>(method: string, ...params: readonly unknown[]): Promise<T> => {
  const result = await node.rpc<T>(method, params);
  answers.push(JSON.stringify(result));
  return result;
};
const refusal = async (method: string, ...params: readonly unknown[]): Promise<RpcError> => {
  const error: unknown = await node.rpc(method, params).catch((thrown: unknown) => thrown);
  if (!(error instanceof RpcError)) throw new Error(`no refusal of ${method}: ${String(error)}`);
  answers.push(JSON.stringify([error.message, error.data]));
  return error;
};
const statusOf = async (address: string): Promise<string | undefined> => {
  const { accounts } = await rpc<Status>('wallet_status');
  return accounts.find((account) => account.address === address)?.status;
};
const logged = (): readonly string[] => readFileSync(join(network.dataDir, 'node-0', 'node.log'), 'utf8').split('\n');
const skippedLines = (file: string): readonly string[] =>
  logged().filter((line) => line.includes('skipped in the key directory') && line.includes(`"${file}"`));

const COULD_NOT = {
  code: -32000,
  message: expect.stringMatching(/^personal_\w+: could not decrypt key with given password/) as string,
};
const LOCKED = {
  code: -32000,
  message: expect.stringContaining('authentication needed: password or unlock') as string,
};
const DAMAGED = { code: -32000, data: expect.objectContaining({ code: 'KEYSTORE_MALFORMED' }) as object };

beforeAll(async () => {
  network = await createNetwork({
    nodes: 1,
    'block-time': 300,
    rpc: { namespaces: NAMESPACES },
    wallet: { scrypt: 'light' },
    // All that it can be made to say.
    log: { level: 'debug' },
  });
  [node] = network.nodes as [TestNode];
  keystore = join(network.dataDir, 'node-0', 'keystore');
  keys = await StrangeKeys.lay(keystore, LAID);
  node.start();
  await node.answering();
});
afterAll(async () => {
  await network.stop();
  await cleanUp();
});

describe('a key directory full of strangers and damaged keys', () => {
  it('does not keep the node from starting, and what is a key is listed', async () => {
    const { good, damaged } = keys;
    const { accounts } = await rpc<Status>('wallet_status');
    const expected = [good, damaged.mac, damaged.kdf, damaged.cost, damaged.address].map(({ address }) => address);
    expect(accounts.map(({ address }) => address).sort()).toEqual(expected.sort());
    expect(new Set(accounts.map(({ status }) => status))).toEqual(new Set(['locked']));
    expect(await rpc('eth_accounts')).toEqual(expect.arrayContaining(expected));
  });

  it('is told in the log once, name by name', async () => {
    await rpc('personal_listWallets');
    await rpc('wallet_status');
    for (const file of keys.skipped) expect([file, skippedLines(file).length]).toEqual([file, 1]);
    for (const line of logged().filter((text) => text.includes('skipped in the key directory'))) {
      expect(JSON.parse(line)).toMatchObject({ level: 'warn', reason: expect.any(String) as string });
    }
    for (const { file } of [keys.good, ...Object.values(keys.damaged)]) expect(skippedLines(file)).toEqual([]);
  });

  it('refuses to open what is damaged, however often, and at once where it asks for a terabyte', async () => {
    const { mac, kdf, cost, address } = keys.damaged;
    expect(await refusal('personal_unlockAccount', mac.address, LAID)).toMatchObject(COULD_NOT);
    // Nobody has guessed wrong: no pause comes of it.
    for (let i = 0; i <= FREE_ATTEMPTS; i++) {
      for (const key of [kdf, cost, address]) {
        expect(await refusal('personal_unlockAccount', key.address, LAID)).toMatchObject(DAMAGED);
      }
    }
    expect(await refusal('personal_sendTransaction', { from: cost.address, to: FRIEND }, LAID)).toMatchObject(DAMAGED);
    expect(await refusal('eth_sign', address.address, HELLO)).toMatchObject(LOCKED);
  });
});

describe('wrong passwords', () => {
  it('are refused, cost a pause from the fifth on, which grows, and keep nobody else waiting', async () => {
    const { address } = keys.good;
    const unlock = (given: string): Promise<RpcError> => refusal('personal_unlockAccount', address, given);
    for (let i = 0; i < FREE_ATTEMPTS; i++) expect(await unlock(WRONG)).toMatchObject(COULD_NOT);
    const paused = (waitMs: number): object => ({
      code: -32005,
      message: expect.stringMatching(/wrong passwords for 0x[0-9a-f]{40}: try again in [12] s$/) as string,
      data: { code: 'ACCOUNT_PAUSED', address, waitMs },
    });
    const first = await unlock(LAID);
    const { waitMs: firstMs = 0 } = first.data as { readonly waitMs?: number };
    expect(first).toMatchObject(paused(firstMs));
    expect(firstMs).toBeLessThanOrEqual(1_000);
    created = await rpc<string>('personal_newAccount', CREATED);
    expect(await rpc('personal_unlockAccount', created, CREATED, DAY_SECONDS)).toBe(true);
    await until('the next guess is taken', async () => (await unlock(WRONG)).code === -32000);
    const { waitMs: secondMs = 0 } = (await unlock(LAID)).data as { readonly waitMs?: number };
    expect(secondMs).toBeGreaterThan(firstMs);
    expect(secondMs).toBeLessThanOrEqual(2_000);
    await until('the pause is over', () => rpc('personal_unlockAccount', address, LAID, DAY_SECONDS));
    // The right one wipes out what was before.
    expect(await unlock(WRONG)).toMatchObject(COULD_NOT);
    expect(await rpc('personal_unlockAccount', address, LAID, DAY_SECONDS)).toBe(true);
  });
});

describe('an account', () => {
  it('that is unlocked for a second locks itself, and then signs nothing', async () => {
    const { address } = keys.good;
    expect(await rpc('personal_unlockAccount', address, LAID, 1)).toBe(true);
    await until('it is locked', async () => (await statusOf(address)) === 'locked');
    const transfer = { from: address, to: FRIEND, value: '0x1' };
    const typed = {
      types: { EIP712Domain: [], Note: [{ name: 'text', type: 'string' }] },
      primaryType: 'Note',
      domain: {},
      message: { text: 'hello' },
    };
    expect(await refusal('eth_sign', address, HELLO)).toMatchObject(LOCKED);
    expect(await refusal('personal_sign', HELLO, address)).toMatchObject(LOCKED);
    expect(await refusal('eth_signTypedData_v4', address, typed)).toMatchObject(LOCKED);
    expect(await refusal('eth_sendTransaction', { ...transfer, gas: '0x5208' })).toMatchObject(LOCKED);
    expect(await refusal('eth_signTransaction', { ...transfer, gas: '0x5208' })).toMatchObject(LOCKED);
    // The neighbours have nothing to do with it.
    expect(await statusOf(created)).toBe('unlocked');
  });

  it('that was made or brought here signs and sends beside all that', async () => {
    imported = await rpc<string>('personal_importRawKey', importedKey.toString('hex'), IMPORTED);
    expect((await refusal('personal_importRawKey', importedKey.toString('hex'), CREATED)).message).toContain(
      'account already exists',
    );
    await rpc('personal_unlockAccount', imported, IMPORTED, DAY_SECONDS);
    const [rich] = await rpc<string[]>('eth_accounts');
    for (const to of [created, imported, keys.good.address]) {
      await rpc('eth_sendTransaction', { from: rich, to, value: '0xde0b6b3a7640000' });
    }
    for (const address of [created, imported]) {
      await until('the coins', async () => BigInt(await rpc<string>('eth_getBalance', address, 'latest')) > 0n);
      expect(await rpc('personal_ecRecover', HELLO, await rpc<string>('eth_sign', address, HELLO))).toBe(address);
      await rpc('eth_signTransaction', { from: address, to: FRIEND, value: '0x1' });
      await mined(await rpc<string>('eth_sendTransaction', { from: address, to: FRIEND, value: '0x1' }));
    }
    const { address } = keys.good;
    await until('the coins', async () => BigInt(await rpc<string>('eth_getBalance', address, 'latest')) > 0n);
    const transfer = { from: address, to: FRIEND, value: '0x1' };
    expect(await refusal('personal_sendTransaction', transfer, WRONG)).toMatchObject(COULD_NOT);
    await mined(await rpc<string>('personal_sendTransaction', transfer, LAID));
    expect(await statusOf(address)).toBe('locked');
    expect(await rpc('eth_getBalance', FRIEND, 'latest')).toBe('0x3');
    for (const file of keys.skipped) expect([file, skippedLines(file).length]).toEqual([file, 1]);
  });

  const mined = (hash: string): Promise<unknown> => until('it is mined', () => rpc('eth_getTransactionReceipt', hash));

  it('that was unlocked when the node was killed is locked when it is back', async () => {
    for (const address of [created, imported]) expect(await statusOf(address)).toBe('unlocked');
    expect(await rpc('personal_unlockAccount', keys.good.address, LAID, 0)).toBe(true);
    await node.kill('SIGKILL');
    node.start();
    await node.answering();
    const { accounts } = await rpc<Status>('wallet_status');
    expect(accounts).toHaveLength(7);
    expect(new Set(accounts.map(({ status }) => status))).toEqual(new Set(['locked']));
    for (const address of [created, imported, keys.good.address]) {
      expect(await refusal('eth_sign', address, HELLO)).toMatchObject(LOCKED);
    }
    expect(await rpc('personal_unlockAccount', created, CREATED)).toBe(true);
    expect(await rpc('personal_ecRecover', HELLO, await rpc<string>('eth_sign', created, HELLO))).toBe(created);
    const height = Number((await blockAt(node.rpc, 'latest'))?.number);
    await until('blocks go on', async () => Number((await blockAt(node.rpc, 'latest'))?.number) > height);
  });
});

describe('what was secret', () => {
  const passwords = [LAID, CREATED, IMPORTED, WRONG].map((text) => Buffer.from(text));

  it('is in no file, in nothing that the node printed and in none of its answers, in whatever form', async () => {
    await node.kill('SIGTERM');
    // One of them was not to be read.
    for (const path of filesUnder(keystore)) chmodSync(path, 0o600);
    const file = filesUnder(keystore).find((path) => path.endsWith(created.slice(2))) ?? '';
    const createdKey = Buffer.from(await decryptKeystore(JSON.parse(readFileSync(file, 'utf8')), CREATED));
    const secrets = [...keys.privateKeys, importedKey, createdKey, ...passwords];
    expect(filesHolding(network.dataDir, secrets)).toEqual([]);
    expect(holds(Buffer.from(answers.join('\n')), secrets)).toBe(false);
    // What is searched is what was written: both lives of the node are in its log, and the addresses.
    expect(logged().filter((line) => line.includes('RPC listens'))).toHaveLength(2);
    expect(filesHolding(network.dataDir, [Buffer.from(created)])).toContain(
      join(network.dataDir, 'node-0', 'node.log'),
    );
    expect(filesUnder(network.dataDir).length).toBeGreaterThan(15);
  });

  it('would have been found', () => {
    const { privateKey } = keys.good;
    const scratch = temporaryDir();
    const planted = [...formsOf(privateKey), ...passwords.flatMap(formsOf)].map((form, i) => {
      const path = join(scratch, `planted-${i}`);
      writeFileSync(path, Buffer.concat([randomBytes(100_003), form, randomBytes(7)]));
      return path;
    });
    writeFileSync(join(scratch, 'harmless'), randomBytes(100_000));
    expect([...filesHolding(scratch, [privateKey, ...passwords])].sort()).toEqual(planted.sort());
  });
});
