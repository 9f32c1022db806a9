/**
 * Hostile clients in numbers: what each of them gets, that another client is answered meanwhile, and that nothing is left of
 * them afterwards.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RpcLimits } from '../../rpc/limits.ts';
import { ALICE, ECHO, LOGGER } from './fake-node.ts';
import { startFixture, WsTester, type Fixture, type RpcAnswer } from './fixture.ts';
import { CHAIN_ID_ANSWER, CHAIN_ID_CALL, closed, count, openFilesMax, post, received } from './raw-http.ts';

const MIB = 1024 * 1024;
const CALL = `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"${ECHO}","data":"0xbeef"}]}`;

let rpc: Fixture;
const sockets = new Set<Socket>();
afterEach(async () => {
  await expect(rpc.answers()).resolves.toBe(true);
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  await rpc.server.stop();
});

async function setUp(limits: Partial<RpcLimits> = {}, options: Parameters<typeof startFixture>[0] = {}): Promise<void> {
  rpc = await startFixture({ limits, ...options });
}

/** From one of the addresses of this machine, 127.0.0.1 to 127.0.0.254. */
async function open(last = 1): Promise<Socket> {
  const socket = connect({ port: rpc.server.port, host: '127.0.0.1', localAddress: `127.0.0.${last}` });
  sockets.add(socket);
  socket.on('error', () => {});
  socket.once('close', () => sockets.delete(socket));
  await once(socket, 'connect');
  return socket;
}

