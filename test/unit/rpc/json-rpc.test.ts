/** JSON-RPC 2.0 by its own examples (jsonrpc.org/specification, section 7), and what they leave open. */
import { describe, expect, it, vi } from 'vitest';
import { clientAt } from '../../../rpc/client.ts';
import { JsonRpc, type JsonRpcModules, type Reply } from '../../../rpc/json-rpc.ts';
import type { Decision, RateLimiter } from '../../../rpc/limiting/rate-limiter.ts';
import { DEFAULT_RPC_LIMITS, type RpcLimits } from '../../../rpc/limits.ts';
import { Load } from '../../../rpc/load.ts';
import { Turns } from '../../../rpc/turns.ts';
import type { MethodTable } from '../../../rpc/method.ts';
import { httpCaller, Router } from '../../../rpc/router.ts';
import { silentLog, type Log, type LogContext } from '../../../src/util/log.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { method } from './plain-method.ts';

const started: string[] = [];
let gate = Promise.withResolvers<string>();
const METHODS: MethodTable = {
  subtract: method(2, 2, (params) => Number(params[0]) - Number(params[1])),
  sum: method(0, 9, (params) => params.reduce<number>((sum, item) => sum + Number(item), 0)),
  update: method(0, 9, () => null),
  notify_hello: method(0, 9, () => null),
  notify_sum: method(0, 9, () => null),
  get_data: method(0, 0, () => ['hello', 5]),
  slow: method(1, 1, async (params) => {
    started.push(JSON.stringify(params[0]));
    await new Promise((resolve) => setImmediate(resolve));
    return params[0] ?? null;
  }),
  never: method(0, 0, () => new Promise<string>(() => {})),
  gated: method(0, 0, () => gate.promise),
  big: method(1, 1, (params) => 'x'.repeat(Number(params[0]))),
  bug: method(0, 0, () => {
    throw new TypeError('secret detail');
  }),
  refuse: method(0, 0, () => {
    throw new ParleyError('POOL_NONCE_TOO_LOW', 'nonce 1 is used: take 2', { expected: 2 });
  }),
};

const CALLER = httpCaller(clientAt('192.0.2.1'));
const OTHER = httpCaller(clientAt('192.0.2.2'));

type Setting = Partial<JsonRpcModules> & { readonly lagMs?: () => number };

function jsonRpc(given: Partial<RpcLimits> = {}, { lagMs = () => 0, ...modules }: Setting = {}): JsonRpc {
  const namespaces = [...new Set(Object.keys(METHODS).map((name) => name.split('_')[0] ?? ''))];
  const limits = { ...DEFAULT_RPC_LIMITS, ...given };
  return new JsonRpc({
    router: new Router([METHODS], namespaces),
    limits,
    load: new Load(limits, lagMs),
    turns: new Turns(),
    limiter: null,
    weightOf: () => 1,
    log: silentLog,
    refused: { add: () => {} },
    ...modules,
  });
}

function setUp(limits: Partial<RpcLimits> = {}, log: Log = silentLog): (text: string) => Promise<unknown> {
  const rpc = jsonRpc(limits, { log });
  return async (text) => parsed(await rpc.handle(text, CALLER));
}

function parsed({ answer: text }: Reply): unknown {
  return text === null ? 'nothing' : (JSON.parse(text) as unknown);
}

const answer = setUp();
const result = (id: unknown, value: unknown): unknown => ({ jsonrpc: '2.0', id, result: value });
const failure = (id: unknown, code: number): unknown => ({
  jsonrpc: '2.0',
  id,
  error: expect.objectContaining({ code, message: expect.any(String) as string }) as unknown,
});

