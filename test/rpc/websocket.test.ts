/** Subscriptions and the life of a WebSocket. */
import { once } from 'node:events';
import { afterEach, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { notified, startFixture, WsTester, type Fixture } from './fixture.ts';
import { ALICE, BOB, ECHO, LOGGER } from './fake-node.ts';
import { recoverTransaction } from '../../src/codec/transaction.ts';
import { fromHex } from '../../src/util/hex.ts';
import type { Hex, JsonObject } from '../../src/types/primitives.ts';

const word = (byte: string): string => `0x${byte.repeat(32)}`;

let rpc: Fixture;
afterEach(() => rpc.server.stop());

async function log(byte: string): Promise<void> {
  await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: word(byte) });
}

it('answers calls, batches and bad messages like HTTP', async () => {
  rpc = await startFixture();
  const ws = await rpc.webSocket();
  expect(await ws.call('eth_chainId')).toEqual({ jsonrpc: '2.0', id: 1, result: '0x7a69' });
  ws.send([
    { jsonrpc: '2.0', id: 'a', method: 'eth_chainId' },
    { jsonrpc: '2.0', method: 'eth_chainId' },
  ]);
  expect(await ws.next()).toEqual([{ jsonrpc: '2.0', id: 'a', result: '0x7a69' }]);
  ws.socket.send('{');
  expect(await ws.next()).toMatchObject({ id: null, error: { code: -32700 } });
  ws.socket.send(Buffer.from('{"jsonrpc":"2.0","id":2,"method":"net_version"}'), { binary: true });
  expect(await ws.next()).toMatchObject({ id: 2, result: '31337' });
});

it('tells new heads, pending transactions and logs to who asked', async () => {
  rpc = await startFixture();
  const ws = await rpc.webSocket();
  const heads = await ws.subscribe('newHeads');
  const logs = await ws.subscribe('logs', { address: LOGGER, topics: [word('aa')] });
  const hashes = await ws.subscribe('newPendingTransactions');
  const full = await ws.subscribe('newPendingTransactions', true);
  await log('bb');
  await log('aa');
  const view = rpc.node.mine();
  const messages = (await ws.take(6)).map(notified);
  const of = (id: string): JsonObject[] => messages.filter((m) => m.subscription === id).map((m) => m.result);
  expect(of(heads)).toEqual([
    expect.objectContaining({ hash: view.hash, number: '0x1', logsBloom: expect.any(String) as string }),
  ]);
  expect(of(logs)).toEqual([expect.objectContaining({ topics: [word('aa')], removed: false, logIndex: '0x1' })]);
  expect(of(hashes)).toEqual(view.transactions().map(({ hash }) => hash));
  expect(of(full)).toMatchObject(view.transactions().map(({ hash }) => ({ hash, blockHash: null })));
});

it('says what a reorg takes back, newest first, before what it adds', async () => {
  rpc = await startFixture();
  await log('a1');
  rpc.node.mine();
  await log('a2');
  await log('a3');
  rpc.node.mine();
  const ws = await rpc.webSocket();
  const heads = await ws.subscribe('newHeads');
  await ws.subscribe('logs', {});
  await log('b1');
  rpc.node.reorg(2);
  const messages = (await ws.take(7)).map(notified);
  const logs = messages.filter((m) => m.subscription !== heads).map(({ result }) => result);
  expect(logs.map((entry) => [entry['removed'], String((entry['topics'] as string[])[0]).slice(2, 4)])).toEqual([
    [true, 'a3'],
    [true, 'a2'],
    [true, 'a1'],
    [false, 'b1'],
  ]);
  const numbers = messages.filter((m) => m.subscription === heads).map(({ result }) => result['number']);
  expect(numbers).toEqual(['0x1', '0x2', '0x3']);
});

it('ends a subscription when asked, and only for its owner', async () => {
  rpc = await startFixture();
  const [ws, other] = [await rpc.webSocket(), await rpc.webSocket()];
  const id = await ws.subscribe('newHeads');
  expect((await other.call('eth_unsubscribe', id)).error?.code).toBe(-32000);
  expect((await ws.call('eth_unsubscribe', id)).result).toBe(true);
  expect((await ws.call('eth_unsubscribe', id)).error?.code).toBe(-32000);
  rpc.node.mine();
  expect((await ws.call('eth_blockNumber')).result).toBe('0x1');
  expect(ws.waiting).toBe(0);
});

it('sends a subscription its id before its first event', async () => {
  rpc = await startFixture();
  const gate = Promise.withResolvers<void>();
  rpc.node.gate = gate.promise;
  const ws = await rpc.webSocket();
  ws.send([
    { jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['newHeads'] },
    { jsonrpc: '2.0', id: 2, method: 'eth_call', params: [{ to: ECHO }] },
  ]);
  // Answered after the batch was taken up, which waits for the gate.
  expect((await ws.call('eth_chainId')).result).toBe('0x7a69');
  rpc.node.mine();
  gate.resolve();
  const [batch, event] = await ws.take(2);
  const [{ result: id } = { result: '' }] = batch as unknown as { result: string }[];
  expect(notified(event ?? {})).toMatchObject({ subscription: id, result: { number: '0x1' } });
});

