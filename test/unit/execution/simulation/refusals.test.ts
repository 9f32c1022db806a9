import { describe, expect, it } from 'vitest';
import { SIMULATED_CALLS_MAX } from '../../../../src/execution/simulation/limits.ts';
import { blockSequence } from '../../../../src/execution/simulation/block-sequence.ts';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import type { SimulatedBlockRequest } from '../../../../src/node/api.ts';
import { ParleyError } from '../../../../src/util/errors.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { callData, initCode } from '../contracts.ts';
import { advance, ETHER, GAS_LIMIT, GWEI, key, signed, testEnv, testGenesis, word } from '../support.ts';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import { A, B, C, results, simulated, type BlockSpec, type Options } from './support.ts';

const RICH = key(0).address;
const priced = { from: RICH, to: A, maxFeePerGas: 2n * GWEI };
const validated: Options = { isValidated: true };

const codeOf = (blocks: readonly BlockSpec[], options?: Options): Promise<string> =>
  simulated(blocks, options).then(
    () => 'done',
    (error: unknown) => (error instanceof ParleyError ? error.code : String(error)),
  );

describe('a call that could be in no block ends the simulation', () => {
  it.each<[string, BlockSpec, Options]>([
    ['SIMULATION_NONCE_LOW', { calls: [priced, { ...priced, nonce: 0 }] }, validated],
    ['SIMULATION_NONCE_HIGH', { calls: [{ ...priced, nonce: 1 }] }, validated],
    ['SIMULATION_NONCE_HIGH', { accounts: [[A, { nonce: Number.MAX_SAFE_INTEGER }]], calls: [{ from: A, to: B }] }, {}],
    ['SIMULATION_BASE_FEE', { calls: [{ from: RICH, to: A }] }, validated],
    ['SIMULATION_INTRINSIC_GAS', { calls: [{ to: A, gasLimit: 20_999 }] }, {}],
    ['SIMULATION_INTRINSIC_GAS', { calls: [{ to: A, gasLimit: 0 }] }, {}],
    ['SIMULATION_FUNDS', { calls: [{ from: A, to: B, value: 1n }] }, {}],
    ['SIMULATION_FUNDS', { calls: [{ from: A, to: B, gasPrice: 1n }] }, {}],
    ['SIMULATION_BLOCK_GAS', { calls: [{ to: A, gasLimit: GAS_LIMIT + 1 }] }, {}],
    ['SIMULATION_BLOCK_GAS', { block: { gasLimit: 40_000 }, calls: [{ to: A }, { to: A }] }, {}],
    ['SIMULATION_INIT_CODE', { calls: [{ data: new Uint8Array(49_153) }] }, {}],
    ['TX_MALFORMED', { calls: [{ to: A, type: 0, accessList: [{ address: B, storageKeys: [] }] }] }, {}],
    ['SIMULATION_BENEFICIARY', { block: { beneficiary: STAKING_ADDRESS } }, {}],
  ])('%s', async (code, block, options) => {
    expect(await codeOf([block], options)).toBe(code);
  });

  it('and is named', async () => {
    const calls = [{ to: A }, { from: A, to: B, value: 1n }];
    const refused = simulated([{}, { calls }]);
    await expect(refused).rejects.toMatchObject({ code: 'SIMULATION_FUNDS', data: { block: 2, call: 1 } });
  });
});

