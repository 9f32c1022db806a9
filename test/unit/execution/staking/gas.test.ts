import { encodeFunctionData } from 'viem';
import { describe, expect, it, vi } from 'vitest';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import { STAKING_ADDRESS } from '../../../../src/execution/rules.ts';
import { StakingContract } from '../../../../src/execution/staking/contract.ts';
import type { SystemCall, SystemContract } from '../../../../src/execution/system-contracts.ts';
import { fromHex } from '../../../../src/util/hex.ts';
import { advance, CHAIN_ID, deployer, ETHER, key, NO_BYTES, signed, testEnv, testGenesis } from '../support.ts';
import { ANY_ABI, Desk, RULES } from './desk.ts';

const [alice, user] = [key(0), key(9)];

function inputOf(functionName: string, args: readonly unknown[]) {
  return encodeFunctionData({ abi: ANY_ABI, functionName, args });
}

describe('the staking contract without enough gas', () => {
  it('stops where the gas ends, and does nothing at all for who has none', () => {
    const desk = new Desk([[alice, 100n * ETHER]]);
    const reads = vi.spyOn(desk.overlay, 'storage');
    const owed = inputOf('owed', [alice.address, user.address]);
    const readsWith = (gasLimit: number): number => {
      reads.mockClear();
      const result = desk.send(user.address, owed, 0n, { isStatic: true, gasLimit });
      expect(result).toEqual({ status: 'reverted', output: NO_BYTES, gasUsed: gasLimit + 1, logs: [] });
      return reads.mock.calls.length;
    };
    expect([0, 100, 2_000, 2_300, 10_000].map(readsWith)).toEqual([0, 0, 0, 1, 4]);
    const { gasUsed, status } = desk.send(user.address, owed, 0n, { isStatic: true });
    expect(status).toBe('success');
    expect(desk.send(user.address, owed, 0n, { isStatic: true, gasLimit: gasUsed }).status).toBe('success');
    expect(readsWith(gasUsed - 1)).toBeGreaterThan(9);
  });

  it('costs before it reads what was sent', () => {
    const desk = new Desk([[alice, 100n * ETHER]]);
    const input = `0xdeadbeef${'00'.repeat(32_000)}` as const;
    expect(desk.send(user.address, input, 0n, { gasLimit: 3_000 })).toMatchObject({ gasUsed: 3_001, logs: [] });
  });

  it('changes nothing and takes all the gas there is, of a transaction or of a frame', async () => {
    const calls: SystemCall[] = [];
    const staking = new StakingContract(CHAIN_ID, RULES);
    const spy: SystemContract = { call: (call) => (calls.push(call), staking.call(call)) };
    const env = testEnv({ systemContracts: new Map([[STAKING_ADDRESS, spy]]) });
    const data = fromHex(inputOf('owed', [alice.address, user.address]));
    // STATICCALL(0, STAKING_ADDRESS, 0, 4, 0, 0), and STOP.
    const caller = creationAddress(alice.address, 0);
    const { executed } = await advance(env, testGenesis(), {
      transactions: [
        signed(alice, { to: null, data: deployer('5f5f60045f6110025ffa00'), gasLimit: 200_000 }),
        signed(alice, { to: caller, nonce: 1, gasLimit: 100_000 }),
        signed(alice, { to: STAKING_ADDRESS, nonce: 2, gasLimit: 23_500, data }),
      ],
    });
    expect(executed.receipts.map(({ status }) => status)).toEqual([1, 1, 0]);
    expect(executed.receipts[2]?.gasUsed).toBe(23_500);
    expect(calls.map(({ gasLimit }) => gasLimit === 0)).toEqual([true, false]);
  });
});
