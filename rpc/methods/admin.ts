/** admin_: this node and its peers on the network. */
import type { BlockRef } from '../../src/types/block.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { RESOURCE_UNAVAILABLE } from '../errors.ts';
import { quantity } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { TEXT } from '../params.ts';
import { BLOCK_REF_RESULT, FLAG_RESULT, listOf, NUMBER_RESULT, orNull, shape, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const NODE_RESULT = shape({
  id: TEXT_RESULT,
  name: TEXT_RESULT,
  chainId: NUMBER_RESULT,
  consensus: TEXT_RESULT,
  addresses: listOf(TEXT_RESULT),
  head: BLOCK_REF_RESULT,
});
const PEER_RESULT = shape({
  id: TEXT_RESULT,
  addresses: listOf(TEXT_RESULT),
  direction: { enum: ['inbound', 'outbound'] },
  score: NUMBER_RESULT,
  head: orNull(BLOCK_REF_RESULT),
  finalized: orNull(BLOCK_REF_RESULT),
});

export function adminMethods({ node }: MethodContext): MethodTable {
  const nodeInfo = (): JsonValue => {
    const head = node.chain.head();
    return {
      id: node.network.peerId,
      name: node.clientVersion,
      chainId: node.chainId,
      consensus: node.consensus.engine,
      addresses: node.network.addresses(),
      head: reference({ hash: head.hash, number: head.block.header.number }),
    };
  };
  const peers = (): JsonValue =>
    node.network.peers().map((peer) => ({
      id: peer.id,
      addresses: peer.addresses,
      direction: peer.direction,
      score: peer.score,
      head: reference(peer.head),
      finalized: reference(peer.finalized),
    }));
  return {
    admin_addPeer: define({
      summary: 'Connects to a peer by its multiaddress and stays at it.',
      params: [param('address', TEXT)],
      result: FLAG_RESULT,
      errors: [RESOURCE_UNAVAILABLE],
      handle: async ([address]) => {
        await node.network.connect(address);
        return true;
      },
    }),
    admin_nodeInfo: define({
      summary: 'This node: id, addresses, engine, head.',
      params: [],
      result: NODE_RESULT,
      handle: nodeInfo,
    }),
    admin_peers: define({
      summary: 'Connected peers and how far they are.',
      params: [],
      result: listOf(PEER_RESULT),
      handle: peers,
    }),
  };
}

function reference(block: BlockRef | null): JsonValue {
  return block === null ? null : { hash: block.hash, number: quantity(block.number) };
}
