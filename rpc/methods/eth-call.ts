/** eth_call, eth_estimateGas and eth_createAccessList: execution without a trace, with overrides where asked for. */
import type { AccessListResult, BlockView, CallRequest, CallResult, Overrides } from '../../src/node/api.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { toHex } from '../../src/util/hex.ts';
import { BLOCK_OR_LATEST, requireBlock } from '../block-params.ts';
import { callRequest } from '../call-params.ts';
import { EXECUTION_REVERTED, INVALID_INPUT, RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE } from '../errors.ts';
import { quantity } from '../format.ts';
import { define, param, type Method, type MethodTable } from '../method.ts';
import { BLOCK_OVERRIDES, overridesOf, STATE_OVERRIDES } from '../override-params.ts';
import type { JsonSchema } from '../schema/param-type.ts';
import { ACCESS_LIST_RESULT, DATA_RESULT, QUANTITY_RESULT, shape, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function ethCallMethods({ node }: MethodContext): MethodTable {
  const { chain } = node;
  const params = [
    param('transaction', callRequest(node.chainId)),
    param('block', BLOCK_OR_LATEST),
    param('stateOverrides', STATE_OVERRIDES),
    param('blockOverrides', BLOCK_OVERRIDES),
  ] as const;
  const errors = [EXECUTION_REVERTED, INVALID_INPUT, RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE];
  type Run = (call: CallRequest, at: BlockView, overrides: Overrides) => Promise<JsonValue>;
  const simulated = (summary: string, result: JsonSchema, run: Run): Method =>
    define({
      summary,
      params,
      result,
      errors,
      handle: ([call, selector, accounts, block]) =>
        run(call, requireBlock(chain, selector), overridesOf(accounts, block)),
    });

  return {
    eth_call: simulated(
      'Runs a call on the state after a block and gives back what it returns.',
      DATA_RESULT,
      async (...request) => outputOf(await node.execute(...request)),
    ),
    eth_estimateGas: simulated(
      'The smallest gas limit with which a call succeeds.',
      QUANTITY_RESULT,
      async (...request) => quantity(await node.estimateGas(...request)),
    ),
    eth_createAccessList: simulated(
      'The accounts and storage that a call touches (EIP-2930), and the gas it uses with them listed.',
      shape({ accessList: ACCESS_LIST_RESULT, gasUsed: QUANTITY_RESULT, error: TEXT_RESULT }, ['error']),
      async (...request) => formatAccessList(await node.createAccessList(...request)),
    ),
  };
}

function outputOf(result: CallResult): JsonValue {
  if (result.status === 'success') return toHex(result.output);
  if (result.status === 'reverted') {
    throw new ParleyError('EXECUTION_REVERTED', 'execution reverted', { output: toHex(result.output) });
  }
  throw new ParleyError('EXECUTION_FAILED', result.reason ?? 'execution failed', { gasUsed: result.gasUsed });
}

function formatAccessList({ accessList, gasUsed, error }: AccessListResult): JsonObject {
  return { accessList, gasUsed: quantity(gasUsed), ...(error !== null && { error }) };
}
