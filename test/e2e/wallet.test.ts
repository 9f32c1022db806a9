import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decryptKeystore } from '../../src/crypto/keystore.ts';
import { cleanUp, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { blockAt, rpcAt, RpcError, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** Keystore accounts of a real node: made, funded, unlocked and used over RPC, and what of them reaches the disk. */

const PASSWORD = 'a password seen nowhere else';
const COUNT = 100;
const UNLOCK_SECONDS = 20;
const NAMESPACES = ['eth', 'net', 'web3', 'txpool', 'consensus', 'admin', 'rpc'];
const FRIEND = '0x00000000000000000000000000000000000f1e1d';

type Sent = { readonly hash: string; readonly nonce: string; readonly blockNumber: string | null };

describe("a node's wallet", () => {
  const dataDir = join(temporaryDir(), 'data');
  let devnet: RunningDevnet;
  let account = '';

  const start = async (): Promise<void> => {
    const config = join(temporaryDir(), 'devnet.toml');
    const rpc = { namespaces: [...NAMESPACES, 'personal', 'wallet'] };
    writeFileSync(config, stringify({ rpc, wallet: { scrypt: 'light' } }));
    devnet = await startDevnet({ nodes: 2, dataDir, args: ['--config', config, '--block-time', '300'] });
  };
  const rpc: Rpc = (method, params) => rpcAt(devnet.ready.nodes[0]?.rpc ?? '')(method, params);
  const refusalOf = async (method: string, params: readonly unknown[]): Promise<string> => {
    const error: unknown = await rpc(method, params).catch((thrown: unknown) => thrown);
    if (!(error instanceof RpcError)) throw new Error(`no refusal of ${method}`);
    return error.message;
  };

  beforeAll(start);
  afterAll(cleanUp);

  it('makes an account, which is locked, and gets coins for it', async () => {
    account = await rpc<string>('personal_newAccount', [PASSWORD]);
    expect(await rpc('eth_accounts')).toContain(account);
    const transfer = { from: account, to: FRIEND, value: '0x1' };
    expect(await refusalOf('eth_sendTransaction', [transfer])).toMatch(/authentication needed/);
    expect(await refusalOf('personal_unlockAccount', [account, 'another'])).toMatch(/could not decrypt key/);
    const [rich] = devnet.ready.accounts;
    await rpc('eth_sendTransaction', [{ from: rich, to: account, value: '0xde0b6b3a7640000' }]);
    await until('the coins', async () => BigInt(await rpc<string>('eth_getBalance', [account, 'latest'])) > 0n);
  });

  it('sends 100 transactions at once with nonces 0 to 99, all mined, until its time is over', async () => {
    expect(await rpc('personal_unlockAccount', [account, PASSWORD, UNLOCK_SECONDS])).toBe(true);
    const sends = Array.from({ length: COUNT }, (_, i) =>
      rpc<string>('eth_sendTransaction', [{ from: account, to: FRIEND, value: `0x${(i + 1).toString(16)}` }]),
    );
    const hashes = await Promise.all(sends);
    expect(new Set(hashes).size).toBe(COUNT);
    const mined = await until('all of them mined', async () => {
      const found = await Promise.all(hashes.map((hash) => rpc<Sent | null>('eth_getTransactionByHash', [hash])));
      return found.every((transaction) => typeof transaction?.blockNumber === 'string') ? found : null;
    });
    const nonces = mined.map((transaction) => Number(transaction?.nonce)).sort((a, b) => a - b);
    expect(nonces).toEqual(Array.from({ length: COUNT }, (_, i) => i));
    expect(await rpc('eth_getTransactionCount', [account, 'latest'])).toBe('0x64');
    const transfer = { from: account, to: FRIEND, value: '0x1' };
    await until('the account locked again', async () => {
      const { accounts } = await rpc<{ accounts: { address: string; status: string }[] }>('wallet_status');
      return accounts.find(({ address }) => address === account)?.status === 'locked';
    });
    expect(await refusalOf('eth_sendTransaction', [transfer])).toMatch(/authentication needed/);
    const once = await rpc<string>('personal_sendTransaction', [transfer, PASSWORD]);
    await until('one more', async () => (await rpc<Sent | null>('eth_getTransactionByHash', [once]))?.blockNumber);
    expect(await refusalOf('eth_sendTransaction', [transfer])).toMatch(/authentication needed/);
  });

  it('has the account after a restart, locked, and skips what strangers put beside it', async () => {
    await devnet.stop();
    const keystore = join(dataDir, 'node-0', 'keystore');
    writeFileSync(join(keystore, 'notes.txt'), 'not a keystore');
    await start();
    expect(await rpc('personal_listAccounts')).toContain(account);
    expect(await rpc('wallet_status')).toEqual({ accounts: [{ address: account, status: 'locked', until: null }] });
    expect(await rpc('personal_unlockAccount', [account, PASSWORD, 1])).toBe(true);
    expect((await blockAt(rpc, 'latest'))?.number).toBeDefined();
    const log = readFileSync(join(dataDir, 'node-0', 'node.log'), 'utf8');
    expect(log.split('\n').filter((line) => line.includes('notes.txt'))).toHaveLength(1);
  });

  it('has written neither key nor password, in clear, into any file', async () => {
    await devnet.stop();
    const keystore = join(dataDir, 'node-0', 'keystore');
    const name = readdirSync(keystore).find((file) => file.endsWith(account.slice(2))) ?? '';
    expect([statSync(keystore).mode & 0o777, statSync(join(keystore, name)).mode & 0o777]).toEqual([0o700, 0o600]);
    const json = JSON.parse(readFileSync(join(keystore, name), 'utf8')) as unknown;
    const privateKey = Buffer.from(await decryptKeystore(json, PASSWORD));
    const secrets = [privateKey, Buffer.from(privateKey.toString('hex')), Buffer.from(PASSWORD)];
    const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' })
      .map((path) => join(dataDir, path))
      .filter((path) => statSync(path).isFile());
    const found = files.filter((path) => {
      const content = readFileSync(path);
      return secrets.some((secret) => content.includes(secret));
    });
    expect(found).toEqual([]);
    // What is searched is what was written: the address is in the node's log.
    expect(readFileSync(join(dataDir, 'node-0', 'node.log'), 'utf8')).toContain(account);
  });
});
