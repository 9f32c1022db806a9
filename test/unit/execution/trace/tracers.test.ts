import { describe, expect, it } from 'vitest';
import { credit } from '../../../../src/execution/apply-transaction.ts';
import type { ExecutionEnv } from '../../../../src/execution/rules.ts';
import type { SystemContract } from '../../../../src/execution/system-contracts.ts';
import { traceCall } from '../../../../src/execution/trace/trace-call.ts';
import type { CallRequest } from '../../../../src/node/api.ts';
import { StateOverlay } from '../../../../src/state/overlay.ts';
import type { Address, Bytes, JsonObject } from '../../../../src/types/primitives.ts';
import type { TraceOptions } from '../../../../src/types/trace.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import { bytecode, callOf, createOf } from '../bytecode.ts';
import { callData, initCode } from '../contracts.ts';
import { balanceOf, BENEFICIARY, GWEI, key, testEnv, testGenesis, word } from '../support.ts';
import { traceOptions } from './trace-options.ts';

const A: Address = `0x${'a1'.repeat(20)}`;
const B: Address = `0x${'b2'.repeat(20)}`;
const IDENTITY: Address = `0x${'0'.repeat(38)}04`;
const TALLY: Address = `0x${'0'.repeat(36)}1010`;
const FROM = key(0).address;

type Codes = { readonly [address: Address]: Bytes };
type How = { readonly request?: CallRequest; readonly env?: ExecutionEnv };

/** A call of A by the first key. */
async function traced<T = JsonObject>(
  codes: Codes,
  options: TraceOptions,
  { request = {}, env = testEnv() }: How = {},
): Promise<T> {
  const { header, hash, state } = testGenesis();
  const overlay = new StateOverlay(state);
  for (const [address, code] of Object.entries(codes) as [Address, Bytes][]) {
    overlay.setCode(address, code);
    credit(overlay, address, 1000n);
  }
  const at = { header: { ...header, beneficiary: BENEFICIARY }, hash, state: overlay };
  return (await traceCall(env, at, { from: FROM, to: A, gasLimit: 1_000_000, ...request }, options)) as T;
}

type Steps = { readonly structLogs: readonly JsonObject[] };
const steps = async (codes: Codes, options = traceOptions()): Promise<readonly JsonObject[]> =>
  (await traced<Steps>(codes, options)).structLogs;

