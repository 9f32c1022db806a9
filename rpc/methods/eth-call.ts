/** eth_call and eth_estimateGas: execution without a trace. */
import type { CallRequest } from '../../src/node/api.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { toHex } from '../../src/util/hex.ts';
import { blockSelector, requireBlock } from '../block-params.ts';
import { callRequest } from '../call-params.ts';
import { invalidParams } from '../errors.ts';
import { quantity } from '../format.ts';
import { absent, isRecord, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethCallMethods({ node }: MethodContext): MethodTable {
  const { chain } = node;

  const call = async (params: Params): Promise<JsonValue> => {
    const request = decode(params);
    const result = await node.execute(request, requireBlock(chain, blockSelector(params[1], 1)));
    if (result.status === 'success') return toHex(result.output);
    if (result.status === 'reverted') {
      throw new ParleyError('EXECUTION_REVERTED', 'execution reverted', { output: toHex(result.output) });
    }
    throw new ParleyError('EXECUTION_FAILED', result.reason ?? 'execution failed', { gasUsed: result.gasUsed });
  };
  const estimateGas = async (params: Params): Promise<JsonValue> => {
    const request = decode(params);
    return quantity(await node.estimateGas(request, requireBlock(chain, blockSelector(params[1], 1))));
  };
  const decode = (params: Params): CallRequest => {
    refuseOverrides(params[2], 2, 'state overrides');
    refuseOverrides(params[3], 3, 'block overrides');
    return callRequest(params[0], 0, node.chainId);
  };

  return { eth_call: method(1, 4, call), eth_estimateGas: method(1, 4, estimateGas) };
}

/** Ignoring them would answer another question than was asked. */
function refuseOverrides(value: JsonValue | undefined, index: number, what: string): void {
  if (absent(value) || (isRecord(value) && Object.keys(value).length === 0)) return;
  throw invalidParams(index, `${what} are not supported`);
}
