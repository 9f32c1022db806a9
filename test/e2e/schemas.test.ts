import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'smol-toml';
import { encodeFunctionData } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namespace } from '../../src/node/config-schema.ts';
import { ownComponent, ownResults, specifiedComponent, specifiedResult, type OpenRpc } from '../rpc/schema-oracle.ts';
import { COUNTER_ABI, counterBytecode } from './support/contract.ts';
import { cleanUp, startDevnet, temporaryDir, type RunningDevnet } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { everyCall, type EveryCall, type Scene } from './support/every-call.ts';
import { devAccount, signedTransfer } from './support/raw-transactions.ts';
import { RpcError } from './support/rpc.ts';
import { SocketRpc } from './support/socket-rpc.ts';
import { until } from './support/wait.ts';

/** Every method of a live node, on every engine, held to its own schema and to that of ethereum/execution-apis. */

const FRIEND = '0x00000000000000000000000000000000000f1e1d';
const PASSWORD = 'correct horse';
const METHOD_NOT_SUPPORTED = -32004;
const INCREASE = encodeFunctionData({ abi: COUNTER_ABI, functionName: 'increase', args: [3n] });

type Receipt = {
  readonly transactionHash: string;
  readonly blockHash: string;
  readonly blockNumber: string;
  readonly contractAddress: string;
  readonly status: string;
};

describe.each(ENGINES)('results under $consensus', (engine) => {
  let devnet: RunningDevnet;
  let socket: SocketRpc;
  let document: OpenRpc;
  let scene: Scene;
  let calls: readonly EveryCall[];
  let heads: string;
  let logs: string;
  let pending: string;

  beforeAll(async () => {
    const config = join(temporaryDir(), 'parley.toml');
    const tables = {
      rpc: { namespaces: namespace.options },
      wallet: { scrypt: 'light' },
      engine: engine.keys['engine'] ?? {},
    };
    writeFileSync(config, stringify(tables));
    const blockTime = engine.forks ? '1000' : '400';
    devnet = await startDevnet({ nodes: 2, args: [...engine.args, '--config', config, '--block-time', blockTime] });
    socket = await SocketRpc.open(devnet.ready.nodes[0]?.rpc ?? '');
    document = await socket.call<OpenRpc>('rpc.discover', []);
    [heads, logs, pending] = await Promise.all([
      socket.call<string>('eth_subscribe', ['newHeads']),
      socket.call<string>('eth_subscribe', ['logs']),
      socket.call<string>('eth_subscribe', ['newPendingTransactions', true]),
    ]);
    scene = await prepare(devnet, socket);
    calls = await everyCall(scene, socket.call);
  });
  afterAll(async () => {
    socket.close();
    await cleanUp();
  });

  it('leaves no method out', () => {
    const known = document.methods.map(({ name }) => name).sort();
    expect([...new Set(calls.map(([method]) => method))].sort()).toEqual(known);
    expect(known.filter((name) => specifiedResult(name) !== undefined).length).toBeGreaterThan(45);
  });

  it('are as the schemas say', async () => {
    const own = ownResults(document);
    const wrong: string[] = [];
    for (const [method, ...params] of calls) {
      const result = await answer(socket, method, params, engine.hasSignerVotes);
      if (result === REFUSED) continue;
      const problem = own.get(method)?.(result) ?? null;
      if (problem !== null) wrong.push(`${method} (own schema): ${problem}`);
      const isWaiting = params[0] === scene.waiting;
      const specified = isWaiting ? specifiedWaiting(method) : specifiedResult(method);
      const deviation = specified?.(result) ?? null;
      if (deviation !== null) wrong.push(`${method} (execution-apis): ${deviation}`);
    }
    expect(wrong).toEqual([]);
  });

  it("tells this node's part in making blocks", async () => {
    expect(await socket.call('eth_coinbase', [])).toBe(devnet.ready.nodes[0]?.validator);
    expect(await socket.call('eth_mining', [])).toBe(true);
    const hashRate = async (): Promise<number> => Number(await socket.call<string>('eth_hashrate', []));
    if (engine.factory.traits.usesWork) await until('hashes', async () => ((await hashRate()) > 0 ? true : null));
    else expect(await hashRate()).toBe(0);
  });

  it('sends what it promised to subscribers', async () => {
    const kinds: [string, string, string][] = [
      [heads, 'Header', 'Header'],
      [logs, 'Log', 'Log'],
      [pending, 'Transaction', 'PendingTransaction'],
    ];
    for (const [id, own, specified] of kinds) {
      const events = await until(`an event of ${own}`, async () => socket.events.get(id));
      const problems = events.flatMap((event) => [
        ownComponent(document, own)(event),
        specifiedComponent(specified)(event),
      ]);
      expect(problems.filter((problem) => problem !== null)).toEqual([]);
    }
  });
});

const REFUSED = Symbol('refused');

/** Only where an engine has no proposals may a method be refused. */
async function answer(
  socket: SocketRpc,
  method: string,
  params: readonly unknown[],
  hasVotes: boolean,
): Promise<unknown> {
  try {
    return await socket.call(method, params);
  } catch (error) {
    const mayRefuse = !hasVotes && (method === 'consensus_propose' || method === 'consensus_discard');
    if (mayRefuse && error instanceof RpcError && error.code === METHOD_NOT_SUPPORTED) return REFUSED;
    throw error;
  }
}

/** execution-apis names no place for a transaction that waits but in the examples of txpool_. */
function specifiedWaiting(method: string): ReturnType<typeof specifiedResult> {
  return method === 'eth_getTransactionByHash' ? specifiedComponent('PendingTransaction') : specifiedResult(method);
}

async function prepare(devnet: RunningDevnet, { call }: SocketRpc): Promise<Scene> {
  const account = devnet.ready.accounts[0] ?? '';
  const send = (fields: object): Promise<string> => call('eth_sendTransaction', [{ from: account, ...fields }]);
  const mined = (hash: string): Promise<Receipt> =>
    until('a receipt', () => call<Receipt | null>('eth_getTransactionReceipt', [hash]));
  const transfer = { to: FRIEND, value: '0x1' };
  const gasPrice = await call<string>('eth_gasPrice', []);
  const code = `${counterBytecode()}${'5'.padStart(64, '0')}`;
  const hashes = [
    await send({ ...transfer, type: '0x0', gasPrice }),
    await send({ ...transfer, type: '0x1', gasPrice, accessList: [{ address: FRIEND, storageKeys: [] }] }),
    await send({ ...transfer, type: '0x2' }),
    await send({ data: code }),
  ];
  const { contractAddress: contract } = await mined(hashes.at(-1) ?? '');
  const logged = await mined(await send({ to: contract, input: INCREASE }));
  expect(logged.status).toBe('0x1');
  const sender = devAccount(1);
  const [{ addresses }] = await Promise.all([
    devnet.rpcs[1]?.<{ addresses: string[] }>('admin_nodeInfo') ?? { addresses: [] },
    ...hashes.map(mined),
  ]);
  return {
    account,
    friend: FRIEND,
    contract,
    increase: INCREASE,
    mined: [...hashes, logged.transactionHash],
    logged: { ...logged, hash: logged.transactionHash },
    waiting: await call('eth_sendRawTransaction', [signedTransfer(sender, { nonce: 9 })]),
    sender: sender.address,
    raw: signedTransfer(sender, { nonce: 8 }),
    peer: addresses[0] ?? '',
    subscription: await call('eth_subscribe', ['newHeads']),
    keystore: { address: await call('personal_newAccount', [PASSWORD]), password: PASSWORD },
    signature: await call('personal_sign', ['0x68656c6c6f', account]),
  };
}
