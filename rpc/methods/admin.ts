/** admin_: this node and its peers on the network. */
import type { BlockRef } from '../../src/types/block.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { quantity } from '../format.ts';
import { stringParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

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
  const addPeer = async (params: Params): Promise<JsonValue> => {
    await node.network.connect(stringParam(params[0], 0, 'address'));
    return true;
  };
  return {
    admin_addPeer: method(1, 1, addPeer),
    admin_nodeInfo: method(0, 0, nodeInfo),
    admin_peers: method(0, 0, peers),
  };
}

function reference(block: BlockRef | null): JsonValue {
  return block === null ? null : { hash: block.hash, number: quantity(block.number) };
}
