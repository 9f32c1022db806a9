/**
 * The accounts that this node signs for: listing, sending and signing. On a node without keys the list is empty and the rest
 * is refused with -32004; `personal_` methods need their namespace as well.
 */
import type { Accounts } from '../../src/node/api.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { toHex } from '../../src/util/hex.ts';
import { sendRequest } from '../call-params.ts';
import { INVALID_INPUT, METHOD_NOT_SUPPORTED, TRANSACTION_REJECTED } from '../errors.ts';
import { define, param, type Method, type MethodTable } from '../method.ts';
import { ADDRESS, BYTES, TEXT } from '../params.ts';
import { optional } from '../schema/param-type.ts';
import { ADDRESS_RESULT, DATA_RESULT, HASH_RESULT, listOf, SIGNATURE_RESULT } from '../schema/results.ts';
import { TYPED_DATA, typedDataDigest } from '../typed-data.ts';
import type { MethodContext } from './context.ts';

const ACCOUNT = param('address', ADDRESS);
const MESSAGE = param('message', BYTES);
const errors = [INVALID_INPUT, METHOD_NOT_SUPPORTED];

export function accountMethods({ node }: MethodContext): MethodTable {
  const accounts = (): Accounts => {
    if (node.accounts !== null) return node.accounts;
    throw new ParleyError('RPC_UNSUPPORTED', 'this node holds no keys: sign yourself and use eth_sendRawTransaction');
  };
  const transaction = param('transaction', sendRequest(node.chainId));
  const list = (): Method =>
    define({
      summary: 'Accounts that this node signs for, locked ones too.',
      params: [],
      result: listOf(ADDRESS_RESULT),
      handle: () => node.accounts?.list() ?? [],
    });

  return {
    eth_accounts: list(),
    eth_requestAccounts: list(),
    eth_sendTransaction: define({
      summary: 'Fills in what is missing, signs and submits.',
      params: [transaction],
      result: HASH_RESULT,
      errors: [...errors, TRANSACTION_REJECTED],
      handle: ([request]) => accounts().send(request),
    }),
    eth_signTransaction: define({
      summary: 'Fills in what is missing and signs; nothing is sent.',
      params: [transaction],
      result: DATA_RESULT,
      errors,
      handle: async ([request]) => toHex(await accounts().signTransaction(request)),
    }),
    eth_sign: define({
      summary: 'Signs a personal message (EIP-191).',
      params: [ACCOUNT, MESSAGE],
      result: SIGNATURE_RESULT,
      errors,
      handle: ([address, message]) => accounts().signMessage(address, message),
    }),
    personal_sign: define({
      summary: 'Signs a personal message (EIP-191), with the password of a locked account.',
      params: [MESSAGE, ACCOUNT, param('password', optional(TEXT, null))],
      result: SIGNATURE_RESULT,
      errors,
      handle: ([message, address, password]) => accounts().signMessage(address, message, password ?? undefined),
    }),
    eth_signTypedData_v4: define({
      summary: 'Signs typed data (EIP-712).',
      params: [ACCOUNT, param('typedData', TYPED_DATA)],
      result: SIGNATURE_RESULT,
      errors,
      handle: ([address, data]) => accounts().signDigest(address, typedDataDigest(data, 1)),
    }),
  };
}
