import { describe, expect, it } from 'vitest';
import { FeeOracle, SUGGESTED_TIP_MAX, SUGGESTED_TIP_MIN } from '../../../rpc/fee-oracle.ts';
import type { BlockView, ChainApi } from '../../../src/node/api.ts';
import type { Hash } from '../../../src/types/primitives.ts';

const GWEI = 10n ** 9n;
const BASE_FEE = 7n;

/** Blocks by their tips and the gas each paid for; 100 gas is a full block. */
function chainOf(blocks: readonly (readonly (readonly [tip: bigint, gasUsed: number])[])[]): ChainApi {
  const views = blocks.map((payments, number): BlockView => {
    const receipts = payments.map(([tip, gasUsed]) => ({ effectiveGasPrice: BASE_FEE + tip, gasUsed }));
    const gasUsed = payments.reduce((sum, [, gas]) => sum + gas, 0);
    const header = { number, parentHash: `0x${number - 1}`, baseFeePerGas: BASE_FEE, gasUsed, gasLimit: 100 };
    return { hash: `0x${number}`, block: { header }, receipts: () => receipts } as unknown as BlockView;
  });
  const byHash = (hash: Hash): BlockView | null => views[Number(hash.slice(2))] ?? null;
  return { head: () => views.at(-1), byHash, nextBaseFee: () => 11n } as unknown as ChainApi;
}

describe('FeeOracle', () => {
  it('suggests 1 gwei on an idle chain, and the next base fee on top as gas price', () => {
    const oracle = new FeeOracle(chainOf([[], [], []]));
    expect(oracle.suggestedTip()).toBe(SUGGESTED_TIP_MIN);
    expect(oracle.gasPrice()).toBe(11n + GWEI);
  });

  it('takes the 60th percentile of the three cheapest tips of each block', () => {
    const block = [9n, 5n, 7n, 3n].map((tip) => [tip * GWEI, 20] as const);
    expect(new FeeOracle(chainOf([block, []])).suggestedTip()).toBe(5n * GWEI);
  });

  it('stays within bounds', () => {
    expect(new FeeOracle(chainOf([[[1n, 50]]])).suggestedTip()).toBe(SUGGESTED_TIP_MIN);
    expect(new FeeOracle(chainOf([[[10n ** 18n, 50]]])).suggestedTip()).toBe(SUGGESTED_TIP_MAX);
  });

  it('weighs rewards by gas, as geth does', () => {
    const chain = chainOf([
      [
        [30n, 50],
        [10n, 10],
        [20n, 40],
      ],
    ]);
    const oracle = new FeeOracle(chain);
    expect(oracle.rewards(chain.head(), [0, 10, 11, 50, 51, 100])).toEqual([10n, 10n, 20n, 20n, 30n, 30n]);
  });

  it('gives zeros for an empty block', () => {
    const chain = chainOf([[]]);
    expect(new FeeOracle(chain).rewards(chain.head(), [10, 90])).toEqual([0n, 0n]);
  });
});
