/** eth_simulateV1: blocks of calls, each on the one before, and whole blocks for an answer. */
import type { SimulatedBlock, SimulatedCall } from '../../src/node/api.ts';
import { ZERO_HASH, type JsonObject } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { toHex } from '../../src/util/hex.ts';
import { BLOCK_OR_LATEST, requireBlock } from '../block-params.ts';
import {
  INVALID_INPUT,
  RESOURCE_NOT_FOUND,
  RESOURCE_UNAVAILABLE,
  revertError,
  SIMULATION_ERRORS,
  SIMULATION_TIMEOUT,
  VM_ERROR,
} from '../errors.ts';
import { formatBlock, formatLog, quantity } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { RawJson } from '../router.ts';
import { listOf, SIMULATED_BLOCK_RESULT } from '../schema/results.ts';
import { simulationPayload } from '../simulation-params.ts';
import type { Slice } from '../turns.ts';
import type { MethodContext } from './context.ts';

const ERRORS = [
  INVALID_INPUT,
  RESOURCE_NOT_FOUND,
  RESOURCE_UNAVAILABLE,
  VM_ERROR,
  SIMULATION_TIMEOUT,
  ...Object.values(SIMULATION_ERRORS),
];

export function ethSimulateMethods({ node, limits, longCalls }: MethodContext): MethodTable {
  return {
    eth_simulateV1: define({
      summary:
        'Runs calls in blocks of their own, each on the one before, on the state after a block. Nothing of it stays.',
      params: [param('payload', simulationPayload(node.chainId)), param('block', BLOCK_OR_LATEST)],
      result: listOf(SIMULATED_BLOCK_RESULT),
      errors: ERRORS,
      handle: ([{ isFull, ...payload }, selector], { client }) => {
        const at = requireBlock(node.chain, selector);
        // Two digits a byte.
        const request = { ...payload, outputSizeBytesMax: Math.floor(limits.answerSizeBytesMax / 2) };
        return longCalls.run(client.id, async (slice) => {
          const texts: string[] = [];
          for (const block of await node.simulateBlocks(request, at)) texts.push(await blockText(block, isFull, slice));
          return new RawJson(`[${texts.join(',')}]`);
        });
      },
    }),
  };
}

/** JSON, call by call and log by log, as there may be many. */
async function blockText({ view, prevRandao, calls }: SimulatedBlock, isFull: boolean, slice: Slice): Promise<string> {
  const texts: string[] = [];
  const transactions = view.transactions();
  let logIndex = 0;
  for (const [index, call] of calls.entries()) {
    const transaction = transactions[index];
    if (transaction === undefined) throw new ParleyError('INVARIANT', `a call without a transaction at ${index}`);
    const logs: string[] = [];
    for (const log of call.logs) {
      logs.push(JSON.stringify(formatLog(log, view, transaction, index, logIndex++, false)));
      if (slice.isOver) await slice.next();
    }
    texts.push(withList(formatCall(call), 'logs', logs));
    if (slice.isOver) await slice.next();
  }
  return withList({ ...formatBlock(view, isFull), mixHash: prevRandao ?? ZERO_HASH }, 'calls', texts);
}

function withList(object: JsonObject, name: string, items: readonly string[]): string {
  return `${JSON.stringify(object).slice(0, -1)},"${name}":[${items.join(',')}]}`;
}

/** All but the logs. What a reverted call returned stands in its error, as in that of eth_call. */
function formatCall({ status, output, gasUsed, gasUsedMax, reason }: SimulatedCall): JsonObject {
  const used = { gasUsed: quantity(gasUsed), maxUsedGas: quantity(gasUsedMax) };
  if (status === 'success') return { status: '0x1', returnData: toHex(output), ...used };
  const failed = { status: '0x0', returnData: '0x', ...used };
  if (status === 'failed') return { ...failed, error: { code: VM_ERROR, message: reason ?? 'execution failed' } };
  const data = toHex(output);
  return { ...failed, error: { code: INVALID_INPUT, message: revertError(output, data).message, data } };
}
