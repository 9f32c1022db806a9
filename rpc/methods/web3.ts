/** web3_: the client's name and keccak256. */
import { keccak256 } from '../../src/crypto/keccak.ts';
import { define, param, type MethodTable } from '../method.ts';
import { BYTES } from '../params.ts';
import { HASH_RESULT, TEXT_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function web3Methods({ node }: MethodContext): MethodTable {
  return {
    web3_clientVersion: define({
      summary: 'Name and version of this node.',
      params: [],
      result: TEXT_RESULT,
      handle: () => node.clientVersion,
    }),
    web3_sha3: define({
      summary: 'keccak256 of the data.',
      params: [param('data', BYTES)],
      result: HASH_RESULT,
      handle: ([data]) => keccak256(data),
    }),
  };
}