describe('opcode by opcode', () => {
  it('holds what is asked for', async () => {
    const codes = { [A]: bytecode(1, 2, 'sstore') };
    const [first] = await steps(codes);
    expect(first).toEqual({
      pc: 0,
      op: 'PUSH1',
      gas: 979_000,
      gasCost: 3,
      depth: 1,
      refund: 0,
      stack: [],
      memory: [],
      returnData: '0x',
    });
    const none = { hasStack: false, hasMemory: false, hasStorage: false, hasReturnData: false };
    const bare = await steps(codes, traceOptions({ steps: none }));
    expect(bare.map((entry) => Object.keys(entry).sort())).toEqual(
      Array.from({ length: 4 }, () => ['depth', 'gas', 'gasCost', 'op', 'pc', 'refund']),
    );
  });

  it('ends with the limit, and the run goes on', async () => {
    const codes = { [A]: bytecode(1, 2, 'sstore', 0xbeef, 0, 'mstore', 32, 0, 'return') };
    const whole = await traced<Steps>(codes, traceOptions());
    const part = await traced<Steps>(codes, traceOptions({ steps: { stepsMax: 2 } }));
    expect(part).toEqual({ ...whole, structLogs: whole.structLogs.slice(0, 2) });
    expect(part).toMatchObject({ failed: false, returnValue: word(0xbeef) });
  });

  it('keeps storage of each contract, and shows it where it is touched', async () => {
    const library = bytecode(5, 1, 'sstore');
    const code = bytecode(7, 1, 'sstore', 2, 'sload', ...callOf('call', B), ...callOf('delegatecall', B), 1, 'sload');
    const shown = (await steps({ [A]: code, [B]: library })).flatMap(({ op, storage }) =>
      storage === undefined ? [] : [[op, storage]],
    );
    expect(shown).toEqual([
      ['SSTORE', { [word(1)]: word(7) }],
      ['SLOAD', { [word(1)]: word(7), [word(2)]: word(0) }],
      ['SSTORE', { [word(1)]: word(5) }],
      ['SSTORE', { [word(1)]: word(5), [word(2)]: word(0) }],
      ['SLOAD', { [word(1)]: word(5), [word(2)]: word(0) }],
    ]);
  });

  it('has what the last call gave back', async () => {
    const speaking = bytecode(0x77, 0, 'mstore', 32, 0, 'return');
    const reverting = bytecode(0x88, 0, 'mstore', 32, 0, 'revert');
    const code = bytecode(
      ...callOf('call', B),
      'pop',
      ...createOf('create', bytecode(1, 0, 'return')),
      'pop',
      ...createOf('create', reverting),
      'pop',
      ...callOf('call', B, { value: 5000 }),
      'pop',
    );
    const entries = await steps({ [A]: code, [B]: speaking });
    expect(entries.filter(({ op }) => op === 'POP').map(({ returnData }) => returnData)).toEqual([
      word(0x77),
      '0x',
      word(0x88),
      '0x',
    ]);
  });

  it('tells of the step that failed, and of no other', async () => {
    const entries = await steps({
      [A]: bytecode(...callOf('call', B, { gas: 5_000 }), 0, 0, 'revert'),
      [B]: bytecode(9, 'jump'),
    });
    expect(entries.flatMap(({ op, error }) => (error === undefined ? [] : [[op, error]]))).toEqual([
      ['JUMP', 'invalid jump destination'],
    ]);
    const creating = await steps({ [A]: bytecode(...createOf('create', bytecode(0x6001, 0, 'return'))) });
    expect(creating.filter(({ error }) => error !== undefined)).toEqual([]);
  });

  it('counts to a call what it hands on, and to a creation not', async () => {
    const all = 2n ** 64n;
    const entries = await steps({
      [A]: bytecode(...callOf('call', B, { gas: all }), ...createOf('create', bytecode('stop'))),
      [B]: bytecode('stop'),
    });
    const costOf = (name: string): number => Number(entries.find(({ op }) => op === name)?.['gasCost']);
    const atCall = entries.find(({ op }) => op === 'CALL');
    const left = Number(atCall?.['gas']) - 2_600;
    expect(costOf('CALL')).toBe(2_600 + left - Math.floor(left / 64));
    expect(costOf('CREATE')).toBeLessThan(33_000);
  });

  it('has the old name of opcode 0x44', async () => {
    expect((await steps({ [A]: bytecode('prevrandao') })).map(({ op }) => op)).toEqual(['DIFFICULTY', 'STOP']);
  });

  it('is given up before it takes more memory than it may', async () => {
    // Without an end, and with 3 MB of memory from its second step on.
    for (const parts of [
      ['jumpdest', 1, 'pop', 0, 'jump'],
      [1, 3_000_000, 'mstore', 'gas'],
    ] as const) {
      const options = traceOptions({ sizeBytesMax: 2 ** 20 });
      const bytesBefore = process.memoryUsage().arrayBuffers;
      await expect(
        traced({ [A]: bytecode(...parts) }, options, { request: { gasLimit: 50_000_000 } }),
      ).rejects.toMatchObject({ code: 'EXECUTION_TRACE_LIMIT', data: { sizeBytesMax: 2 ** 20 } });
      expect(process.memoryUsage().arrayBuffers - bytesBefore).toBeLessThan(32 * 2 ** 20);
    }
  });

  it('is empty where no code runs', async () => {
    expect(await traced({}, traceOptions())).toEqual({ gas: 21_000, failed: false, returnValue: '0x', structLogs: [] });
  });
});

