import {
  createPublicClient,
  decodeFunctionResult,
  encodeFunctionData,
  getContract,
  http,
  parseAbi,
  type Address,
} from 'viem';
import { foundry } from 'viem/chains';
import { STAKING_ABI_TEXT } from '../../../src/execution/staking/abi.ts';
import { STAKING_ADDRESS } from '../../../src/execution/rules.ts';
import { agreedInTime, lowest } from './agreement.ts';
import { rpcBatch, type Rpc } from './rpc.ts';
import { until } from './wait.ts';

/** The staking contract as another wallet sees it. */

export const STAKING = parseAbi(STAKING_ABI_TEXT);

export type StakeInfo = {
  readonly [name in 'own' | 'delegated' | 'rewards' | 'penalties' | 'withdrawableEpoch' | 'jailedUntilEpoch']: bigint;
} & { readonly status: number; readonly jailed: boolean };

export const clientOf = (url: string) => createPublicClient({ chain: foundry, transport: http(url), cacheTime: 0 });
export type StakeClient = ReturnType<typeof clientOf>;

export const stakes = (client: StakeClient) => getContract({ address: STAKING_ADDRESS, abi: STAKING, client }).read;

export const infoOf = async (
  client: StakeClient,
  validator: Address,
  at: { blockNumber?: bigint } = {},
): Promise<StakeInfo> => (await stakes(client).validatorInfo([validator], at)) as unknown as StakeInfo;

/** For what comes with one of the next epochs. */
export const patiently = <T>(what: string, ask: () => Promise<T | false>): Promise<T> =>
  until(what, ask, { timeoutMs: 60_000 });

/** Waits for a block of that validator which all nodes have; `before` is done ahead of each look. */
export async function madeBy(
  rpcs: readonly Rpc[],
  author: Address,
  above: number,
  before: () => Promise<void> = async () => {},
): Promise<void> {
  let height = above;
  await patiently(`${author} makes a block`, async () => {
    await before();
    for (; height <= (await lowest(rpcs, 'safe')); height++) {
      if ((await agreedInTime(rpcs, height)).miner.toLowerCase() === author) return true;
    }
    return false;
  });
}

/** All that validators have earned less all they have lost, by the contract's own books at a block. */
export async function earnedByStake(url: string, validators: readonly string[], blockHash: string): Promise<bigint> {
  const functionName = 'validatorInfo';
  const calls = validators.map((validator) => ({
    method: 'eth_call',
    params: [
      {
        to: STAKING_ADDRESS,
        data: encodeFunctionData({ abi: STAKING, functionName, args: [validator as Address] }),
      },
      { blockHash },
    ],
  }));
  const answers = await rpcBatch<`0x${string}`>(url, calls);
  let earned = 0n;
  for (const data of answers) {
    const info: unknown = decodeFunctionResult({ abi: STAKING, functionName, data });
    const { rewards, penalties } = info as StakeInfo;
    earned += rewards - penalties;
  }
  return earned;
}
