/** The life of connections: slow ones, idle ones, many, pipelined, and the end of the server. */
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { RpcLimits } from '../../rpc/limits.ts';
import { startFixture, type Fixture } from './fixture.ts';
import { ECHO } from './fake-node.ts';
import { CHAIN_ID_ANSWER, CHAIN_ID_CALL, closed, count, post, received } from './raw-http.ts';

let rpc: Fixture;
const sockets: Socket[] = [];

async function setUp(limits: Partial<RpcLimits> = {}): Promise<void> {
  rpc = await startFixture({ limits });
}
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await rpc.server.stop();
});

async function open(): Promise<Socket> {
  const socket = await rpc.socket();
  sockets.push(socket);
  return socket;
}

/** Sends a call that will wait for the node's gate, and returns when the node has it. */
async function occupy(socket: Socket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const execute = rpc.node.execute.bind(rpc.node);
  rpc.node.execute = (...call) => {
    resolve();
    return execute(...call);
  };
  socket.write(post(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"${ECHO}","data":"0xbeef"}]}`));
  await promise;
}

/** Sends a byte every few milliseconds until the server has enough of it. */
function drip(socket: Socket, text: string): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (socket.destroyed) clearInterval(timer);
    else socket.write(text[sent++ % text.length] ?? ' ');
  }, 5);
  socket.once('close', () => clearInterval(timer));
}

describe('slow clients', () => {
  const SLOW = { headersTimeoutMs: 200, requestTimeoutMs: 400 };

  it('that drip their headers are cut off', async () => {
    await setUp(SLOW);
    const socket = await open();
    const answer = received(socket);
    socket.write('POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: ');
    drip(socket, 'y');
    expect(await answer).toContain('408 Request Timeout');
    await expect(rpc.answers()).resolves.toBe(true);
  });

  it('that drip their body are cut off', async () => {
    await setUp(SLOW);
    const socket = await open();
    const answer = received(socket);
    socket.write(post('{', { 'content-length': '1000000' }));
    drip(socket, ' ');
    expect(await answer).toContain('408 Request Timeout');
    await expect(rpc.answers()).resolves.toBe(true);
  });

  it('that say nothing at all are cut off', async () => {
    await setUp(SLOW);
    await closed(await open());
    await expect(rpc.answers()).resolves.toBe(true);
  });

  it.each([
    ['do not read', false],
    ['hardly read', true],
  ])('that %s a large answer are hung up on', async (_, reads) => {
    await setUp({ answerTimeoutMs: 500 });
    // More than the kernel's buffers hold.
    const output = new Uint8Array(12_000_000);
    rpc.node.execute = async () => ({ status: 'success', output, gasUsed: 0, reason: null, logs: [] });
    const socket = await open();
    const text = received(socket.pause());
    await occupy(socket);
    const timer = setInterval(() => reads && socket.read(), 5);
    await expect.poll(() => rpc.server.connections, { timeout: 10_000 }).toBe(0);
    clearInterval(timer);
    socket.resume();
    expect((await text).length).toBeLessThan(2 * output.length);
    await expect(rpc.answers()).resolves.toBe(true);
  });

  it('that come back for more keep their connection until it is idle too long', async () => {
    await setUp({ keepAliveTimeoutMs: 100 });
    const socket = await open();
    const text = received(socket);
    socket.write(post(CHAIN_ID_CALL));
    expect(count(await text, CHAIN_ID_ANSWER)).toBe(1);
  });
});

describe('many connections', () => {
  it('2,000 idle ones keep nobody out', async () => {
    await setUp();
    await Promise.all(Array.from({ length: 2000 }, () => open()));
    for (let i = 0; i < 5; i++) {
      const socket = await open();
      const answer = received(socket, (text) => text.includes(CHAIN_ID_ANSWER));
      socket.write(post(CHAIN_ID_CALL));
      expect(await answer).toContain('200 OK');
    }
  });

  it('the longest idle one makes room, a busy one does not', async () => {
    await setUp({ connectionsMax: 3, connectionsPerAddressMax: 3 });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const [busy, old, young] = [await open(), await open(), await open()];
    const answer = received(busy, (text) => text.includes('0xbeef'));
    await occupy(busy);
    await expect(rpc.answers()).resolves.toBe(true);
    await closed(old);
    gate.resolve();
    expect(await answer).toContain('200 OK');
    const still = received(young, (text) => text.includes(CHAIN_ID_ANSWER));
    young.write(post(CHAIN_ID_CALL));
    expect(await still).toContain('200 OK');
  });

  it('only a house full of busy ones refuses', async () => {
    await setUp({ connectionsMax: 9, connectionsPerAddressMax: 2 });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const busy = [await open(), await open()];
    const answers = busy.map((socket) => received(socket, (text) => text.includes('0xbeef')));
    for (const socket of busy) await occupy(socket);
    await closed(await open());
    gate.resolve();
    await Promise.all(answers);
    await expect(rpc.answers()).resolves.toBe(true);
  });
});

describe('one connection', () => {
  it('carries pipelined requests, answered in order', async () => {
    await setUp();
    const socket = await open();
    const calls = Array.from({ length: 50 }, (_, id) => post(`{"jsonrpc":"2.0","id":${id},"method":"net_version"}`));
    const answer = received(socket, (text) => count(text, '31337') === 50);
    socket.write(calls.join(''));
    const ids = [...(await answer).matchAll(/"id":(\d+)/g)].map((match) => Number(match[1]));
    expect(ids).toEqual(Array.from({ length: 50 }, (_, id) => id));
  });

  it('may have a limited number unanswered', async () => {
    await setUp({ inFlightPerConnectionMax: 4 });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const socket = await open();
    const call = post(`{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[{"to":"${ECHO}","data":"0xbeef"}]}`);
    const answer = received(socket, (text) => count(text, 'HTTP/1.1') === 6);
    socket.write(call.repeat(6));
    await expect(rpc.answers()).resolves.toBe(true);
    gate.resolve();
    const text = await answer;
    expect([count(text, '200 OK'), count(text, '429 Too Many Requests')]).toEqual([4, 2]);
  });

  it('lives on after a client error in JSON-RPC, and ends after one in HTTP', async () => {
    await setUp();
    const socket = await open();
    const text = received(socket);
    const answered = received(socket, (some) => some.includes(CHAIN_ID_ANSWER));
    socket.write(post('{'));
    socket.write(post(CHAIN_ID_CALL));
    await answered;
    socket.write('rubbish\r\n\r\n');
    const all = await text;
    expect([count(all, '-32700'), count(all, CHAIN_ID_ANSWER), count(all, '400 Bad Request')]).toEqual([1, 1, 1]);
  });
});

describe('start and stop', () => {
  it('names a port that is taken', async () => {
    await setUp();
    const { port } = rpc.server;
    await expect(startFixture({ port })).rejects.toMatchObject({
      code: 'PORT_IN_USE',
      message: expect.stringContaining(`port ${port} on 127.0.0.1 is in use`) as string,
    });
  });

  it('names an address that this machine does not have', async () => {
    await setUp();
    await expect(startFixture({ host: '192.0.2.1' })).rejects.toMatchObject({ code: 'PORT_UNAVAILABLE' });
  });

  it('ends idle connections at once and lets answers finish', async () => {
    await setUp({ stopGraceMs: 20_000 });
    const gate = Promise.withResolvers<void>();
    rpc.node.gate = gate.promise;
    const idle = await open();
    const busy = await open();
    const answer = received(busy);
    await occupy(busy);
    const stopped = rpc.server.stop();
    await closed(idle);
    await expect(rpc.answers()).rejects.toThrow('fetch failed');
    gate.resolve();
    await stopped;
    expect(await answer).toMatch(/connection: close[^]*0xbeef/i);
  });

  it('does not wait for an answer that never comes', async () => {
    await setUp({ stopGraceMs: 50 });
    rpc.node.gate = new Promise(() => {});
    const busy = await open();
    await occupy(busy);
    await rpc.server.stop();
    await closed(busy);
  });

  it('stops without having started, and twice', async () => {
    await setUp();
    await rpc.server.stop();
    await expect(rpc.server.stop()).resolves.toBeUndefined();
  });
});
