import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyTransaction, credit } from '../../../src/execution/apply-transaction.ts';
import { contextOf } from '../../../src/execution/call.ts';
import { Evm, type EvmOutcome } from '../../../src/execution/evm.ts';
import type { EvmFrame, EvmFrameEnd, EvmObserver, EvmStep } from '../../../src/execution/evm-observer.ts';
import type { ExecutionEnv } from '../../../src/execution/rules.ts';
import type { SystemContract } from '../../../src/execution/system-contracts.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import type { Address, Bytes, Hex } from '../../../src/types/primitives.ts';
import type { Log } from '../../../src/types/receipt.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';
import { bytecode, callOf, createOf, type Part } from './bytecode.ts';
import {
  advance,
  BENEFICIARY,
  CHAIN_ID,
  ETHER,
  GAS_LIMIT,
  GWEI,
  key,
  signed,
  testEnv,
  testGenesis,
  word,
} from './support.ts';
import { Traffic } from './traffic.ts';

const A: Address = `0x${'a1'.repeat(20)}`;
const B: Address = `0x${'b2'.repeat(20)}`;
const IDENTITY: Address = `0x${'0'.repeat(38)}04`;
const TALLY: Address = `0x${'0'.repeat(36)}1010`;
const CALLER = key(0).address;
const HUGE = 2n ** 255n;

type Told =
  | (Omit<EvmFrame, 'input'> & { readonly input: Hex })
  | (Omit<EvmFrameEnd, 'output'> & { readonly output: Hex })
  | { readonly log: Log }
  | { readonly destroyed: Address; readonly heir: Address; readonly balance: bigint };

/** Keeps all it is told, steps apart. */
class Witness implements EvmObserver {
  readonly told: Told[] = [];
  readonly steps: EvmStep[] = [];

  enter(frame: EvmFrame): void {
    this.told.push({ ...frame, input: toHex(frame.input) });
  }

  exit(end: EvmFrameEnd): void {
    this.told.push({ ...end, output: toHex(end.output) });
  }

  log(log: Log): void {
    this.told.push({ log });
  }

  destroy(destroyed: Address, heir: Address, balance: bigint): void {
    this.told.push({ destroyed, heir, balance });
  }

  step(step: EvmStep): void {
    this.steps.push(step);
  }

  get frames(): readonly Told[] {
    return this.told.filter((event) => 'kind' in event);
  }

  get errors(): readonly (string | null)[] {
    return this.told.flatMap((event) => ('error' in event ? [event.error] : []));
  }
}

type Codes = { readonly [address: Address]: Bytes };
type Run = { readonly env?: ExecutionEnv; readonly gasLimit?: number; readonly value?: bigint; readonly data?: Bytes };

async function run(codes: Codes, observer: EvmObserver | undefined, how: Run = {}): Promise<EvmOutcome> {
  const { env = testEnv(), gasLimit = 1_000_000, value = 0n, data = new Uint8Array(0) } = how;
  const overlay = new StateOverlay(testGenesis().state);
  for (const [address, code] of Object.entries(codes) as [Address, Bytes][]) {
    overlay.setCode(address, code);
    credit(overlay, address, 1000n);
  }
  const fields = { number: 1, timeMs: 0, beneficiary: BENEFICIARY, gasLimit: GAS_LIMIT, baseFeePerGas: GWEI };
  const evm = new Evm(env, { ...fields, parentHash: word(1) }, overlay);
  return evm.run({ caller: CALLER, to: A, value, data, gasLimit, gasPrice: GWEI, accessList: [], observer });
}

async function watched(codes: Codes, how: Run = {}): Promise<Witness & { readonly outcome: EvmOutcome }> {
  const witness = new Witness();
  const outcome = await run(codes, witness, how);
  return Object.assign(witness, { outcome });
}

