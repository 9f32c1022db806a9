/** eth_feeHistory: block by block from the newest back, holding of each only what is answered. */
import type { BlockView, ChainApi } from '../src/node/api.ts';
import type { JsonObject } from '../src/types/primitives.ts';
import { limitExceeded } from './errors.ts';
import type { FeeOracle } from './fee-oracle.ts';
import { quantity } from './format.ts';
import type { RpcLimits } from './limits.ts';
import type { Slice } from './turns.ts';

export type FeeHistoryModules = { readonly chain: ChainApi; readonly fees: FeeOracle; readonly limits: RpcLimits };

/** `count` and `percentiles` are within their limits. Fewer blocks near genesis. @throws -32005 when it takes too long. */
export async function feeHistory(
  { chain, fees, limits }: FeeHistoryModules,
  newest: BlockView,
  request: { readonly count: number; readonly percentiles: readonly number[] | null },
  slice: Slice,
): Promise<JsonObject> {
  const percentiles = request.percentiles ?? [];
  if (request.count === 0) return { oldestBlock: '0x0', baseFeePerGas: [], gasUsedRatio: [] };
  const endMs = performance.now() + limits.feeHistoryDurationMsMax;
  const baseFees = [quantity(chain.nextBaseFee(newest))];
  const ratios: number[] = [];
  const rewards: string[][] = [];
  let oldest = newest;
  for (
    let view: BlockView | null = newest;
    view !== null && ratios.length < request.count;
    view = parentOf(chain, view)
  ) {
    oldest = view;
    const { baseFeePerGas, gasUsed, gasLimit } = view.block.header;
    baseFees.push(quantity(baseFeePerGas));
    ratios.push(gasLimit === 0 ? 0 : gasUsed / gasLimit);
    if (percentiles.length > 0) rewards.push(fees.rewards(view, percentiles).map((tip) => quantity(tip)));
    if (slice.isOver) await slice.next();
    if (performance.now() > endMs) throw tooLong(limits, ratios.length);
  }
  const shared = {
    oldestBlock: quantity(oldest.block.header.number),
    baseFeePerGas: baseFees.reverse(),
    gasUsedRatio: ratios.reverse(),
  };
  return percentiles.length === 0 ? shared : { ...shared, reward: rewards.reverse() };
}

function parentOf(chain: ChainApi, { block: { header } }: BlockView): BlockView | null {
  return header.number === 0 ? null : chain.byHash(header.parentHash);
}

function tooLong({ feeHistoryDurationMsMax }: RpcLimits, blocks: number): Error {
  const message = `the history took longer than ${feeHistoryDurationMsMax} ms: ask for ${blocks} blocks or fewer percentiles`;
  return limitExceeded(message, { blockCount: quantity(blocks) });
}
