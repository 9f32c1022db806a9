/**
 * The devnet's unlocked accounts: listing, sending and signing. On a node without keys the list is empty and the rest
 * is refused with -32004; `personal_` methods need their namespace as well.
 */
import type { DevAccounts } from '../../src/node/api.ts';
import type { Address, Bytes, Hex, JsonValue } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { toHex } from '../../src/util/hex.ts';
import { sendRequest } from '../call-params.ts';
import { invalidParams } from '../errors.ts';
import { addressParam, dataParam, objectParam, type JsonRecord, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import { typedDataDigest } from '../typed-data.ts';
import type { MethodContext } from './context.ts';

export function accountMethods({ node }: MethodContext): MethodTable {
  const unlocked = (): DevAccounts => {
    if (node.accounts !== null) return node.accounts;
    throw new ParleyError('RPC_UNSUPPORTED', 'this node holds no keys: sign yourself and use eth_sendRawTransaction');
  };
  const signMessage = (address: Address, message: Bytes): Promise<Hex> => unlocked().signMessage(address, message);
  const signTypedData = (params: Params): Promise<Hex> => {
    const address = addressParam(params[0], 0);
    return unlocked().signDigest(address, typedDataDigest(typedData(params[1]), 1));
  };

  return {
    eth_accounts: method(0, 0, () => node.accounts?.list() ?? []),
    eth_requestAccounts: method(0, 0, () => node.accounts?.list() ?? []),
    eth_sendTransaction: method(1, 1, (params) => unlocked().send(sendRequest(params[0], 0, node.chainId))),
    eth_signTransaction: method(1, 1, async (params) =>
      toHex(await unlocked().signTransaction(sendRequest(params[0], 0, node.chainId))),
    ),
    eth_sign: method(2, 2, (params) => signMessage(addressParam(params[0], 0), dataParam(params[1], 1, 'message'))),
    personal_sign: method(2, 3, (params) =>
      signMessage(addressParam(params[1], 1), dataParam(params[0], 0, 'message')),
    ),
    eth_signTypedData_v4: method(2, 2, signTypedData),
  };
}

/** An object, or (as MetaMask takes it) its JSON text. */
function typedData(value: JsonValue | undefined): JsonRecord {
  if (typeof value !== 'string') return objectParam(value, 1, 'typedData');
  try {
    return objectParam(JSON.parse(value) as JsonValue, 1, 'typedData');
  } catch {
    throw invalidParams(1, '`typedData` must be an object or its JSON text');
  }
}
