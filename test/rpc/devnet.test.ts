/** devnet_: faults are switched as they are asked for, and nowhere but on a devnet. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { startFixture, type Fixture } from './fixture.ts';

const PEER = '12D3KooWPrS9FW8yZeHTqb7DjiUkNsDkC6zy7Xr7tnHje1Nh6TQE';
const CALM = { cut: [], delayMs: 0, lossRatio: 0 };

let rpc: Fixture;
beforeEach(async () => {
  rpc = await startFixture();
});
afterEach(() => rpc.server.stop());

describe('devnet_setFaults', () => {
  it.each<[JsonObject, JsonObject]>([
    [{}, CALM],
    [{ cut: 'all' }, { ...CALM, cut: 'all' }],
    [{ cut: [PEER] }, { ...CALM, cut: [PEER] }],
    [{ cut: [`/ip4/127.0.0.1/tcp/9000/p2p/${PEER}`] }, { ...CALM, cut: [PEER] }],
    [
      { delayMs: 60_000, lossRatio: 1 },
      { cut: [], delayMs: 60_000, lossRatio: 1 },
    ],
    [
      { lossRatio: 0.25, cut: null },
      { ...CALM, lossRatio: 0.25 },
    ],
  ])('%j', async (faults, expected) => {
    expect(await rpc.result('devnet_setFaults', { cut: 'all', delayMs: 5, lossRatio: 0.5 })).toBeDefined();
    expect(await rpc.result('devnet_setFaults', faults)).toEqual(expected);
    expect(await rpc.result('devnet_faults')).toEqual(expected);
    expect(rpc.node.faults?.faults).toEqual(expected);
  });

  it.each<JsonValue[]>([
    [],
    [null],
    ['all'],
    [{ cut: 'some' }],
    [{ cut: ['/ip4/127.0.0.1/tcp/9000'] }],
    [{ cut: ['0'] }],
    [{ cut: Array(257).fill(PEER) as string[] }],
    [{ delayMs: 60_001 }],
    [{ delayMs: 1.5 }],
    [{ delayMs: '0x1' }],
    [{ lossRatio: 1.01 }],
    [{ lossRatio: -0.1 }],
    [{ delay: 100 }],
    [{}, {}],
  ])('refuses %j, and nothing changes', async (...params) => {
    await rpc.result('devnet_setFaults', { delayMs: 7 });
    expect((await rpc.call('devnet_setFaults', ...params)).error?.code).toBe(-32602);
    expect(await rpc.result('devnet_faults')).toEqual({ ...CALM, delayMs: 7 });
  });

  it('is not for nodes of other networks', async () => {
    rpc.node.faults = null;
    expect((await rpc.call('devnet_setFaults', { cut: 'all' })).error?.code).toBe(-32004);
    expect((await rpc.call('devnet_faults')).error?.code).toBe(-32004);
  });
});
