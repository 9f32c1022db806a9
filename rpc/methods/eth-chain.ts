/** Facts about the chain and this node's part in it. */
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import type { ChainRules, SyncProgress } from '../../src/node/api.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { METHOD_NOT_SUPPORTED } from '../errors.ts';
import { formatSyncing, quantity } from '../format.ts';
import { define, type MethodTable } from '../method.ts';
import type { JsonSchema } from '../schema/param-type.ts';
import {
  ADDRESS_RESULT,
  BLOCK_REF_RESULT,
  FLAG_RESULT,
  mapOf,
  NUMBER_RESULT,
  QUANTITY_RESULT,
  shape,
  SYNCING_RESULT,
} from '../schema/results.ts';
import type { MethodContext } from './context.ts';

/** EIP-7691's, which Prague has. There are no blobs to be priced, and zero is no fraction. */
const BLOB_BASE_FEE_UPDATE_FRACTION = 5_007_716;
const BLOB_SCHEDULE = { baseFeeUpdateFraction: BLOB_BASE_FEE_UPDATE_FRACTION, max: 0, target: 0 };

const CONFIG_RESULT = shape({
  current: shape({
    activationTime: NUMBER_RESULT,
    blobSchedule: shape({ baseFeeUpdateFraction: NUMBER_RESULT, max: NUMBER_RESULT, target: NUMBER_RESULT }),
    chainId: QUANTITY_RESULT,
    forkId: { type: 'string', pattern: '^0x[0-9a-f]{8}$' },
    precompiles: mapOf(ADDRESS_RESULT),
    systemContracts: mapOf(ADDRESS_RESULT),
  }),
});
const RESOURCES = ['state', 'tx', 'logs', 'receipts', 'blocks', 'stateproofs'] as const;
const RESOURCE_RESULT = shape({ disabled: FLAG_RESULT, oldestBlock: QUANTITY_RESULT });
const CAPABILITIES_RESULT = shape({
  head: BLOCK_REF_RESULT,
  ...(Object.fromEntries(RESOURCES.map((name) => [name, RESOURCE_RESULT])) as Record<string, JsonSchema>),
});

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
    eth_config: define({
      summary: 'The rules of the chain (EIP-7910): they are the same from genesis on.',
      params: [],
      result: CONFIG_RESULT,
      handle: () => formatConfig(chainId, node.rules),
    }),
    eth_capabilities: define({
      summary: 'How far back this node has what.',
      params: [],
      result: CAPABILITIES_RESULT,
      handle: () => {
        const { hash, block } = node.chain.head();
        const head = { number: quantity(block.header.number), hash };
        return { head, ...formatResources(node.chain.oldest) };
      },
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

/** No fork is behind or ahead, so that there is neither `last` nor `next`. Rules of genesis are active from 0 on. */
function formatConfig(chainId: string, { forkHash, precompiles, systemContracts }: ChainRules): JsonObject {
  return {
    current: {
      activationTime: 0,
      blobSchedule: BLOB_SCHEDULE,
      chainId,
      forkId: forkHash,
      precompiles: Object.fromEntries(precompiles),
      systemContracts: Object.fromEntries(systemContracts),
    },
  };
}

/** Nothing is deleted as the chain grows: no strategy is told. */
function formatResources({ block, state }: { readonly block: number; readonly state: number }): JsonObject {
  const isOfState = (name: string): boolean => name === 'state' || name === 'stateproofs';
  const resource = (name: string): JsonObject => ({
    disabled: false,
    oldestBlock: quantity(isOfState(name) ? state : block),
  });
  return Object.fromEntries(RESOURCES.map((name) => [name, resource(name)]));
}

function syncing(progress: SyncProgress | null): JsonValue {
  return progress === null ? false : formatSyncing(progress);
}