it('refuses unknown kinds and too many subscriptions', async () => {
  rpc = await startFixture({ limits: { subscriptionsPerConnectionMax: 2, subscriptionsMax: 3 } });
  const [ws, other] = [await rpc.webSocket(), await rpc.webSocket()];
  expect((await ws.call('eth_subscribe', 'weather')).error?.code).toBe(-32602);
  expect((await ws.call('eth_subscribe', 'logs', { address: 'x' })).error?.code).toBe(-32602);
  await ws.subscribe('newHeads');
  await ws.subscribe('newHeads');
  expect((await ws.call('eth_subscribe', 'newHeads')).error?.code).toBe(-32005);
  await other.subscribe('newHeads');
  expect((await other.call('eth_subscribe', 'newHeads')).error?.code).toBe(-32005);
  const gone = ws.closed();
  ws.socket.close();
  await gone;
  await expect.poll(async () => (await other.call('eth_subscribe', 'newHeads')).error).toBeUndefined();
});

it('drops a client that never reads', async () => {
  rpc = await startFixture({ limits: { webSocketBacklogBytesMax: 100_000 } });
  const ws = await rpc.webSocket();
  const reader = await rpc.webSocket();
  await ws.subscribe('newPendingTransactions', true);
  const heads = await reader.subscribe('newHeads');
  ws.socket.pause();
  const closed = ws.closed();
  const raw = await rpc.result('eth_signTransaction', { from: ALICE, to: BOB, data: `0x${'ab'.repeat(20_000)}` });
  const transaction = recoverTransaction(fromHex(raw as Hex));
  // Far more than the kernel's buffers hold.
  for (let i = 0; i < 500; i++) {
    rpc.node.announce(transaction);
    if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  ws.socket.resume();
  expect(await closed).toBe(1006);
  rpc.node.mine();
  expect(notified(await reader.next()).subscription).toBe(heads);
  await expect(rpc.answers()).resolves.toBe(true);
});

it('does not read a client with too much unanswered, and answers all in the end', async () => {
  rpc = await startFixture({ limits: { inFlightPerConnectionMax: 10 } });
  const gate = Promise.withResolvers<void>();
  rpc.node.gate = gate.promise;
  const ws = await rpc.webSocket();
  let started = 0;
  const execute = rpc.node.execute.bind(rpc.node);
  rpc.node.execute = (...call) => {
    started++;
    return execute(...call);
  };
  const call = { to: ECHO, data: `0x${'ab'.repeat(500)}` };
  for (let id = 0; id < 3000; id++) ws.send({ jsonrpc: '2.0', id, method: 'eth_call', params: [call] });
  for (let i = 0; i < 50; i++) await expect(rpc.answers()).resolves.toBe(true);
  // What was already read from the socket, 64 KiB at most, is taken up as well.
  expect(started).toBeLessThan(200);
  gate.resolve();
  const ids = (await ws.take(3000)).map(({ id }) => Number(id)).sort((a, b) => a - b);
  expect(ids).toEqual(Array.from({ length: 3000 }, (_, id) => id));
});

it('closes on a message that is too large', async () => {
  rpc = await startFixture({ limits: { bodySizeBytesMax: 1000 } });
  const ws = await rpc.webSocket();
  const closed = ws.closed();
  ws.send({ pad: 'x'.repeat(2000) });
  expect(await closed).toBe(1009);
  await expect(rpc.answers()).resolves.toBe(true);
});

it('drops a client that does not answer pings', async () => {
  rpc = await startFixture({ limits: { webSocketPingIntervalMs: 30 } });
  const deaf = new WebSocket(rpc.wsUrl, { autoPong: false });
  deaf.on('error', () => {});
  const alive = await rpc.webSocket();
  const [code] = (await once(deaf, 'close')) as [number];
  expect(code).toBe(1006);
  expect((await alive.call('eth_chainId')).result).toBe('0x7a69');
});

it('refuses foreign origins, foreign hosts and a crowd', async () => {
  rpc = await startFixture({ corsOrigins: ['http://localhost:3000'], limits: { webSocketsMax: 1 } });
  const refusal = async (options: object): Promise<number | undefined> => {
    const socket = new WebSocket(rpc.wsUrl, options);
    socket.on('error', () => {});
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    return response.statusCode;
  };
  expect(await refusal({ origin: 'https://evil.example' })).toBe(403);
  expect(await refusal({ headers: { host: 'evil.example' } })).toBe(403);
  const ws = await rpc.webSocket({ origin: 'http://localhost:3000' });
  expect(await refusal({})).toBe(503);
  const closed = ws.closed();
  ws.socket.close();
  await closed;
  await expect
    .poll(() =>
      rpc.webSocket().then(
        (again: WsTester) => again.call('eth_chainId'),
        () => null,
      ),
    )
    .toMatchObject({ id: 1 });
});

it('says goodbye when the server stops', async () => {
  rpc = await startFixture();
  const ws = await rpc.webSocket();
  await ws.subscribe('newHeads');
  const closed = ws.closed();
  await rpc.server.stop();
  expect(await closed).toBe(1001);
});
