import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/types/primitives.ts';
import { ALICE, BOB } from './fake-node.ts';
import { startFixture, type Fixture } from './fixture.ts';

let rpc: Fixture;
let hash: string;
beforeEach(async () => {
  rpc = await startFixture();
  hash = await rpc.text('eth_sendTransaction', { from: ALICE, to: BOB, value: '0x1' });
  rpc.node.mine();
});
afterEach(() => rpc.server.stop());

const asked = () => rpc.node.trace.asked.at(-1);
const EMPTY = { gas: 21_000, failed: false, returnValue: '0x', structLogs: [] };

describe('debug_trace', () => {
  it('answers for a transaction, and for each of a block', async () => {
    expect(await rpc.result('debug_traceTransaction', hash)).toEqual(EMPTY);
    const block = [{ txHash: hash, result: EMPTY }];
    expect(await rpc.result('debug_traceBlockByNumber', '0x1')).toEqual(block);
    expect(await rpc.result('debug_traceBlockByNumber', 'latest', null)).toEqual(block);
    expect(await rpc.result('debug_traceBlockByHash', rpc.node.chain.head().hash, {})).toEqual(block);
    expect(await rpc.result('debug_traceCall', { to: BOB })).toEqual(EMPTY);
    expect(await rpc.result('debug_traceTransaction', hash, { tracer: 'noopTracer' })).toEqual({});
  });

  it('asks for what the options say', async () => {
    await rpc.result('debug_traceTransaction', hash);
    const config = { onlyTopCall: false, withLog: false, diffMode: false, disableCode: false, disableStorage: false };
    const usual = {
      tracer: null,
      timeoutMs: null,
      sizeBytesMax: 25 * 2 ** 20,
      config,
      steps: { hasStack: true, hasMemory: false, hasStorage: true, hasReturnData: false, stepsMax: Infinity },
    };
    expect(asked()?.options).toEqual(usual);
    await rpc.result('debug_traceTransaction', hash, { tracer: '', limit: 0, timeout: null, debug: true, reexec: 128 });
    expect(asked()?.options).toEqual(usual);
    const steps = { enableMemory: true, disableStack: true, disableStorage: true, enableReturnData: true, limit: 7 };
    await rpc.result('debug_traceTransaction', hash, { ...steps, timeout: '1m30.5s' });
    expect(asked()?.options).toEqual({
      ...usual,
      timeoutMs: 90_500,
      steps: { hasStack: false, hasMemory: true, hasStorage: false, hasReturnData: true, stepsMax: 7 },
    });
    await rpc.result('debug_traceTransaction', hash, {
      tracer: 'callTracer',
      tracerConfig: { withLog: true, other: 1 },
    });
    expect(asked()?.options).toEqual({ ...usual, tracer: 'callTracer', config: { ...config, withLog: true } });
  });

  it.each([
    ['300ms', 300],
    ['.5s', 500],
    ['1h', 3_600_000],
    ['2m1us', 120_000.001],
    ['5µs', 0.005],
  ])('reads the duration %s', async (timeout, ms) => {
    await rpc.result('debug_traceTransaction', hash, { timeout });
    expect(asked()?.options.timeoutMs).toBeCloseTo(ms, 6);
  });

  it('of a call finds what was asked for in place of what there is', async () => {
    const stateOverrides = { [BOB]: { balance: '0x5', code: '0x00' } };
    const options = { tracer: 'prestateTracer', stateOverrides, blockOverrides: { number: '0x9' } };
    await rpc.result('debug_traceCall', { from: ALICE, to: BOB, value: '0x2' }, 'latest', options);
    expect(asked()).toMatchObject({
      call: { from: ALICE, to: BOB, value: 2n },
      options: { tracer: 'prestateTracer' },
      overrides: { accounts: new Map([[BOB, { balance: 5n, code: Buffer.from([0]) }]]), block: { number: 9 } },
    });
  });

  it.each<[string, JsonValue, string]>([
    ['a tracer that nobody knows', { tracer: 'opcountTracer' }, 'must be callTracer, flatCallTracer, prestateTracer'],
    ['JavaScript', { tracer: '{step: function() {}}' }, 'JavaScript is not run here'],
    ['a tracer that is no text', { tracer: 5 }, '`tracer` must be'],
    ['a timeout that is none', { timeout: 'soon' }, '`timeout` must be a duration such as 5s'],
    ['a number as timeout', { timeout: 5 }, '`timeout` must be a duration'],
    ['a negative limit', { limit: -1 }, '`limit` must be a whole number'],
    ['a flag that is none', { tracerConfig: { withLog: 'yes' } }, '`withLog` must be true or false'],
    ['options that are none', 'callTracer', '`trace options` must be an object'],
  ])('refuses %s', async (_, options, words) => {
    const { error } = await rpc.call('debug_traceTransaction', hash, options);
    expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(words) as string });
  });

  it('refuses what is not there', async () => {
    const unknown = `0x${'12'.repeat(32)}`;
    expect((await rpc.call('debug_traceTransaction', unknown)).error).toMatchObject({ code: -32001 });
    expect((await rpc.call('debug_traceBlockByHash', unknown)).error).toMatchObject({ code: -32001 });
    expect((await rpc.call('debug_traceBlockByNumber', '0x99')).error).toMatchObject({ code: -32001 });
    const waiting = await rpc.text('eth_sendTransaction', { from: ALICE, to: BOB, value: '0x1' });
    expect((await rpc.call('debug_traceTransaction', waiting)).error).toMatchObject({
      code: -32001,
      message: expect.stringContaining('is in no block yet') as string,
    });
    expect((await rpc.call('debug_traceBlockByNumber', 'earliest')).error).toMatchObject({
      code: -32000,
      message: 'genesis is not traceable',
    });
    expect((await rpc.call('debug_traceCall', { to: BOB }, 'latest', { txIndex: '0x1' })).error).toMatchObject({
      code: -32602,
    });
  });
});
