import { expect, it } from 'vitest';
import { feeHistory } from '../../../rpc/fee-history.ts';
import { FeeOracle } from '../../../rpc/fee-oracle.ts';
import { DEFAULT_RPC_LIMITS, type RpcLimits } from '../../../rpc/limits.ts';
import { Turns } from '../../../rpc/turns.ts';
import type { BlockView, ChainApi } from '../../../src/node/api.ts';
import type { Hash, JsonObject } from '../../../src/types/primitives.ts';

let receiptsRead = 0;

/** Block n is n % full, at a base fee of n, and pays a tip of 100 + n. */
function chainOf(blocks: number): ChainApi {
  const views = Array.from({ length: blocks }, (_, number): BlockView => {
    const header = {
      number,
      parentHash: `0x${number - 1}`,
      baseFeePerGas: BigInt(number),
      gasUsed: number,
      gasLimit: 100,
    };
    const receipts = (): unknown => {
      receiptsRead++;
      return [{ effectiveGasPrice: BigInt(100 + 2 * number), gasUsed: number }];
    };
    return { hash: `0x${number}`, block: { header }, receipts } as unknown as BlockView;
  });
  const byHash = (hash: Hash): BlockView | null => views[Number(hash.slice(2))] ?? null;
  return { head: () => views.at(-1), byHash, nextBaseFee: () => 77n } as unknown as ChainApi;
}

function history(
  blocks: number,
  request: { count: number; percentiles: readonly number[] | null },
  limits: Partial<RpcLimits> = {},
): Promise<JsonObject> {
  const chain = chainOf(blocks);
  const modules = { chain, fees: new FeeOracle(chain), limits: { ...DEFAULT_RPC_LIMITS, ...limits } };
  return feeHistory(modules, chain.head(), request, new Turns().slice('a'));
}

it('goes from the oldest to the newest, with one base fee more', async () => {
  expect(await history(5, { count: 2, percentiles: [0, 100] })).toEqual({
    oldestBlock: '0x3',
    baseFeePerGas: ['0x3', '0x4', '0x4d'],
    gasUsedRatio: [0.03, 0.04],
    reward: [
      ['0x67', '0x67'],
      ['0x68', '0x68'],
    ],
  });
});

it('ends at genesis, and reads no receipts where no tips are wanted', async () => {
  receiptsRead = 0;
  const answer = await history(3, { count: 1024, percentiles: null });
  expect(answer).toEqual({
    oldestBlock: '0x0',
    baseFeePerGas: ['0x0', '0x1', '0x2', '0x4d'],
    gasUsedRatio: [0, 0.01, 0.02],
  });
  expect(receiptsRead).toBe(0);
  expect(await history(3, { count: 0, percentiles: [1] })).toMatchObject({ oldestBlock: '0x0', gasUsedRatio: [] });
});

it('says how many blocks fit when it takes too long', async () => {
  await expect(history(900, { count: 900, percentiles: [50] }, { feeHistoryDurationMsMax: -1 })).rejects.toMatchObject({
    code: 'RPC_LIMIT',
    data: { blockCount: '0x1' },
  });
});
