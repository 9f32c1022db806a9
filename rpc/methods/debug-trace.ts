/** debug_trace…: what transactions and calls did, opcode by opcode or as a tracer sums it up. */
import type { BlockView } from '../../src/node/api.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { BLOCK_NUMBER, BLOCK_OR_LATEST, requireBlock } from '../block-params.ts';
import { callRequest } from '../call-params.ts';
import { INVALID_INPUT, RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE } from '../errors.ts';
import { define, param, type MethodTable } from '../method.ts';
import { HASH } from '../params.ts';
import { HASH_RESULT, listOf, shape } from '../schema/results.ts';
import { TRACE_RESULT } from '../schema/trace-results.ts';
import { CALL_TRACE_CONFIG, TRACE_CONFIG, type TraceRequest } from '../trace-params.ts';
import type { MethodContext } from './context.ts';

const ERRORS = [INVALID_INPUT, RESOURCE_NOT_FOUND, RESOURCE_UNAVAILABLE];
const BLOCK_TRACE = {
  result: listOf(shape({ txHash: HASH_RESULT, result: TRACE_RESULT })),
  errors: ERRORS,
};

export function debugTraceMethods({ node, limits, longCalls }: MethodContext): MethodTable {
  const { chain, pool, trace } = node;
  const sized = (request: TraceRequest) => ({ ...request, sizeBytesMax: limits.answerSizeBytesMax });
  const block = (client: string, view: BlockView, request: TraceRequest): Promise<JsonValue> =>
    longCalls.run(client, async () => {
      const traces = await trace.block(view, sized(request));
      return traces.map(({ transactionHash: txHash, result }) => ({ txHash, result }));
    });
  return {
    debug_traceTransaction: define({
      summary: 'What a transaction did in its block.',
      params: [param('hash', HASH), param('options', TRACE_CONFIG)],
      result: TRACE_RESULT,
      errors: ERRORS,
      handle: ([hash, request], { client }) => {
        const place = chain.transaction(hash);
        if (place === null) {
          const why =
            pool.get(hash) === null
              ? 'is not known here'
              : 'is in no block yet: debug_traceCall tells what it would do';
          throw new ParleyError('RPC_NOT_FOUND', `transaction ${hash} ${why}`, { hash });
        }
        return longCalls.run(client.id, () => trace.transaction(place.view, place.index, sized(request)));
      },
    }),
    debug_traceBlockByNumber: define({
      summary: 'What each transaction of a block did.',
      params: [param('block', BLOCK_NUMBER), param('options', TRACE_CONFIG)],
      ...BLOCK_TRACE,
      handle: ([selector, request], { client }) => block(client.id, requireBlock(chain, selector), request),
    }),
    debug_traceBlockByHash: define({
      summary: 'What each transaction of a block did, also off the canonical chain.',
      params: [param('hash', HASH), param('options', TRACE_CONFIG)],
      ...BLOCK_TRACE,
      handle: ([hash, request], { client }) =>
        block(client.id, requireBlock(chain, { by: 'hash', hash, requireCanonical: false }), request),
    }),
    debug_traceCall: define({
      summary: 'What a call would do on the state after a block.',
      params: [
        param('transaction', callRequest(node.chainId)),
        param('block', BLOCK_OR_LATEST),
        param('options', CALL_TRACE_CONFIG),
      ],
      result: TRACE_RESULT,
      errors: ERRORS,
      handle: ([call, selector, { trace: request, overrides }], { client }) => {
        const at = requireBlock(chain, selector);
        return longCalls.run(client.id, () => trace.call(call, at, sized(request), overrides));
      },
    }),
  };
}