describe('callTracer', () => {
  const caller = (config: Partial<TraceOptions['config']> = {}): TraceOptions =>
    traceOptions({ tracer: 'callTracer', config });

  it('says why a call reverted', async () => {
    const lab = { [A]: fromHex(await runtimeOf('Lab')) };
    const data = callData('Lab', 'failInside', [3n]);
    const trace = await traced<{ calls: readonly JsonObject[] }>(lab, caller(), { request: { data } });
    expect(trace.calls[0]).toMatchObject({
      error: 'execution reverted',
      revertReason: 'inner',
      output: expect.any(String) as string,
    });
    // A check of the compiler is no Error(string).
    const panicking = bytecode(0x4e487b71n << 224n, 0, 'mstore', 0x11, 4, 'mstore', 36, 0, 'revert');
    expect(await traced({ [A]: panicking }, caller())).not.toHaveProperty('revertReason');
  });

  it('leaves out what is not asked for', async () => {
    const codes = {
      [A]: bytecode(1, 0, 0, 'log1', ...callOf('call', B), 3, 0, 0, 'log1'),
      [B]: bytecode(2, 0, 0, 'log1'),
    };
    expect(await traced(codes, caller())).not.toHaveProperty('logs');
    const top = await traced(codes, caller({ onlyTopCall: true, withLog: true }));
    expect(top).not.toHaveProperty('calls');
    const log = { address: A, data: '0x', position: '0x0' };
    expect(top['logs']).toEqual([
      { ...log, topics: [word(1)], index: '0x0' },
      { ...log, topics: [word(3)], index: '0x2' },
    ]);
    const whole = await traced<{ logs: readonly JsonObject[] }>(codes, caller({ withLog: true }));
    expect(whole.logs.map(({ index, position }) => [index, position])).toEqual([
      ['0x0', '0x0'],
      ['0x2', '0x1'],
    ]);
  });

  it('has value where a call carries one, and no address of what was not made', async () => {
    const code = bytecode(
      ...callOf('delegatecall', B),
      ...callOf('staticcall', B),
      ...createOf('create', bytecode('invalid')),
    );
    const { calls } = await traced<{ calls: readonly JsonObject[] }>({ [A]: code, [B]: bytecode('stop') }, caller());
    expect(calls.map(({ type, value, to }) => [type, value, to])).toEqual([
      ['DELEGATECALL', undefined, B],
      ['STATICCALL', undefined, B],
      ['CREATE', '0x0', undefined],
    ]);
  });

  it('shows the deepest tree there can be', async () => {
    const again = bytecode(0, 0, 0, 0, 0, A, 'gas', 'call');
    const text = JSON.stringify(await traced({ [A]: again }, caller(), { request: { gasLimit: 50_000_000 } }));
    expect(text.split('"type"').length).toBeGreaterThan(200);
  });
});

describe('flatCallTracer', () => {
  it('puts calls one after another, each with its place', async () => {
    const inner = bytecode(...callOf('call', IDENTITY), A, 'selfdestruct');
    const code = bytecode(
      ...createOf('create', bytecode(1, 0, 'return')),
      ...callOf('call', B),
      ...callOf('call', B, { value: 9_999 }),
    );
    const flat = await traced<readonly JsonObject[]>(
      { [A]: code, [B]: inner },
      traceOptions({ tracer: 'flatCallTracer' }),
    );
    expect(flat.map(({ type, traceAddress, subtraces, error }) => [type, traceAddress, subtraces, error])).toEqual([
      ['call', [], 3, undefined],
      ['create', [0], 0, undefined],
      ['call', [1], 1, undefined],
      ['suicide', [1, 0], 0, undefined],
      ['call', [2], 0, 'insufficient balance for transfer'],
    ]);
    expect(flat[1]).toMatchObject({
      action: { creationMethod: 'create', from: A, value: '0x0', init: toHex(bytecode(1, 0, 'return')) },
      result: { code: '0x00', address: expect.stringMatching(/^0x/) as string },
      blockHash: null,
      transactionPosition: null,
    });
    expect(flat[3]?.['action']).toEqual({ address: B, balance: '0x3e8', refundAddress: A });
    expect(flat[4]).not.toHaveProperty('result');
  });
});

describe('4byteTracer', () => {
  it('counts native contracts of ours, and not precompiles or short calls', async () => {
    const silent: SystemContract = {
      call: () => ({ status: 'success', output: new Uint8Array(0), gasUsed: 0, logs: [] }),
    };
    const env = testEnv({ systemContracts: new Map([[TALLY, silent]]) });
    const calls = ([TALLY, TALLY, IDENTITY, B] as const).flatMap((to) => callOf('call', to, { inputSize: 36 }));
    const code = bytecode(0xaabbccddn << 224n, 0, 'mstore', ...calls, ...callOf('call', B, { inputSize: 3 }));
    const counts = await traced({ [A]: code, [B]: bytecode('stop') }, traceOptions({ tracer: '4byteTracer' }), { env });
    expect(counts).toEqual({ '0xaabbccdd-32': 3 });
  });
});

