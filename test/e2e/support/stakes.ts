import { decodeFunctionResult, encodeFunctionData, parseAbi } from 'viem';
import { STAKING_ABI_TEXT } from '../../../src/execution/staking/abi.ts';
import { STAKING_ADDRESS } from '../../../src/execution/rules.ts';
import { rpcBatch } from './rpc.ts';

const ABI = parseAbi(STAKING_ABI_TEXT);

export { STAKING_ADDRESS };

/** All that validators have earned less all they have lost, by the staking contract's own books at a block. */
export async function earnedByStake(url: string, validators: readonly string[], blockHash: string): Promise<bigint> {
  const calls = validators.map((validator) => ({
    method: 'eth_call',
    params: [
      {
        to: STAKING_ADDRESS,
        data: encodeFunctionData({ abi: ABI, functionName: 'validatorInfo', args: [validator as `0x${string}`] }),
      },
      { blockHash },
    ],
  }));
  const answers = await rpcBatch<`0x${string}`>(url, calls);
  let earned = 0n;
  for (const data of answers) {
    const info: unknown = decodeFunctionResult({ abi: ABI, functionName: 'validatorInfo', data });
    const { rewards, penalties } = info as { readonly rewards: bigint; readonly penalties: bigint };
    earned += rewards - penalties;
  }
  return earned;
}
