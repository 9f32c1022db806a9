/** JSON-RPC 2.0 by its own examples (jsonrpc.org/specification, section 7), and what they leave open. */
import { describe, expect, it } from 'vitest';
import { JsonRpc, type Answer } from '../../../rpc/json-rpc.ts';
import { DEFAULT_RPC_LIMITS, type RpcLimits } from '../../../rpc/limits.ts';
import { HTTP_CALLER, method, Router, type MethodTable } from '../../../rpc/router.ts';
import { silentLog, type Log, type LogContext } from '../../../src/util/log.ts';
import { ParleyError } from '../../../src/util/errors.ts';

const started: string[] = [];
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
  big: method(1, 1, (params) => 'x'.repeat(Number(params[0]))),
  bug: method(0, 0, () => {
    throw new TypeError('secret detail');
  }),
  refuse: method(0, 0, () => {
    throw new ParleyError('POOL_NONCE_TOO_LOW', 'nonce 1 is used: take 2', { expected: 2 });
  }),
};

function setUp(limits: Partial<RpcLimits> = {}, log: Log = silentLog): (text: string) => Promise<unknown> {
  const namespaces = [...new Set(Object.keys(METHODS).map((name) => name.split('_')[0] ?? ''))];
  const rpc = new JsonRpc(new Router([METHODS], namespaces), { ...DEFAULT_RPC_LIMITS, ...limits }, log);
  return async (text) => {
    const answer: Answer = await rpc.handle(text, HTTP_CALLER);
    return answer === null ? 'nothing' : (JSON.parse(answer) as unknown);
  };
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
      [result('1', 7), result('2', 19), failure(null, -32600), failure('5', -32602), result('9', ['hello', 5])],
    ],
    [
      'a batch of notifications',
      '[{"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},{"jsonrpc": "2.0", "method": "notify_hello"}]',
      'nothing',
    ],
  ])('%s', async (_, request, expected) => {
    // Where the specification answers `foo.get` with -32601, named parameters are refused first: Ethereum has none.
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
  ])('survives 100,000 nested %s', async (_, open, close) => {
    const nested = `${open.repeat(100_000)}1${close.repeat(100_000)}`;
    const request = `{"jsonrpc":"2.0","method":"sum","params":[${nested}],"id":1}`;
    await expect(answer(nested)).resolves.toBeDefined();
    await expect(answer(request)).resolves.toMatchObject({ id: 1 });
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