describe('an observer', () => {
  it('is told of each kind of call, who calls whose code, with what', async () => {
    const code = bytecode(
      0xabcdn,
      0,
      'mstore',
      ...callOf('call', B, { value: 3, inputSize: 32 }),
      ...callOf('callcode', B, { value: 2 }),
      ...callOf('delegatecall', B),
      ...callOf('staticcall', B, { gas: 5000 }),
    );
    const { frames, errors } = await watched({ [A]: code, [B]: bytecode('stop') }, { value: 9n });
    const nothing = { from: A, to: B, input: '0x' };
    expect(frames).toEqual([
      { kind: 'CALL', from: CALLER, to: A, value: 9n, input: '0x', gasLimit: 1_000_000 },
      { ...nothing, kind: 'CALL', value: 3n, input: word(0xabcd), gasLimit: 102_300 },
      { ...nothing, kind: 'CALLCODE', value: 2n, gasLimit: 102_300 },
      { ...nothing, kind: 'DELEGATECALL', value: 9n, gasLimit: 100_000 },
      { ...nothing, kind: 'STATICCALL', value: 0n, gasLimit: 5_000 },
    ]);
    expect(errors).toEqual([null, null, null, null, null]);
  });

  it('is told where creations put their contracts, failed ones too', async () => {
    const [good, bad] = [bytecode(1, 0, 'return'), bytecode(0, 0, 'revert')];
    const code = bytecode(...createOf('create', good, 4), ...createOf('create2', good), ...createOf('create', bad));
    const { told, frames } = await watched({ [A]: code });
    expect(frames.slice(1)).toMatchObject([
      { kind: 'CREATE', from: A, to: null, value: 4n, input: toHex(good) },
      { kind: 'CREATE2', from: A, to: null, value: 0n, input: toHex(good) },
      { kind: 'CREATE', from: A, to: null, value: 0n, input: toHex(bad) },
    ]);
    const ends = told.filter((event) => 'created' in event);
    expect(ends.map(({ error, output }) => [error, output])).toEqual([
      [null, '0x00'],
      [null, '0x00'],
      ['revert', '0x'],
      [null, '0x'],
    ]);
    expect(new Set(ends.slice(0, 3).map(({ created }) => created)).size).toBe(3);
    expect(ends.at(-1)?.created).toBeNull();
  });

  it('is told of code that delegates as of the account it works on', async () => {
    const library = bytecode(...callOf('call', IDENTITY), 1, 0, 0, 'log1', 'pop');
    const { told } = await watched({ [A]: bytecode(...callOf('delegatecall', B)), [B]: library });
    expect(told.filter((event) => 'kind' in event).map(({ kind, from, to }) => [kind, from, to])).toEqual([
      ['CALL', CALLER, A],
      ['DELEGATECALL', A, B],
      ['CALL', A, IDENTITY],
    ]);
    expect(told).toContainEqual({ log: { address: A, topics: [word(1)], data: '0x' } });
  });

  it('is told of what fails, and of what was done before it did', async () => {
    const inner = bytecode(5, 32, 0, 'log1', 0x77, 0, 'mstore', 32, 0, 'revert');
    const outer = bytecode(...callOf('call', B), 'invalid');
    const { told, outcome } = await watched({ [A]: outer, [B]: inner });
    expect(told.slice(2)).toEqual([
      { log: { address: B, topics: [word(5)], data: word(0) } },
      { error: 'revert', output: word(0x77), gasUsed: 1_033, created: null },
      { error: 'invalid opcode: INVALID', output: '0x', gasUsed: 1_000_000, created: null },
    ]);
    expect(outcome).toMatchObject({ status: 'failed', logs: [] });
  });

  it('is told of precompiles, native contracts and what they log and pay', async () => {
    const till: SystemContract = {
      call({ address, caller, value, state }) {
        credit(state, address, -value);
        credit(state, caller, value);
        return {
          status: 'success',
          output: Uint8Array.of(1),
          gasUsed: 50,
          logs: [{ address, topics: [], data: '0x' }],
        };
      },
    };
    const env = testEnv({ systemContracts: new Map([[TALLY, till]]) });
    const code = bytecode(...callOf('call', TALLY, { value: 6 }), ...callOf('staticcall', IDENTITY));
    const { told } = await watched({ [A]: code }, { env });
    expect(told.slice(1, -1)).toEqual([
      { kind: 'CALL', from: A, to: TALLY, value: 6n, input: '0x', gasLimit: 102_300 },
      { kind: 'CALL', from: TALLY, to: A, value: 6n, input: '0x', gasLimit: 0 },
      { error: null, output: '0x', gasUsed: 0, created: null },
      { log: { address: TALLY, topics: [], data: '0x' } },
      { error: null, output: '0x01', gasUsed: 50, created: null },
      { kind: 'STATICCALL', from: A, to: IDENTITY, value: 0n, input: '0x', gasLimit: 100_000 },
      { error: null, output: '0x', gasUsed: 15, created: null },
    ]);
  });

  it('is told of destruction with what it moves', async () => {
    const { told } = await watched({ [A]: bytecode(B, 'selfdestruct') }, { value: 5n });
    expect(told[1]).toEqual({ destroyed: A, heir: B, balance: 1005n });
  });

  it('is not told of logs and destruction that static calls refuse', async () => {
    const codes = { [A]: bytecode(...callOf('staticcall', B)), [B]: bytecode(5, 0, 0, 'log1') };
    expect((await watched(codes)).told.map(Object.keys).flat()).not.toContain('log');
    const killing = { ...codes, [B]: bytecode(A, 'selfdestruct') };
    expect((await watched(killing)).told.map(Object.keys).flat()).not.toContain('destroyed');
  });

  it('is told of calls for which there is too little money, with the gas they had', async () => {
    const code = bytecode(
      0xee,
      0,
      'mstore',
      ...callOf('call', B, { value: 1001, inputSize: 32 }),
      ...createOf('create', bytecode('stop'), 1002),
    );
    const { told, outcome } = await watched({ [A]: code });
    const end = { error: 'insufficient balance', output: '0x', gasUsed: 0, created: null };
    expect(told.slice(1, -1)).toEqual([
      { kind: 'CALL', from: A, to: B, value: 1001n, input: word(0xee), gasLimit: 102_300 },
      end,
      { kind: 'CREATE', from: A, to: null, value: 1002n, input: '0x00', gasLimit: expect.any(Number) as number },
      end,
    ]);
    expect(outcome.status).toBe('success');
  });

  it('is told of the call that is too deep', async () => {
    const again = bytecode(0, 0, 0, 0, 0, A, 'gas', 'call');
    const { frames, errors } = await watched({ [A]: again }, { gasLimit: 2 ** 52 });
    expect(frames).toHaveLength(1026);
    expect(errors.filter((error) => error !== null)).toEqual(['call depth exceeded']);
  });
});