describe("the specification's examples", () => {
  it.each([
    ['positional parameters', '{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}', result(1, 19)],
    ['another order', '{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}', result(2, -19)],
    ['a notification', '{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}', 'nothing'],
    ['an unknown notification', '{"jsonrpc": "2.0", "method": "foobar"}', 'nothing'],
    ['an unknown method', '{"jsonrpc": "2.0", "method": "foobar", "id": "1"}', failure('1', -32601)],
    ['invalid JSON', '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]', failure(null, -32700)],
    ['an invalid request', '{"jsonrpc": "2.0", "method": 1, "params": "bar"}', failure(null, -32600)],
    [
      'a batch of invalid JSON',
      '[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},{"jsonrpc": "2.0", "method"]',
      failure(null, -32700),
    ],
    ['an empty batch', '[]', failure(null, -32600)],
    ['an invalid batch', '[1]', [failure(null, -32600)]],
    ['a longer invalid batch', '[1,2,3]', [failure(null, -32600), failure(null, -32600), failure(null, -32600)]],
    [
      'a mixed batch',
      `[{"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}]`,
      [result('1', 7), result('2', 19), failure(null, -32600), failure('5', -32601), result('9', ['hello', 5])],
    ],
    [
      'a batch of notifications',
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello"}]',
      'nothing',
    ],
  ])('%s', async (_, request, expected) => {
    await expect(answer(request)).resolves.toEqual(expected);
  });
});

describe('ids', () => {
  it.each(['"text"', '0', '-7', '1.5', 'null', '9007199254740991'])('echoes %s', async (id) => {
    const request = `{"jsonrpc":"2.0","method":"sum","id":${id}}`;
    await expect(answer(request)).resolves.toEqual(result(JSON.parse(id), 0));
  });

  it.each(['{}', '[]', 'true', '1e999', '9007199254740993', `"${'x'.repeat(2000)}"`])('refuses %.20s', async (id) => {
    await expect(answer(`{"jsonrpc":"2.0","method":"sum","id":${id}}`)).resolves.toEqual(failure(null, -32600));
  });
});

