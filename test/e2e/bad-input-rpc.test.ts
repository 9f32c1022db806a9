import type { Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { randomPrivateKey, addressOf } from '../../src/crypto/secp256k1.ts';
import type { Hex } from '../../src/types/primitives.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { cleanUp, startDevnet, type RunningDevnet } from './support/devnet.ts';
import { drip, failureOf, openSocket, postBody, rawPost, type RpcFailure } from './support/raw-client.ts';
import { devAccount, GWEI, highS, signedTransfer, withField } from './support/raw-transactions.ts';
import { heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

const BODY_SIZE_BYTES = 50_000_000;
const IDLE_CONNECTIONS = 2_500;

/** Its transfer of nonce 1 waits in the pool through all that follows, until nonce 0 comes at the end. */
const witness = devAccount(0);
const user = devAccount(1);

let devnet: RunningDevnet;
let url = '';
let rpc: Rpc;
let waiting = '';

beforeAll(async () => {
  devnet = await startDevnet({ nodes: 2, args: ['--block-time', '250'] });
  url = devnet.ready.nodes[0]?.rpc ?? '';
  [rpc] = devnet.rpcs as [Rpc];
  waiting = await rpc<string>('eth_sendRawTransaction', [signedTransfer(witness, { nonce: 1 })]);
});
afterAll(cleanUp);

/** After everything: the node answers, goes on with the chain, and holds what it held. */
afterEach(async () => {
  const height = await heightOf(rpc);
  await until('the next block', async () => (await heightOf(rpc)) > height, { timeoutMs: 10_000 });
  expect(await rpc('txpool_status')).toEqual({ pending: '0x0', queued: '0x1' });
  expect(await rpc('eth_getTransactionByHash', [waiting])).toMatchObject({ hash: waiting, blockHash: null });
  const health = (await (await fetch(`${url}/health`)).json()) as { status: string };
  expect(health.status).toBe('ok');
});

async function refused(body: string): Promise<RpcFailure> {
  const { status, answer } = await postBody(url, body);
  expect(status).toBe(200);
  return failureOf(answer);
}

function call(method: string, params: unknown): Promise<RpcFailure> {
  return refused(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
}

describe('requests that are none', () => {
  it.each<[string, string, number, RegExp]>([
    ['cut off', '{"jsonrpc":"2.0","id":1,', -32700, /not JSON/],
    ['nothing', '', -32700, /not JSON/],
    ['bytes', '\u0000\u0001\u0002', -32700, /not JSON/],
    ['two at once', '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}{}', -32700, /not JSON/],
    ['a number', '42', -32600, /must be an object/],
    ['no method', '{"jsonrpc":"2.0","id":1}', -32600, /method/],
    ['a method that is a number', '{"jsonrpc":"2.0","id":1,"method":5}', -32600, /method/],
    ['another version', '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600, /2\.0/],
    ['an id that is an object', '{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600, /`id` must be/],
    ['params that are text', '{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":"x"}', -32600, /params/],
    ['an empty batch', '[]', -32600, /empty batch/],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}', -32601, /eth_nothing does not exist/],
    ['a method of the prototype', '{"jsonrpc":"2.0","id":1,"method":"__proto__"}', -32601, /does not exist/],
    [
      'a method that is switched off',
      '{"jsonrpc":"2.0","id":1,"method":"personal_sign","params":["0x","0x"]}',
      -32601,
      /not available/,
    ],
  ])('%s', async (_, body, code, says) => {
    const { code: found, message } = await refused(body);
    expect(found).toBe(code);
    expect(message).toMatch(says);
  });

  it('100,000 levels deep', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const says = { code: -32700, message: 'parse error: nested deeper than 512' };
    expect(await refused(`{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":${deep}}`)).toMatchObject(says);
    expect(await refused(deep)).toMatchObject(says);
    expect((await refused(`{"a":${'{"a":'.repeat(100_000)}`)).code).toBe(-32700);
    const filter = `${'{"address":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
    expect((await refused(`{"jsonrpc":"2.0","id":1,"method":"eth_getLogs","params":[${filter}]}`)).code).toBe(-32700);
  });

  it('10,000 calls in one batch, and a good batch with bad calls in it', async () => {
    const one = { jsonrpc: '2.0', id: 1, method: 'eth_chainId' };
    const failure = await refused(JSON.stringify(Array.from({ length: 10_000 }, () => one)));
    expect(failure).toMatchObject({ code: -32600, message: 'batch too large: 10000 calls, 1000 are allowed' });
    const { answer } = await postBody(
      url,
      JSON.stringify([one, 1, { ...one, method: 'eth_nothing' }, { ...one, id: 2 }]),
    );
    expect(answer).toMatchObject([
      { result: '0x7a69' },
      { error: { code: -32600 } },
      { error: { code: -32601 } },
      { id: 2, result: '0x7a69' },
    ]);
  });

  it('50 MB, announced or in chunks', async () => {
    const body = Buffer.alloc(BODY_SIZE_BYTES, 'x');
    const announced = await rawPost(url, (request) => request.end(body), { 'content-length': BODY_SIZE_BYTES });
    const chunked = await rawPost(url, (request) => {
      for (let at = 0; at < BODY_SIZE_BYTES; at += 1_000_000) request.write(body.subarray(at, at + 1_000_000));
      request.end();
    });
    for (const { status, body: text } of [announced, chunked]) {
      expect(status).toBe(413);
      expect(failureOf(JSON.parse(text))).toMatchObject({
        code: -32005,
        message: expect.stringContaining('5242880 bytes are allowed') as string,
      });
    }
  });
});

describe('arguments', () => {
  const address = user.address;
  it.each<[string, unknown[], RegExp]>([
    ['eth_getBalance', [], /missing value for required argument 0/],
    ['eth_getBalance', [5, 'latest'], /argument 0.*20 bytes/],
    ['eth_getBalance', ['0x123', 'latest'], /argument 0.*40 hex digits/],
    ['eth_getBalance', [address, 'newest'], /argument 1.*latest/],
    ['eth_getBalance', [address, '0x00'], /argument 1/],
    ['eth_getBalance', [address, -1], /argument 1/],
    ['eth_getBalance', [address, 'latest', 'more'], /too many arguments/],
    ['eth_getBlockByNumber', ['0x1g', false], /argument 0/],
    ['eth_getBlockByNumber', ['latest', 'yes'], /argument 1.*true or false/],
    ['eth_getBlockByHash', ['0xabc', false], /argument 0.*64 hex digits/],
    ['eth_getTransactionByHash', [{}], /argument 0.*64 hex digits/],
    ['eth_getStorageAt', [address, 'zero', 'latest'], /argument 1/],
    ['eth_sendRawTransaction', ['0xabc'], /argument 0.*even number of hex digits/],
    ['eth_sendRawTransaction', ['abcd'], /argument 0.*0x/],
    ['eth_sendRawTransaction', [null], /missing value/],
    ['eth_call', [{ to: 'nobody' }, 'latest'], /argument 0.*`to`/],
    ['eth_call', [{ to: address, data: '0x123' }, 'latest'], /argument 0.*even number/],
    ['eth_call', [{ to: address, value: '0x01' }, 'latest'], /argument 0.*leading zeros/],
    ['eth_call', [{ to: address, value: `0x1${'0'.repeat(64)}` }, 'latest'], /argument 0.*256 bits at most/],
    ['eth_feeHistory', ['0x2', 'latest', [50, 10]], /argument 2/],
    ['eth_getLogs', [{ topics: ['0x12'] }], /argument 0/],
    ['eth_sendTransaction', [{ from: address, value: 1 }], /argument 0.*`value`/],
  ])('%s %j', async (method, params, says) => {
    const { code, message } = await call(method, params);
    expect(code).toBe(-32602);
    expect(message).toMatch(says);
  });
});

describe('transactions', () => {
  type Case = [name: string, raw: () => Hex, code: number, own: string, says: RegExp];
  const signed = (changes: Parameters<typeof signedTransfer>[1]): Hex => signedTransfer(user, changes);
  const U64_MAX = Buffer.from('ffffffffffffffff', 'hex');
  it.each<Case>([
    [
      'wrong chain id',
      () => signed({ chainId: 1 }),
      -32003,
      'POOL_WRONG_CHAIN',
      /invalid chain id: have 1, want 31337/,
    ],
    ['high s', () => highS(fromHex(signed({}))), -32003, 'TX_SIGNATURE_INVALID', /s is high \(EIP-2\)/],
    [
      'r of zero',
      () => toHex(withField(fromHex(signed({})), 10, new Uint8Array(0))),
      -32003,
      'TX_SIGNATURE_INVALID',
      /r or s is out of range/,
    ],
    [
      'yParity 2',
      () => toHex(withField(fromHex(signed({})), 9, Uint8Array.of(2))),
      -32003,
      'TX_SIGNATURE_INVALID',
      /yParity/,
    ],
    // Recovers to somebody else, who has nothing.
    [
      'a signature of other bytes',
      () => toHex(withField(fromHex(signed({})), 6, Uint8Array.of(9))),
      -32003,
      'POOL_INSUFFICIENT_FUNDS',
      /insufficient funds.*have 0, want/,
    ],
    [
      'nonce far ahead',
      () => signed({ nonce: 1_000_000 }),
      -32003,
      'POOL_NONCE_TOO_HIGH',
      /nonce too high: have 1000000, want at most \d+/,
    ],
    [
      'nonce 2^64-1',
      () => toHex(withField(fromHex(signed({})), 1, U64_MAX)),
      -32003,
      'TX_NONCE_TOO_LARGE',
      /nonce is above 2\^53-1/,
    ],
    [
      'gas above the block limit',
      () => signed({ gasLimit: 60_000_001 }),
      -32003,
      'POOL_GAS_LIMIT',
      /exceeds block gas limit: have 60000001, want at most 60000000/,
    ],
    [
      'gas of 2^64-1',
      () => toHex(withField(fromHex(signed({})), 4, U64_MAX)),
      -32003,
      'TX_GAS_TOO_LARGE',
      /gas limit is above 2\^53-1/,
    ],
    [
      'gas below the least',
      () => signed({ gasLimit: 20_999 }),
      -32003,
      'POOL_INTRINSIC_GAS',
      /intrinsic gas too low: have 20999, want at least 21000/,
    ],
    [
      'fee below base',
      () => signed({ maxFeePerGas: 1n, maxPriorityFeePerGas: 1n }),
      -32003,
      'POOL_FEE_BELOW_BASE',
      /less than block base fee: have 1, want at least \d+/,
    ],
    [
      'priority above fee',
      () => toHex(withField(fromHex(signed({})), 2, fromHex('0x2540be400000'))),
      -32003,
      'TX_PRIORITY_FEE_ABOVE_MAX',
      /maxPriorityFeePerGas is above maxFeePerGas/,
    ],
    [
      'unaffordable value',
      () => signed({ value: 10n ** 24n }),
      -32003,
      'POOL_INSUFFICIENT_FUNDS',
      /insufficient funds for gas \* price \+ value: have \d+, want \d+/,
    ],
    [
      'value over 256 bits',
      () => toHex(withField(fromHex(signed({})), 6, Buffer.alloc(33, 1))),
      -32003,
      'TX_VALUE_TOO_LARGE',
      /above 2\^256-1/,
    ],
    ['type 3', () => typed(3), -32003, 'TX_TYPE_UNSUPPORTED', /type 3 are not supported, only 0, 1 and 2/],
    ['type 4', () => typed(4), -32003, 'TX_TYPE_UNSUPPORTED', /type 4 are not supported, only 0, 1 and 2/],
    [
      'oversized',
      () => toHex(withField(fromHex(signed({})), 7, new Uint8Array(200_000))),
      -32003,
      'TX_TOO_LARGE',
      /131072 bytes/,
    ],
    [
      'init code too long',
      () => signed({ to: null, data: new Uint8Array(50_000), gasLimit: 10_000_000 }),
      -32003,
      'POOL_INIT_CODE_SIZE',
      /at most 49152/,
    ],
    ['rubbish', () => '0xdeadbeef', -32602, 'TX_MALFORMED', /./],
    ['nothing', () => '0x', -32602, 'TX_MALFORMED', /./],
    ['cut off', () => signed({}).slice(0, -2) as Hex, -32602, 'TX_MALFORMED', /./],
    ['bytes after it', () => `${signed({})}00`, -32602, 'TX_MALFORMED', /./],
    [
      'an address of 19 bytes',
      () => toHex(withField(fromHex(signed({})), 5, Buffer.alloc(19, 1))),
      -32602,
      'TX_MALFORMED',
      /./,
    ],
  ])('%s', async (_, raw, code, own, says) => {
    const failure = await call('eth_sendRawTransaction', [raw()]);
    expect(failure.message).toMatch(says);
    expect([failure.code, failure.data?.code]).toEqual([code, own]);
  });

  it('nonce too low', async () => {
    const hash = await rpc<string>('eth_sendRawTransaction', [signedTransfer(user)]);
    await until('it is mined', () => rpc('eth_getTransactionReceipt', [hash]));
    const failure = await call('eth_sendRawTransaction', [signedTransfer(user, { value: 2n })]);
    expect(failure).toMatchObject({
      code: -32003,
      message: 'nonce too low: have 0, want at least 1',
      data: { code: 'POOL_NONCE_TOO_LOW' },
    });
  });

  it('known already, and a replacement that pays too little', async () => {
    const again = await call('eth_sendRawTransaction', [signedTransfer(witness, { nonce: 1 })]);
    expect(again).toMatchObject({ code: -32003, message: expect.stringContaining('already known') as string });
    const cheap = await call('eth_sendRawTransaction', [
      signedTransfer(witness, { nonce: 1, maxFeePerGas: 105n * GWEI }),
    ]);
    expect(cheap).toMatchObject({
      code: -32003,
      message: expect.stringMatching(/replacement transaction underpriced.*want at least/) as string,
    });
  });

  it('of an account without a key here', async () => {
    const failure = await call('eth_sendTransaction', [
      { from: addressOf(randomPrivateKey()), to: user.address, value: '0x1' },
    ]);
    expect(failure).toMatchObject({ code: -32000, message: expect.stringContaining('unknown account') as string });
  });
});

function typed(type: number): Hex {
  return toHex(Buffer.concat([Uint8Array.of(type), encodeRlp([Uint8Array.of(1), new Uint8Array(0)])]));
}

describe('connections', () => {
  it('that drip are cut off and told why', { timeout: 120_000 }, async () => {
    const head = `POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n`;
    const [headers, body] = await Promise.all([
      drip(url, `${head}x-slow: `, 500),
      drip(url, `${head}content-length: 1000000\r\n\r\n{`, 500),
    ]);
    expect(headers).toContain('408 Request Timeout');
    expect(body).toContain('408 Request Timeout');
  });

  it(`${IDLE_CONNECTIONS} idle ones and 300 WebSockets keep nobody out`, { timeout: 120_000 }, async () => {
    const sockets: Socket[] = [];
    while (sockets.length < IDLE_CONNECTIONS) {
      sockets.push(...(await Promise.all(Array.from({ length: 100 }, () => openSocket(url)))));
    }
    const clients = Array.from({ length: 300 }, () => new WebSocket(url.replace('http', 'ws')));
    const refusals = await Promise.all(
      clients.map(
        (client) =>
          new Promise<string | null>((done) => {
            client.once('open', () => done(null));
            client.once('error', (error) => done(error.message));
          }),
      ),
    );
    expect(refusals.filter((refusal) => refusal === null).length).toBe(256);
    expect(new Set(refusals.filter((refusal) => refusal !== null))).toEqual(
      new Set(['Unexpected server response: 503']),
    );
    for (let i = 0; i < 20; i++)
      expect((await postBody(url, '{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}')).answer).toMatchObject({
        result: '0x7a69',
      });
    const nonce = Number(await rpc<string>('eth_getTransactionCount', [user.address, 'latest']));
    const hash = await rpc<string>('eth_sendRawTransaction', [signedTransfer(user, { nonce })]);
    await until('a transfer is mined among them', () => rpc('eth_getTransactionReceipt', [hash]));
    for (const socket of sockets) socket.destroy();
    for (const client of clients) client.terminate();
  });
});

describe('in the end', () => {
  it('the transfer that waited is mined on both nodes', async () => {
    const first = await rpc<string>('eth_sendRawTransaction', [signedTransfer(witness, { nonce: 0 })]);
    for (const node of devnet.rpcs) {
      for (const hash of [first, waiting]) {
        const receipt = await until('its receipt', () => node<{ status: string }>('eth_getTransactionReceipt', [hash]));
        expect(receipt.status).toBe('0x1');
      }
    }
    // As the others found it.
    waiting = await rpc<string>('eth_sendRawTransaction', [signedTransfer(witness, { nonce: 3 })]);
  });
});
