/** web3_: the client's name and keccak256. */
import { keccak256 } from '../../src/crypto/keccak.ts';
import { dataParam } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function web3Methods({ node }: MethodContext): MethodTable {
  return {
    web3_clientVersion: method(0, 0, () => node.clientVersion),
    web3_sha3: method(1, 1, (params) => keccak256(dataParam(params[0], 0))),
  };
}