describe('requests that are almost right', () => {
  it.each([
    ['no version', '{"method":"sum","id":1}', failure(1, -32600)],
    ['another version', '{"jsonrpc":"1.0","method":"sum","id":1}', failure(1, -32600)],
    ['no method', '{"jsonrpc":"2.0","id":1}', failure(1, -32600)],
    ['text as parameters', '{"jsonrpc":"2.0","method":"sum","params":"1","id":1}', failure(1, -32600)],
    ['named parameters', '{"jsonrpc":"2.0","method":"sum","params":{"a":1},"id":1}', failure(1, -32602)],
    ['null parameters', '{"jsonrpc":"2.0","method":"sum","params":null,"id":1}', result(1, 0)],
    ['too many', '{"jsonrpc":"2.0","method":"subtract","params":[1,2,3],"id":1}', failure(1, -32602)],
    ['too few', '{"jsonrpc":"2.0","method":"subtract","params":[1],"id":1}', failure(1, -32602)],
    ['null where needed', '{"jsonrpc":"2.0","method":"subtract","params":[1,null],"id":1}', failure(1, -32602)],
    ['a prototype key', '{"jsonrpc":"2.0","__proto__":{"method":"sum"},"id":1}', failure(1, -32600)],
    ['a method every object has', '{"jsonrpc":"2.0","method":"constructor","id":1}', failure(1, -32601)],
    ['nothing at all', '', failure(null, -32700)],
    ['null', 'null', failure(null, -32600)],
    ['text', '"sum"', failure(null, -32600)],
  ])('%s', async (_, request, expected) => {
    await expect(answer(request)).resolves.toEqual(expected);
    expect(({} as Record<string, unknown>)['method']).toBeUndefined();
  });

  it.each([
    ['arrays', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('are not parsed when %s are nested too deeply', async (_, open, close) => {
    const request = (depth: number): string =>
      `{"jsonrpc":"2.0","method":"sum","params":[${open.repeat(depth)}1${close.repeat(depth)}],"id":1}`;
    await expect(answer(request(510))).resolves.toMatchObject({ id: 1 });
    await expect(answer(request(511))).resolves.toEqual(failure(null, -32700));
    await expect(answer(request(100_000))).resolves.toEqual(failure(null, -32700));
    await expect(answer('{"jsonrpc":"2.0","method":"sum","id":2}')).resolves.toEqual(result(2, 0));
  });
});

describe('batches', () => {
  it('starts calls in order and answers in order', async () => {
    started.length = 0;
    const calls = Array.from({ length: 200 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'slow', params: [id] }));
    const answers = (await answer(JSON.stringify(calls))) as { id: number; result: number }[];
    expect(answers.map(({ id, result }) => [id, result])).toEqual(calls.map(({ id }) => [id, id]));
    expect(started).toEqual(calls.map(({ id }) => String(id)));
  });

  it('refuses too many calls as one', async () => {
    const small = setUp({ batchItemsMax: 3 });
    const calls = (count: number): string =>
      JSON.stringify(Array.from({ length: count }, () => ({ jsonrpc: '2.0', id: 1, method: 'sum' })));
    await expect(small(calls(3))).resolves.toHaveLength(3);
    await expect(small(calls(4))).resolves.toEqual(failure(null, -32600));
  });

  it('stops executing when the answer is full, and says so for each', async () => {
    const small = setUp({ answerSizeBytesMax: 1000, batchConcurrencyMax: 1 });
    started.length = 0;
    const calls = [
      { jsonrpc: '2.0', id: 1, method: 'big', params: [600] },
      { jsonrpc: '2.0', id: 2, method: 'big', params: [600] },
      { jsonrpc: '2.0', id: 3, method: 'slow', params: ['unwanted'] },
      { jsonrpc: '2.0', method: 'update' },
    ];
    await expect(small(JSON.stringify(calls))).resolves.toEqual([
      result(1, 'x'.repeat(600)),
      failure(2, -32005),
      failure(3, -32005),
    ]);
    expect(started).toEqual([]);
  });
});

describe('errors', () => {
  it('replaces an answer that is too large', async () => {
    const small = setUp({ answerSizeBytesMax: 1000 });
    await expect(small('{"jsonrpc":"2.0","method":"big","params":[2000],"id":1}')).resolves.toEqual(failure(1, -32005));
  });

  it('gives a refusal its number, phrase and data', async () => {
    await expect(answer('{"jsonrpc":"2.0","method":"refuse","id":1}')).resolves.toEqual({
      jsonrpc: '2.0',
      id: 1,
      error: {
        code: -32003,
        message: 'nonce too low: nonce 1 is used: take 2',
        data: { code: 'POOL_NONCE_TOO_LOW', expected: 2 },
      },
    });
  });

  it('tells nothing of a bug but the id it is logged under', async () => {
    const logged: [string, LogContext | undefined][] = [];
    const log = {
      ...silentLog,
      error: (message: string, context?: LogContext) => void logged.push([message, context]),
    };
    const reply = await setUp({}, log)('{"jsonrpc":"2.0","method":"bug","id":1}');
    expect(reply).toEqual(failure(1, -32603));
    expect(JSON.stringify(reply)).not.toContain('secret');
    const [, context] = logged[0] ?? [];
    expect(logged).toHaveLength(1);
    expect(context).toMatchObject({ method: 'bug', error: new TypeError('secret detail') });
    expect(JSON.stringify(reply)).toContain(JSON.stringify(context?.['reportId']));
  });
});

describe('calls that take too long', () => {
  it('are told so, and their late result is dropped', async () => {
    vi.useFakeTimers();
    gate = Promise.withResolvers();
    const rpc = jsonRpc({ callTimeoutMs: 1000, inFlightPerClientMax: 1 });
    const pending = rpc.handle('{"jsonrpc":"2.0","method":"gated","id":1}', CALLER);
    await vi.advanceTimersByTimeAsync(1000);
    expect(parsed(await pending)).toEqual(failure(1, -32002));
    // The work goes on, and counts until it ends.
    expect(parsed(await rpc.handle('{"jsonrpc":"2.0","method":"sum","id":2}', CALLER))).toEqual(failure(2, -32005));
    gate.resolve('late');
    await vi.advanceTimersByTimeAsync(0);
    expect(parsed(await rpc.handle('{"jsonrpc":"2.0","method":"sum","id":3}', CALLER))).toEqual(result(3, 0));
    vi.useRealTimers();
  });

  it('end a batch, whose other calls are not started', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const rpc = jsonRpc({ callTimeoutMs: 1000, batchConcurrencyMax: 1 });
    started.length = 0;
    const calls = [
      { jsonrpc: '2.0', id: 1, method: 'never' },
      { jsonrpc: '2.0', id: 2, method: 'slow', params: ['unwanted'] },
      { jsonrpc: '2.0', method: 'slow', params: ['unwanted too'] },
    ];
    const pending = rpc.handle(JSON.stringify(calls), CALLER);
    await vi.advanceTimersByTimeAsync(1000);
    expect(parsed(await pending)).toEqual([failure(1, -32002), failure(2, -32002)]);
    expect(started).toEqual([]);
    vi.useRealTimers();
  });
});

describe('too much at once', () => {
  it('is refused by client and in all, by the id of each call', async () => {
    gate = Promise.withResolvers();
    const rpc = jsonRpc({ inFlightPerClientMax: 2, inFlightMax: 4 });
    const call = '{"jsonrpc":"2.0","method":"gated","id":1}';
    const batch = '[{"jsonrpc":"2.0","method":"sum","id":"a"},{"jsonrpc":"2.0","method":"sum"},7]';
    const waiting = [rpc.handle(call, CALLER), rpc.handle(call, CALLER)];
    const own = await rpc.handle(batch, CALLER);
    expect(own.refusal).toMatchObject({ status: 429, reason: 'client_busy' });
    expect(parsed(own)).toEqual([failure('a', -32005), failure(null, -32005)]);
    expect(parsed(await rpc.handle(batch, OTHER))).toEqual([result('a', 0), failure(null, -32600)]);
    waiting.push(rpc.handle(call, OTHER), rpc.handle(call, OTHER));
    const all = await rpc.handle(call, httpCaller(clientAt('192.0.2.3')));
    expect(all.refusal).toMatchObject({ status: 503, reason: 'busy' });
    expect(parsed(all)).toMatchObject({ id: 1, error: { message: expect.stringMatching(/^server busy/) as string } });
    // Not even looked at.
    expect(parsed(await rpc.handle(`[${'1,'.repeat(10_000)}1]`, OTHER))).toEqual(failure(null, -32005));
    expect(parsed(await rpc.handle('{', OTHER))).toEqual(failure(null, -32005));
    gate.resolve('done');
    for (const reply of waiting) expect(parsed(await reply)).toEqual(result(1, 'done'));
    expect(parsed(await rpc.handle(batch, CALLER))).toHaveLength(2);
  });

  it('within a batch is refused call by call', async () => {
    gate = Promise.withResolvers();
    // The batch itself is one.
    const rpc = jsonRpc({ inFlightPerClientMax: 3 });
    const calls = [1, 2, 3, 4].map((id) => ({ jsonrpc: '2.0', id, method: 'gated' }));
    const pending = rpc.handle(JSON.stringify(calls), CALLER);
    gate.resolve('done');
    const expected = [result(1, 'done'), result(2, 'done'), failure(3, -32005), failure(4, -32005)];
    expect(parsed(await pending)).toEqual(expected);
  });

  it('of heavy work is refused while the process is late', async () => {
    let lagMs = 0;
    const weightOf = (name: string): number => (name === 'get_data' ? 50 : 1);
    const rpc = jsonRpc({ eventLoopLagMsMax: 100 }, { lagMs: () => lagMs, weightOf });
    const heavy = '{"jsonrpc":"2.0","method":"get_data","id":1}';
    const light = '{"jsonrpc":"2.0","method":"sum","id":1}';
    expect(parsed(await rpc.handle(heavy, CALLER))).toEqual(result(1, ['hello', 5]));
    lagMs = 101;
    expect(parsed(await rpc.handle(heavy, CALLER))).toEqual(failure(1, -32005));
    expect(parsed(await rpc.handle(light, CALLER))).toEqual(result(1, 0));
  });
});

describe('an allowance', () => {
  const LEFT: Decision = { admitted: true, limit: 100, remaining: 93, waitMs: 0, resetMs: 70 };
  const OVER: Decision = { admitted: false, limit: 100, remaining: 3, waitMs: 1500, resetMs: 9700 };
  const taken: [string, number][] = [];
  const limiter = (decision: Decision | Promise<Decision>): RateLimiter => ({
    take(client, weight) {
      taken.push([client, weight]);
      return decision;
    },
    stop: async () => {},
  });
  const weightOf = (name: string): number => (name === 'get_data' ? 5 : 1);
  const batch = JSON.stringify([
    { jsonrpc: '2.0', id: 1, method: 'get_data' },
    { jsonrpc: '2.0', method: 'slow', params: ['unwanted'] },
    { jsonrpc: '2.0', id: 2, method: 'unheard' },
    8,
  ]);

  it.each([
    ['one call', '{"jsonrpc":"2.0","method":"get_data","id":1}', 5],
    ['a batch: each of its calls', batch, 8],
    ['what is no JSON', '{', 1],
    ['what is no request', '7', 1],
    ['a batch that is too large', `[${'{},'.repeat(2000)}{}]`, 1],
  ])('is taken for %s', async (_, text, weight) => {
    taken.length = 0;
    const rpc = jsonRpc({}, { limiter: limiter(LEFT), weightOf });
    expect((await rpc.handle(text, CALLER)).decision).toBe(LEFT);
    expect(taken).toEqual([['address:192.0.2.1', weight]]);
  });

  it.each([
    ['at once', OVER],
    ['later', Promise.resolve(OVER)],
  ])('that is used up refuses all of a message (%s)', async (_, decision) => {
    const rpc = jsonRpc({}, { limiter: limiter(decision), weightOf });
    started.length = 0;
    const reply = await rpc.handle(batch, CALLER);
    expect(reply).toMatchObject({ decision: OVER, refusal: { status: 429, reason: 'rate', waitMs: 1500 } });
    const error = {
      code: -32005,
      message: 'rate limited: try again in 2 s',
      data: { code: 'RPC_RATE_LIMITED', retryAfterMs: 1500 },
    };
    const refused = (id: number | null): unknown => ({ jsonrpc: '2.0', id, error });
    expect(parsed(reply)).toEqual([refused(1), refused(2), refused(null)]);
    expect(started).toEqual([]);
  });

  it('that is always too small says so', async () => {
    const rpc = jsonRpc({}, { limiter: limiter({ ...OVER, waitMs: Number.POSITIVE_INFINITY }) });
    expect(parsed(await rpc.handle(batch, CALLER))).toMatchObject([
      { error: { message: expect.stringContaining('split it') as string, data: { retryAfterMs: null } } },
      {},
      {},
    ]);
  });

  it('waits for the limiter without a crowd', async () => {
    const decision = Promise.withResolvers<Decision>();
    const rpc = jsonRpc({ inFlightPerClientMax: 1 }, { limiter: limiter(decision.promise) });
    const call = '{"jsonrpc":"2.0","method":"sum","id":1}';
    const first = rpc.handle(call, CALLER);
    expect(parsed(await rpc.handle(call, CALLER))).toEqual(failure(1, -32005));
    decision.resolve(LEFT);
    expect(parsed(await first)).toEqual(result(1, 0));
  });
});
