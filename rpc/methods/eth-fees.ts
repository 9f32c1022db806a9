/** What gas costs: eth_gasPrice, eth_baseFee, eth_maxPriorityFeePerGas, eth_feeHistory. */
import { BLOCK_NUMBER, requireBlock } from '../block-params.ts';
import { invalidParams, RESOURCE_NOT_FOUND } from '../errors.ts';
import { feeHistory } from '../fee-history.ts';
import { quantity } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { NUMBER, WHOLE } from '../params.ts';
import { byKind, list, mapped, mustBe, optional, text, type ParamType } from '../schema/param-type.ts';
import { listOf, NUMBER_RESULT, QUANTITY_RESULT, shape } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const HISTORY_RESULT = shape(
  {
    oldestBlock: QUANTITY_RESULT,
    baseFeePerGas: listOf(QUANTITY_RESULT),
    gasUsedRatio: listOf(NUMBER_RESULT),
    reward: listOf(listOf(QUANTITY_RESULT)),
  },
  ['reward'],
);

/** Clients write a hex quantity, a decimal string or a number. */
const BLOCK_COUNT: ParamType<number> = byKind(
  [(value) => typeof value !== 'number' && !isDecimal(value), NUMBER],
  [isDecimal, text(/^[0-9]{1,15}$/, { what: 'blockCount', must: 'decimal digits' }, Number)],
  [(value) => typeof value === 'number', WHOLE],
);

const PERCENTILE: ParamType<number> = {
  schema: { type: 'number', minimum: 0, maximum: 100 },
  decode(value, index) {
    if (typeof value === 'number' && value >= 0 && value <= 100) return value;
    throw mustBe(index, 'percentiles', 'numbers from 0 to 100');
  },
};

export function ethFeesMethods({ node, limits, fees, longCalls }: MethodContext): MethodTable {
  return {
    eth_gasPrice: define({
      summary: 'Base fee of the next block plus the suggested tip, in wei.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(fees.gasPrice()),
    }),
    eth_baseFee: define({
      summary: 'Base fee of the next block, in wei.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(node.chain.nextBaseFee(node.chain.head())),
    }),
    eth_maxPriorityFeePerGas: define({
      summary: 'The suggested tip, in wei.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(fees.suggestedTip()),
    }),
    eth_feeHistory: define({
      summary: 'Base fees, how full blocks were, and tips at percentiles of the gas used.',
      params: [
        param('blockCount', BLOCK_COUNT),
        param('newest', BLOCK_NUMBER),
        param('percentiles', optional(percentiles(limits.feeHistoryPercentilesMax), null)),
      ],
      result: HISTORY_RESULT,
      errors: [RESOURCE_NOT_FOUND],
      handle: ([blocks, selector, wanted], { client }) => {
        const newest = requireBlock(node.chain, selector);
        const request = { count: Math.min(blocks, limits.feeHistoryBlocksMax), percentiles: wanted };
        const modules = { chain: node.chain, fees, limits };
        return longCalls.run(client.id, (slice) => feeHistory(modules, newest, request, slice));
      },
    }),
  };
}

function isDecimal(value: unknown): boolean {
  return typeof value === 'string' && !value.startsWith('0x');
}

function percentiles(countMax: number): ParamType<number[]> {
  return mapped(
    list(PERCENTILE, { what: 'percentiles', items: 'percentile' }, countMax),
    (wanted, index) => {
      if (wanted.every((value, i) => value >= (wanted[i - 1] ?? 0))) return wanted;
      throw invalidParams(index, 'percentiles must ascend');
    },
    { description: 'Ascending.' },
  );
}
