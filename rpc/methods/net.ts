/** net_: the network id is the chain id, in decimal. */
import { quantity } from '../format.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function netMethods({ node }: MethodContext): MethodTable {
  return {
    net_version: method(0, 0, () => String(node.chainId)),
    net_listening: method(0, 0, () => true),
    net_peerCount: method(0, 0, () => quantity(node.network.peers().length)),
  };
}