/** After a collection. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}

describe('10,000 idle connections', { timeout: 120_000 }, () => {
  it('are at most as many as documented, keep nobody out and leave nothing', async () => {
    await setUp();
    await rpc.answers();
    const before = heapBytes();
    for (let last = 2; last <= 11; last++) await Promise.all(Array.from({ length: 1000 }, () => open(last)));
    expect(rpc.server.connections).toBeLessThanOrEqual(4096);
    await expect(rpc.answers()).resolves.toBe(true);
    for (const socket of sockets) socket.destroy();
    // That of this test's own client stays.
    await expect.poll(() => rpc.server.connections, { timeout: 60_000 }).toBeLessThanOrEqual(1);
    expect(heapBytes() - before).toBeLessThan(20 * MIB);
  });

  it('that are all held are answered all the same', async () => {
    // Each takes a descriptor on both sides, and 1024 are left to everything else.
    const held = Math.min(4000, Math.floor((openFilesMax() - 1024) / 2));
    await setUp({ connectionsMax: held + 10, connectionsPerAddressMax: held });
    for (let done = 0; done < held; done += 500) await Promise.all(Array.from({ length: 500 }, () => open(2)));
    await expect(rpc.answers()).resolves.toBe(true);
    expect(rpc.server.connections).toBeGreaterThan(held - 500);
  });
});

describe('bodies that are being sent', () => {
  it('share a room: one client its part, all together the whole', async () => {
    await setUp({ bodiesSizeBytesMax: 2.5 * MIB, bodiesPerClientSizeBytesMax: 1.5 * MIB });
    const upload = async (last: number): Promise<{ readonly answer: Promise<string> }> => {
      const socket = await open(last);
      const answer = received(socket, (text) => text.includes('}'));
      socket.write(post('', { 'content-length': String(MIB) }));
      await new Promise((resolve) => socket.write('x'.repeat(MIB - 1), resolve));
      // Sent is not yet read.
      for (let i = 0; i < 20; i++) await rpc.answers();
      return { answer };
    };
    await upload(2);
    const own = await upload(2);
    expect(await own.answer).toMatch(/429 Too Many Requests[^]*retry-after: 1[^]*-32005[^]*server busy/i);
    await upload(3);
    const more = await upload(4);
    expect(await more.answer).toMatch(/503 Service Unavailable[^]*retry-after: 1[^]*-32005[^]*server busy/i);
    for (const socket of sockets) socket.destroy();
    await expect.poll(async () => (await rpc.post(' '.repeat(MIB) + CHAIN_ID_CALL)).status).toBe(200);
  });

  it('over a WebSocket share the same room, and must end', async () => {
    await setUp({ bodiesPerClientSizeBytesMax: MIB, webSocketPingIntervalMs: 400, requestTimeoutMs: 300 });
    const [endless, greedy, patient] = [await rpc.webSocket(), await rpc.webSocket(), await rpc.webSocket()];
    const gone = [endless.closed(), greedy.closed()];
    endless.socket.send('x'.repeat(10_000), { fin: false });
    greedy.socket.send('x'.repeat(2 * MIB), { fin: false });
    expect(await Promise.all(gone)).toEqual([1006, 1006]);
    // Its pongs are no message.
    expect((await patient.call('eth_chainId')).result).toBe('0x7a69');
    expect((await rpc.post(' '.repeat(MIB - 1000) + CHAIN_ID_CALL)).status).toBe(200);
  });
});

describe('work', () => {
  it('of one client over all its connections, and of all, is bounded', async () => {
    await setUp({ inFlightPerClientMax: 3, inFlightMax: 4 });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const first = await Promise.all([2, 2, 2, 3].map((last) => open(last)));
    const answers = first.map((socket) => received(socket, (text) => text.includes('0xbeef')));
    let started = 0;
    const execute = rpc.node.execute.bind(rpc.node);
    const all = Promise.withResolvers<void>();
    rpc.node.execute = (...call) => {
      if (++started === 4) all.resolve();
      return execute(...call);
    };
    for (const socket of first) socket.write(post(CALL));
    await all.promise;
    const response = await rpc.post(CHAIN_ID_CALL);
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1']);
    expect(await response.json()).toMatchObject({ id: 1, error: { code: -32005, data: { retryAfterMs: 1000 } } });
    gate.resolve();
    for (const answer of answers) expect(await answer).toContain('200 OK');
    expect(started).toBe(4);
  });

  it('that never ends is answered in time', async () => {
    await setUp({ callTimeoutMs: 50 });
    rpc.node.gate = new Promise(() => {});
    const response = await rpc.post(`[${CALL},${CHAIN_ID_CALL}]`);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject([
      { error: { code: -32002, data: { code: 'RPC_TIMEOUT' } } },
      { id: 1 },
    ]);
  });

  it('that is heavy is refused while the process is late, the rest goes on', async () => {
    rpc = await startFixture({}, { lagMs: () => 501 });
    expect(await rpc.call('eth_getLogs', {})).toMatchObject({ error: { code: -32005, data: { code: 'RPC_BUSY' } } });
    expect((await rpc.call('eth_getBalance', ALICE)).result).toBeDefined();
  });

  it('goes on for others while large batches, searches and large bodies come', async () => {
    await setUp();
    for (let i = 0; i < 300; i++) {
      await rpc.result('eth_sendTransaction', { from: ALICE, to: LOGGER, data: `0x${'ab'.repeat(64)}` });
      if (i % 3 === 0) rpc.node.mine();
    }
    const before = heapBytes();
    const batch = `[${Array(1000).fill('{"jsonrpc":"2.0","id":1,"method":"eth_getBlockByNumber","params":["latest",true]}').join()}]`;
    const search = `[${Array(50).fill('{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[{"fromBlock":"0x0"}]}').join()}]`;
    const large = `${' '.repeat(4 * MIB)}${CHAIN_ID_CALL}`;
    const heavy = Promise.all(
      [batch, batch, search, search, large, large].map(async (body) => (await rpc.post(body)).text()),
    );
    let answered = 0;
    const going = heavy.then(() => false);
    const meanwhile = async (): Promise<boolean> => {
      await expect(rpc.answers()).resolves.toBe(true);
      answered++;
      return true;
    };
    while (await Promise.race([going, meanwhile()])) continue;
    // One after the other was answered before all of it was.
    expect(answered).toBeGreaterThan(1);
    const [first = '', , found = ''] = await heavy;
    expect((JSON.parse(first) as unknown[]).length).toBe(1000);
    // The searches of one client wait in a short line.
    const searches = JSON.parse(found) as RpcAnswer[];
    const busy = searches.filter(({ error }) => error?.code === -32005).length;
    expect(searches.filter(({ result }) => Array.isArray(result)).length).toBe(50 - busy);
    expect(heapBytes() - before).toBeLessThan(20 * MIB);
  });
});

describe('slow senders in numbers', () => {
  it('are cut off while others are answered', async () => {
    await setUp({ headersTimeoutMs: 300, requestTimeoutMs: 300 });
    const slow = await Promise.all(Array.from({ length: 200 }, () => open(2)));
    const answers = slow.map((socket) => received(socket));
    for (const [index, socket] of slow.entries()) {
      const whole = post('{"jsonrpc"', { 'content-length': '5000' });
      // Half of them never end their headers.
      socket.write(index % 2 === 0 ? whole : whole.slice(0, 40));
    }
    await expect(rpc.answers()).resolves.toBe(true);
    for (const answer of answers) expect(await answer).toContain('408 Request Timeout');
  });
});

describe('a client that subscribes and never reads', () => {
  it('is dropped, and another gets every event', async () => {
    await setUp({ webSocketBacklogBytesMax: 200_000 });
    const before = heapBytes();
    const deaf = await Promise.all(Array.from({ length: 20 }, () => rpc.webSocket()));
    for (const ws of deaf) {
      for (let i = 0; i < 20; i++) await ws.subscribe('newHeads');
      ws.socket.pause();
    }
    const reader = await rpc.webSocket();
    await reader.subscribe('newHeads');
    // Each block is some 2 kB for each of their subscriptions; the kernel takes a few MB of it.
    for (let i = 0; i < 400; i++) {
      rpc.node.mine();
      if (i % 10 === 0) await rpc.answers();
    }
    await expect.poll(() => rpc.server.connections, { timeout: 10_000 }).toBeLessThan(20);
    expect(await reader.take(400)).toHaveLength(400);
    expect(heapBytes() - before).toBeLessThan(20 * MIB);
    for (const ws of deaf) ws.socket.terminate();
  });
});

describe('proxies', () => {
  it('are not counted as one client', async () => {
    await setUp({ connectionsPerAddressMax: 2, webSocketsPerClientMax: 1 }, { trustedProxies: ['127.0.0.9'] });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const proxied = await Promise.all([9, 9, 9, 9].map((last) => open(last)));
    const answers = proxied.map((socket) => received(socket, (text) => text.includes('0xbeef')));
    for (const socket of proxied) socket.write(post(CALL));
    const own = await open(9);
    const answer = received(own, (text) => text.includes(CHAIN_ID_ANSWER));
    own.write(post(CHAIN_ID_CALL));
    expect(count(await answer, '200 OK')).toBe(1);
    gate.resolve();
    for (const text of answers) expect(await text).toContain('200 OK');
    const upgrade = (forwarded: string): WebSocket =>
      new WebSocket(rpc.wsUrl, { localAddress: '127.0.0.9', headers: { 'x-forwarded-for': forwarded } });
    const first = new WsTester(upgrade('203.0.113.1'));
    const other = new WsTester(upgrade('203.0.113.2'));
    await Promise.all([once(first.socket, 'open'), once(other.socket, 'open')]);
    const again = upgrade('203.0.113.1');
    again.on('error', () => {});
    const [, response] = (await once(again, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(503);
    first.socket.terminate();
    other.socket.terminate();
    await closed(own.destroy());
  });
});
