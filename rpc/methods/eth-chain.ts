/** Facts about the chain and this node's part in it. */
import type { JsonValue } from '../../src/types/primitives.ts';
import type { SyncProgress } from '../../src/node/api.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { METHOD_NOT_SUPPORTED } from '../errors.ts';
import { formatSyncing, quantity } from '../format.ts';
import { define, type MethodTable } from '../method.ts';
import { ADDRESS_RESULT, FLAG_RESULT, QUANTITY_RESULT, SYNCING_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function ethChainMethods({ node }: MethodContext): MethodTable {
  const { consensus } = node;
  const coinbase = (): JsonValue => {
    const { beneficiary } = consensus.production();
    if (beneficiary !== null) return beneficiary;
    throw new ParleyError('RPC_UNSUPPORTED', 'this node makes no blocks: it has no validator key');
  };
  const chainId = quantity(node.chainId);
  return {
    eth_chainId: define({
      summary: 'Chain id (EIP-155).',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => chainId,
    }),
    eth_syncing: define({
      summary: 'How far this node has caught up with the network; false: it has.',
      params: [],
      result: SYNCING_RESULT,
      handle: () => syncing(node.chain.syncing()),
    }),
    eth_coinbase: define({
      summary: 'Account that earns by the blocks of this node.',
      params: [],
      result: ADDRESS_RESULT,
      errors: [METHOD_NOT_SUPPORTED],
      handle: coinbase,
    }),
    eth_mining: define({
      summary: 'Whether this node takes part in making blocks.',
      params: [],
      result: FLAG_RESULT,
      handle: () => consensus.production().isProducing,
    }),
    eth_hashrate: define({
      summary: 'Hashes a second that this node tries for proofs of work.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(Math.round(consensus.production().hashRate)),
    }),
  };
}

function syncing(progress: SyncProgress | null): JsonValue {
  return progress === null ? false : formatSyncing(progress);
}