describe('steps', () => {
  it('have what is there before the opcode, and the stop at the end of code', async () => {
    const { steps } = await watched({ [A]: bytecode(1, 2, 'sstore') });
    expect(steps.map(({ pc, opcode, gasLeft, gasCost, stack }) => [pc, opcode, gasLeft, gasCost, stack])).toEqual([
      [0, 'PUSH1', 1_000_000, 3, []],
      [2, 'PUSH1', 999_997, 3, [1n]],
      [4, 'SSTORE', 999_994, 22_100, [1n, 2n]],
      [5, 'STOP', 977_894, 0, []],
    ]);
    expect(steps.every(({ depth, address }) => depth === 1 && address === A)).toBe(true);
  });

  it('show all memory that is paid for', async () => {
    const { steps } = await watched({ [A]: bytecode(0x11, 0, 'mstore', 0x4000, 0x4000, 0, 0, 0, IDENTITY, 0, 'call') });
    expect(steps.map(({ memory }) => memory.length).slice(2, 4)).toEqual([0, 32]);
    expect(steps.at(-1)?.memory.length).toBe(0x8000);
  });

  it('name bytes that are no opcodes, in code and in init code', async () => {
    const broken = bytecode(1, { hex: '0c' });
    expect((await watched({ [A]: broken })).steps.at(-1)?.opcode).toBe('opcode 0xc not defined');
    expect((await watched({ [A]: bytecode('invalid') })).steps.at(-1)?.opcode).toBe('INVALID');
    // After a jump the library looks opcodes up elsewhere.
    const jumping = bytecode(3, 'jump', 'jumpdest', { hex: 'ef' });
    const { steps, errors } = await watched({ [A]: bytecode(...createOf('create', jumping), 0) });
    expect(steps.map(({ opcode }) => opcode)).toContain('opcode 0xef not defined');
    expect(errors).toEqual(['invalid opcode: opcode 0xef not defined', null]);
  });

  it('count refunds over all frames', async () => {
    const clearing = bytecode(1, 0, 'sstore', 0, 0, 'sstore');
    const { steps } = await watched({ [A]: bytecode(...callOf('call', B), 'pop'), [B]: clearing });
    expect(steps.at(-1)).toMatchObject({ opcode: 'STOP', depth: 1, gasRefund: 19_900 });
  });
});

