/** Facts about the chain and this node's part in it. */
import type { JsonValue } from '../../src/types/primitives.ts';
import { quantity } from '../format.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethChainMethods({ node }: MethodContext): MethodTable {
  const syncing = (): JsonValue => {
    const progress = node.chain.syncing();
    if (progress === null) return false;
    return {
      startingBlock: quantity(progress.startingBlock),
      currentBlock: quantity(progress.currentBlock),
      highestBlock: quantity(progress.highestBlock),
    };
  };
  const chainId = quantity(node.chainId);
  return {
    eth_chainId: method(0, 0, () => chainId),
    eth_syncing: method(0, 0, syncing),
    eth_mining: method(0, 0, () => false),
    eth_hashrate: method(0, 0, () => '0x0'),
  };
}
