import { beforeAll, describe, expect, it } from 'vitest';
import { creationAddress } from '../../../src/execution/apply-transaction.ts';
import { createAccessList, estimateGas, simulate, type CallState } from '../../../src/execution/call.ts';
import { overridden } from '../../../src/execution/overrides.ts';
import type { AccountOverride, Overrides } from '../../../src/node/api.ts';
import { keccak256 } from '../../../src/crypto/keccak.ts';
import type { Address, Bytes, Hash, Hex } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { callData, initCode } from './contracts.ts';
import { advance, ETHER, GWEI, key, signed, testEnv, testGenesis } from './support.ts';

const POOR: Address = `0x${'77'.repeat(20)}`;
const BARE: Address = `0x${'78'.repeat(20)}`;
const token = creationAddress(key(0).address, 0);
const env = testEnv();
let at: CallState;

beforeAll(async () => {
  const deploy = signed(key(0), { to: null, data: initCode('Token', [1000n]), gasLimit: 3_000_000 });
  ({ after: at } = await advance(env, testGenesis(), { transactions: [deploy] }));
});

const word = (value: number | bigint): Hash => `0x${value.toString(16).padStart(64, '0')}`;
/** Code that returns what one opcode, or a few, leave on the stack. */
const returning = (opcodes: Hex): Bytes => fromHex(`${opcodes}60005260206000f3`);
const accounts = (...entries: (readonly [Address, AccountOverride])[]): Overrides => ({ accounts: new Map(entries) });

async function output(overrides: Overrides, to: Address, data = new Uint8Array(0)): Promise<bigint> {
  const result = await simulate(env, overridden(at, overrides), { to, data });
  expect(result.status).toBe('success');
  return BigInt(toHex(result.output));
}

describe('state overrides', () => {
  it('give a balance that pays, and take one away', async () => {
    const call = { from: POOR, to: BARE, value: ETHER };
    await expect(simulate(env, at, call)).rejects.toMatchObject({ code: 'EXECUTION_INSUFFICIENT_FUNDS' });
    const rich = overridden(at, accounts([POOR, { balance: ETHER }]));
    expect(await simulate(env, rich, call)).toMatchObject({ status: 'success' });
    expect(await estimateGas(env, rich, call)).toBe(21_000);
    const broke = overridden(at, accounts([key(0).address, { balance: 0n }]));
    await expect(simulate(env, broke, { ...call, from: key(0).address })).rejects.toMatchObject({
      code: 'EXECUTION_INSUFFICIENT_FUNDS',
    });
  });

  it('put code where there is none', async () => {
    const code = returning('0x602a');
    expect(await output(accounts([BARE, { code }]), BARE)).toBe(42n);
    expect(await output(accounts([BARE, { code: returning('0x303f') }]), BARE)).toBe(
      BigInt(keccak256(returning('0x303f'))),
    );
  });

  it('replace all of storage, or words of it', async () => {
    // Reads slots 1 and 2 and returns their sum.
    const code = returning('0x60015460025401');
    const both = new Map([
      [word(1), word(10)],
      [word(2), word(5)],
    ]);
    const beneath = overridden(at, accounts([BARE, { code, state: both }]));
    const sum = async (override: AccountOverride): Promise<bigint> => {
      const { output: found } = await simulate(env, overridden(beneath, accounts([BARE, override])), { to: BARE });
      return BigInt(toHex(found));
    };
    expect(await sum({})).toBe(15n);
    expect(await sum({ stateDiff: new Map([[word(2), word(7)]]) })).toBe(17n);
    expect(await sum({ state: new Map([[word(2), word(7)]]) })).toBe(7n);
    expect(await sum({ state: new Map() })).toBe(0n);
  });

  it('set the nonce that an address of a new contract comes from', async () => {
    const code = fromHex('0x600060006000f060005260206000f3');
    const created = await output(accounts([BARE, { code, nonce: 5 }]), BARE);
    expect(created).toBe(BigInt(creationAddress(BARE, 5)));
  });

  it('leave the state beneath as it is', async () => {
    const before = at.state.account(POOR);
    await output(accounts([POOR, { balance: 5n, code: returning('0x47') }]), POOR);
    expect(at.state.account(POOR)).toEqual(before);
  });
});

describe('block overrides', () => {
  const beneficiary: Address = `0x${'99'.repeat(20)}`;
  const block = { number: 1_000_000, timeMs: 5_000_999, gasLimit: 77_000_000, baseFeePerGas: 0n, beneficiary };
  it.each<[string, Hex, bigint]>([
    ['NUMBER', '0x43', 1_000_000n],
    ['TIMESTAMP', '0x42', 5000n],
    ['GASLIMIT', '0x45', 77_000_000n],
    ['BASEFEE', '0x48', 0n],
    ['COINBASE', '0x41', BigInt(beneficiary)],
    ['BLOCKHASH of a block that never was', '0x6201000040', 0n],
  ])('are seen by %s', async (_, opcodes, value) => {
    expect(await output({ ...accounts([BARE, { code: returning(opcodes) }]), block }, BARE)).toBe(value);
  });
});

describe('access lists', () => {
  it('name the storage that a call touches, and the gas with it listed', async () => {
    const call = { from: key(0).address, to: token, data: callData('Token', 'transfer', [POOR, 10n]) };
    const { accessList, gasUsed, error } = await createAccessList(env, at, call);
    expect(error).toBeNull();
    expect(accessList.map(({ address }) => address)).toEqual([token]);
    expect(accessList[0]?.storageKeys).toHaveLength(2);
    const listed = await simulate(env, at, { ...call, accessList });
    expect(listed.gasUsed).toBe(gasUsed);
    const again = await createAccessList(env, at, { ...call, accessList });
    expect(again).toEqual({ accessList, gasUsed, error: null });
  });

  it('name accounts that are looked at, but no precompile, caller or callee', async () => {
    // BALANCE of POOR, of the caller and of precompile 4.
    const code = fromHex(`0x73${POOR.slice(2)}31503331506004315000`);
    const here = overridden(at, accounts([BARE, { code }]));
    const { accessList } = await createAccessList(env, here, { from: key(1).address, to: BARE });
    expect(accessList).toEqual([{ address: POOR, storageKeys: [] }]);
  });

  it('keep what was listed, name what a revert touched, and say so', async () => {
    // SLOAD 3, then revert.
    const here = overridden(at, accounts([BARE, { code: fromHex('0x60035460006000fd') }]));
    const given = [{ address: POOR, storageKeys: [word(9)] }];
    const { accessList, error } = await createAccessList(env, here, { to: BARE, accessList: given });
    expect(error).toBe('execution reverted');
    expect(accessList).toEqual([...given, { address: BARE, storageKeys: [word(3)] }]);
  });

  it('are empty for a transfer', async () => {
    const { accessList, gasUsed } = await createAccessList(env, at, { from: key(0).address, to: POOR, value: GWEI });
    expect([accessList, gasUsed]).toEqual([[], 21_000]);
  });
});