describe('being watched', () => {
  const outcomes = async (codes: Codes, how: Run = {}): Promise<readonly EvmOutcome[]> => [
    await run(codes, undefined, how),
    (await watched(codes, how)).outcome,
  ];

  it('changes no result of blocks', { timeout: 60_000 }, async () => {
    for (const seed of [3, 4]) {
      const traffic = new Traffic(seed);
      let parent = testGenesis();
      for (let number = 1; number <= 3; number++) {
        const transactions = number === 1 ? traffic.deployments() : traffic.next(40);
        const { executed, after } = await advance(testEnv(), parent, { transactions });
        const overlay = new StateOverlay(parent.state);
        const block = contextOf(after.header);
        const context = { chainId: CHAIN_ID, block, overlay, evm: new Evm(testEnv(), block, overlay) };
        for (const [index, tx] of transactions.entries()) {
          const applied = await applyTransaction(context, tx, GAS_LIMIT, new Witness());
          expect(executed.receipts[index]).toMatchObject({
            status: applied.status,
            gasUsed: applied.gasUsed,
            logs: applied.logs,
          });
        }
        expect(parent.state.child(overlay.diff()).root).toBe(executed.state.root);
        parent = after;
      }
    }
  });

  it('changes no result of whatever bytes are run', { timeout: 120_000 }, async () => {
    const anyOpcode = fc.integer({ min: 0, max: 255 }).map((byte) => ({ hex: byte.toString(16).padStart(2, '0') }));
    const common = fc.constantFrom<readonly Part[]>(
      callOf('call', B, { value: 1 }),
      callOf('delegatecall', B),
      callOf('staticcall', A, { gas: 20_000 }),
      createOf('create', bytecode(B, 'selfdestruct')),
      [1, 0, 0, 'log1'],
      [1, HUGE, 0, 'log1'],
      [HUGE, 0, 'revert'],
      [1, HUGE, 'revert'],
      [2 ** 31, 0, 'revert'],
      [HUGE, HUGE, 'return'],
    );
    const part = fc.oneof(
      { weight: 3, arbitrary: anyOpcode.map((opcode) => [opcode]) },
      { weight: 2, arbitrary: fc.integer({ min: 0, max: 70_000 }).map((pushed) => [pushed]) },
      { weight: 2, arbitrary: common },
    );
    const code = fc.array(part, { maxLength: 40 }).map((parts) => bytecode(...parts.flat()));
    await fc.assert(
      fc.asyncProperty(code, code, fc.integer({ min: 0, max: 300_000 }), async (first, second, gasLimit) => {
        const [alone, seen] = await outcomes({ [A]: first, [B]: second }, { gasLimit });
        expect(seen).toEqual(alone);
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['REVERT of more memory than there is', bytecode(HUGE, 0, 'revert'), 'out of gas'],
    ['REVERT of gigabytes', bytecode(2 ** 32, 0, 'revert'), 'out of gas'],
    ['REVERT from far away', bytecode(1, HUGE, 'revert'), 'out of gas'],
    ['REVERT without operands', bytecode('revert'), 'stack underflow'],
    ['a log of more than there is', bytecode(1, HUGE, 0, 'log1'), 'out of gas'],
    ['a log of gigabytes', bytecode(1, 2 ** 32, 0, 'log1'), 'out of gas'],
    ['a log from far away', bytecode(1, 1, HUGE, 'log1'), 'out of gas'],
    ['a call with gigabytes', bytecode(0, 0, 2 ** 32, 0, 0, B, 0, 'call'), 'out of gas'],
  ])('survives %s', async (_, code, reason) => {
    const bytesBefore = process.memoryUsage().arrayBuffers;
    const [alone, seen] = await outcomes({ [A]: code });
    expect(seen).toEqual(alone);
    expect(seen).toMatchObject({ reason, gasUsed: 1_000_000 });
    expect((await watched({ [A]: code })).steps.at(-1)?.gasCost).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
    expect(process.memoryUsage().arrayBuffers - bytesBefore).toBeLessThan(64 * 2 ** 20);
  });

  it(
    'lets other work run while memory is large, and ends when there is no more time',
    { timeout: 60_000 },
    async () => {
      // MSTORE at 3 MB, then a loop.
      const loop = bytecode(1, 3_000_000, 'mstore', 'jumpdest', 7, 'jump');
      let [turns, steps, most] = [0, 0, 0];
      const pause = (): Promise<void> => {
        most = Math.max(most, steps);
        steps = 0;
        if (++turns > 100) return Promise.reject(new ParleyError('EXECUTION_TIMEOUT', 'enough'));
        return new Promise((resolve) => setImmediate(resolve));
      };
      const counter: EvmObserver = { enter() {}, exit() {}, log() {}, destroy() {}, step: () => void steps++ };
      const how = { env: testEnv({ pause }), gasLimit: GAS_LIMIT };
      await expect(run({ [A]: loop }, counter, how)).rejects.toMatchObject({ code: 'EXECUTION_TIMEOUT' });
      // A step with so much memory is worth a pause.
      expect(most).toBeLessThanOrEqual(5);
      expect(steps).toBeLessThanOrEqual(1);
    },
  );

  it('breaks off when the observer throws', async () => {
    const codes = { [A]: bytecode(...callOf('call', B)), [B]: bytecode(5, 0, 0, 'log1') };
    for (const method of ['enter', 'exit', 'log', 'step'] as const) {
      const witness = new Witness();
      witness[method] = () => {
        throw new ParleyError('EXECUTION_TRACE_LIMIT', 'enough');
      };
      await expect(run(codes, witness)).rejects.toMatchObject({ code: 'EXECUTION_TRACE_LIMIT' });
    }
  });

  it('of a plain transfer is one frame', async () => {
    const witness = new Witness();
    const overlay = new StateOverlay(testGenesis().state);
    const block = contextOf(testGenesis().header);
    const context = { chainId: CHAIN_ID, block, overlay, evm: new Evm(testEnv(), block, overlay) };
    const tx = signed(key(0), { to: key(3).address, value: ETHER, gasLimit: 25_000 });
    await applyTransaction(context, tx, GAS_LIMIT, witness);
    expect(witness.told).toEqual([
      { kind: 'CALL', from: CALLER, to: key(3).address, value: ETHER, input: '0x', gasLimit: 4_000 },
      { error: null, output: '0x', gasUsed: 0, created: null },
    ]);
  });
});