describe('numbers and times', () => {
  const base = { number: 10, timeMs: 5_400 };
  const sequence = (...blocks: SimulatedBlockRequest['block'][]): unknown =>
    blockSequence(
      base,
      blocks.map((block) => ({ block, accounts: new Map(), calls: [] })),
    ).map(({ number, timeMs, request }) => [number, timeMs, request !== null]);

  it('go on from the base, a second each, and gaps are filled', () => {
    expect(sequence({}, { number: 14 }, { timeMs: 60_000 }, {})).toEqual([
      [11, 6_400, true],
      [12, 7_400, false],
      [13, 8_400, false],
      [14, 9_400, true],
      [15, 60_000, true],
      [16, 61_000, true],
    ]);
  });

  it('may share a second: milliseconds do not fall', () => {
    expect(sequence({ timeMs: 5_000 }, { timeMs: 5_000 }, { timeMs: 6_000 })).toEqual([
      [11, 5_400, true],
      [12, 5_400, true],
      [13, 6_000, true],
    ]);
  });

  it.each<[string, readonly SimulatedBlockRequest['block'][]]>([
    ['SIMULATION_BLOCK_NUMBER', [{ number: 10 }]],
    ['SIMULATION_BLOCK_NUMBER', [{ number: 12 }, { number: 12 }]],
    ['SIMULATION_BLOCK_NUMBER', [{ number: 12 }, {}, { number: 13 }]],
    ['SIMULATION_BLOCK_TIME', [{ timeMs: 4_000 }]],
    ['SIMULATION_BLOCK_TIME', [{ number: 14, timeMs: 7_000 }]],
    ['SIMULATION_LIMIT', [{ number: 267 }]],
    ['SIMULATION_LIMIT', [{ number: 266 }, {}]],
    ['SIMULATION_LIMIT', [{ number: Number.MAX_SAFE_INTEGER }]],
  ])('%s: %o', (code, blocks) => {
    expect(() => sequence(...blocks)).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('256 blocks fit', () => {
    expect(sequence({ number: 266 })).toHaveLength(256);
  });
});

describe('one request may', () => {
  it(`have ${SIMULATED_CALLS_MAX} calls`, async () => {
    const calls = Array.from({ length: SIMULATED_CALLS_MAX }, () => ({ to: A }));
    expect(await results([{ calls }])).toHaveLength(SIMULATED_CALLS_MAX);
    expect(await codeOf([{ calls }, { calls: [{ to: A }] }])).toBe('SIMULATION_LIMIT');
  });

  it('use 50 million gas: a call gets what is left of it', async () => {
    const accounts = [[B, { code: fromHex('0xfe') }]] as const;
    const burn = { block: { gasLimit: 40_000_000 }, calls: [{ to: B }] };
    const [first, second] = await results([{ accounts, ...burn }, burn]);
    expect([first?.gasUsed, second?.gasUsed]).toEqual([40_000_000, 10_000_000]);
    expect(await codeOf([{ accounts, ...burn }, burn, { calls: [{ to: A }] }])).toBe('SIMULATION_LIMIT');
  });

  it('override so many accounts and words, in all its blocks', async () => {
    const state = new Map(Array.from({ length: 3_000 }, (_, i) => [word(i), word(1)] as const));
    const block = { accounts: [[A, { state }]] } as const;
    expect(await codeOf([block])).toBe('done');
    expect(await codeOf([block, block])).toBe('SIMULATION_LIMIT');
  });

  it('return so many bytes, logs among them', async () => {
    // Returns 100 kB; logs 100 kB.
    const accounts = [
      [B, { code: fromHex('0x620186a06000f3') }],
      [C, { code: fromHex('0x620186a06000a000') }],
    ] as const;
    for (const to of [B, C]) {
      expect(await codeOf([{ accounts, calls: [{ to }] }], { outputSizeBytesMax: 120_000 })).toBe('done');
      expect(await codeOf([{ accounts, calls: [{ to }, { to }] }], { outputSizeBytesMax: 120_000 })).toBe(
        'SIMULATION_LIMIT',
      );
    }
  });

  it('take its time, and lets others run meanwhile', async () => {
    const genesis = testGenesis();
    const deploy = signed(key(0), { to: null, data: initCode('Lab'), gasLimit: 3_000_000 });
    const { after: base } = await advance(testEnv(), genesis, { transactions: [deploy] });
    let pauses = 0;
    const late = (): Promise<void> =>
      ++pauses > 20 ? Promise.reject(new ParleyError('EXECUTION_TIMEOUT', 'late')) : Promise.resolve();
    const options = { base, env: testEnv({ pause: late }) };
    const loop = { to: creationAddress(key(0).address, 0), data: callData('Lab', 'loop', [10n ** 12n]) };
    expect(await codeOf([{ calls: [loop] }], options)).toBe('SIMULATION_TIMEOUT');
    pauses = 0;
    expect(await codeOf([{ calls: [loop] }], { ...options, tracesTransfers: true })).toBe('SIMULATION_TIMEOUT');
    pauses = 0;
    const transfers = Array.from({ length: 900 }, () => ({ from: RICH, to: A, value: ETHER / 1000n }));
    expect(await codeOf([{ calls: transfers }], options)).toBe('SIMULATION_TIMEOUT');
    pauses = 0;
    expect(await codeOf([{ block: { number: 257 } }], options)).toBe('SIMULATION_TIMEOUT');
  });
});