describe('prestateTracer', () => {
  const prestate = (config: Partial<TraceOptions['config']> = {}): TraceOptions =>
    traceOptions({ tracer: 'prestateTracer', config });
  const request = { value: 5n, maxFeePerGas: 3n * GWEI, maxPriorityFeePerGas: GWEI };

  it('has what was looked up, of native contracts too, as it was', async () => {
    const counting: SystemContract = {
      call({ address, state }) {
        state.setStorage(address, word(1), word(BigInt(state.storage(address, word(9))) + 1n));
        return { status: 'success', output: new Uint8Array(0), gasUsed: 0, logs: [] };
      },
    };
    const env = testEnv({ systemContracts: new Map([[TALLY, counting]]) });
    const codes = { [A]: bytecode(3, 'sload', ...callOf('call', TALLY, { value: 1 }), B, 'balance') };
    const accounts = await traced(codes, prestate(), { env, request });
    expect(accounts).toEqual({
      [FROM]: { balance: `0x${balanceOf(testGenesis().state, FROM).toString(16)}` },
      [A]: { balance: '0x3e8', code: toHex(codes[A] ?? new Uint8Array(0)), storage: { [word(3)]: word(0) } },
      [B]: { balance: '0x0' },
      [TALLY]: { balance: '0x0', storage: { [word(1)]: word(0), [word(9)]: word(0) } },
      [BENEFICIARY]: { balance: '0x0' },
    });
    const bare = await traced(codes, prestate({ disableCode: true, disableStorage: true }), { env, request });
    expect(bare[A]).toEqual({ balance: '0x3e8' });
  });

  it('has what changed: before, and of it what is new', async () => {
    const child = bytecode(1, 0, 'return');
    const code = bytecode(7, 1, 'sstore', 8, 2, 'sstore', 0, 2, 'sstore', ...createOf('create', child, 4));
    const { pre, post } = await traced<{ pre: JsonObject; post: JsonObject }>(
      { [A]: code },
      prestate({ diffMode: true }),
      { request },
    );
    const made = Object.keys(post).filter((address) => !(address in pre));
    expect(post).toEqual({
      [FROM]: { balance: expect.any(String) as string, nonce: 1 },
      [A]: { balance: '0x3e9', nonce: 1, storage: { [word(1)]: word(7) } },
      [made[0] ?? '']: { balance: '0x4', nonce: 1, code: '0x00' },
      [BENEFICIARY]: { balance: expect.any(String) as string },
    });
    expect(pre).toEqual({
      [FROM]: { balance: expect.any(String) as string },
      [A]: { balance: '0x3e8', code: toHex(code) },
      [BENEFICIARY]: { balance: '0x0' },
    });
    expect(made).toHaveLength(1);
  });

  it('has nothing of what came and went', async () => {
    const code = bytecode(...createOf('create', bytecode(A, 'selfdestruct'), 4));
    const { pre, post } = await traced<{ pre: JsonObject; post: JsonObject }>(
      { [A]: code },
      prestate({ diffMode: true }),
    );
    expect([Object.keys(pre).sort(), Object.keys(post).sort()]).toEqual([[A, FROM].sort(), [A, FROM].sort()]);
  });
});

describe('a traced call', () => {
  const noop = traceOptions({ tracer: 'noopTracer' });

  it('may revert, and is refused as eth_call refuses', async () => {
    expect(await traced({ [A]: bytecode(0, 0, 'revert') }, traceOptions())).toMatchObject({ failed: true });
    expect(await traced({}, noop)).toEqual({});
    const refused = async (request: CallRequest): Promise<unknown> => traced({}, noop, { request });
    await expect(refused({ from: B, value: 1n })).rejects.toMatchObject({ code: 'EXECUTION_INSUFFICIENT_FUNDS' });
    await expect(refused({ gasLimit: 20_000 })).rejects.toMatchObject({ code: 'EXECUTION_INTRINSIC_GAS' });
    await expect(refused({ gasPrice: 1n })).rejects.toMatchObject({ code: 'EXECUTION_FEE' });
  });

  it('may come from a contract, and have more gas than a block', async () => {
    const trace = await traced({ [A]: bytecode('gas'), [B]: bytecode('stop') }, traceOptions(), {
      request: { from: B, gasLimit: 2 ** 52 },
    });
    expect(trace).toMatchObject({
      failed: false,
      structLogs: [{ op: 'GAS', gas: 50_000_000 - 21_000 }, { op: 'STOP' }],
    });
  });
});

async function runtimeOf(name: 'Lab'): Promise<`0x${string}`> {
  const request = { to: null, data: initCode(name), gasLimit: 5_000_000 };
  const { returnValue } = await traced<{ returnValue: `0x${string}` }>({}, traceOptions({ steps: { stepsMax: 0 } }), {
    request,
  });
  return returnValue;
}
