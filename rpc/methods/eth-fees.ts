/** What gas costs: eth_gasPrice, eth_maxPriorityFeePerGas, eth_feeHistory. */
import type { BlockView } from '../../src/node/api.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { blockNumberOrTag, requireBlock } from '../block-params.ts';
import { invalidParams } from '../errors.ts';
import { quantity } from '../format.ts';
import { absent, isList, numberParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethFeesMethods(context: MethodContext): MethodTable {
  const { node, limits, fees } = context;

  const feeHistory = (params: Params): JsonValue => {
    const wanted = Math.min(blockCount(params[0]), limits.feeHistoryBlocksMax);
    const newest = requireBlock(node.chain, blockNumberOrTag(params[1], 1));
    const percentiles = absent(params[2]) ? null : percentileList(params[2], limits.feeHistoryPercentilesMax);
    return history(context, ancestors(context, newest, wanted), newest, percentiles);
  };

  return {
    eth_gasPrice: method(0, 0, () => quantity(fees.gasPrice())),
    eth_maxPriorityFeePerGas: method(0, 0, () => quantity(fees.suggestedTip())),
    eth_feeHistory: method(2, 3, feeHistory),
  };
}

/** Clients write a hex quantity, a decimal string or a number. */
function blockCount(value: JsonValue | undefined): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  if (typeof value === 'string' && /^[0-9]{1,15}$/.test(value)) return Number(value);
  return numberParam(value, 0, 'blockCount');
}

function percentileList(value: JsonValue | undefined, lengthMax: number): number[] {
  if (!isList(value)) throw invalidParams(2, 'percentiles must be an array of numbers');
  if (value.length > lengthMax) throw invalidParams(2, `more than ${lengthMax} percentiles`);
  let last = 0;
  return value.map((percentile) => {
    if (typeof percentile !== 'number' || !(percentile >= last && percentile <= 100)) {
      throw invalidParams(2, 'percentiles must be numbers from 0 to 100, ascending');
    }
    last = percentile;
    return percentile;
  });
}

/** Ascending; fewer than `count` near genesis. */
function ancestors({ node }: MethodContext, newest: BlockView, count: number): BlockView[] {
  const views: BlockView[] = [];
  let view: BlockView | null = newest;
  while (view !== null && views.length < count) {
    views.push(view);
    view = view.block.header.number === 0 ? null : node.chain.byHash(view.block.header.parentHash);
  }
  return views.reverse();
}

function history(
  { node, fees }: MethodContext,
  views: readonly BlockView[],
  newest: BlockView,
  percentiles: readonly number[] | null,
): JsonObject {
  const oldest = views[0];
  if (oldest === undefined) return { oldestBlock: '0x0', gasUsedRatio: [] };
  const summaries = views.map((view) => fees.summary(view));
  const shared = {
    oldestBlock: quantity(oldest.block.header.number),
    baseFeePerGas: [
      ...summaries.map((summary) => quantity(summary.baseFeePerGas)),
      quantity(node.chain.nextBaseFee(newest)),
    ],
    gasUsedRatio: summaries.map(({ gasUsed, gasLimit }) => (gasLimit === 0 ? 0 : gasUsed / gasLimit)),
  };
  if (percentiles === null || percentiles.length === 0) return shared;
  return { ...shared, reward: views.map((view) => fees.rewards(view, percentiles).map((tip) => quantity(tip))) };
}
