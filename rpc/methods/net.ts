/** net_: the network id is the chain id, in decimal. */
import { quantity } from '../format.ts';
import { define, type MethodTable } from '../method.ts';
import { FLAG_RESULT, QUANTITY_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function netMethods({ node }: MethodContext): MethodTable {
  return {
    net_version: define({
      summary: 'Network id: the chain id in decimal.',
      params: [],
      result: { type: 'string', pattern: '^[1-9][0-9]*$' },
      handle: () => String(node.chainId),
    }),
    net_listening: define({
      summary: 'Whether the node takes connections of peers.',
      params: [],
      result: FLAG_RESULT,
      handle: () => true,
    }),
    net_peerCount: define({
      summary: 'Connected peers.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(node.network.peers().length),
    }),
  };
}
