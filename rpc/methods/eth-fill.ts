/** eth_fillTransaction: what eth_sendTransaction fills in, for whoever signs elsewhere. */
import { encodeUnsigned, type UnsignedTransaction } from '../../src/codec/transaction.ts';
import type { Address, JsonObject } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import { sendRequest } from '../call-params.ts';
import { EXECUTION_REVERTED, INVALID_INPUT } from '../errors.ts';
import { quantity } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { DATA_RESULT, shape, UNSIGNED_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function ethFillMethods({ node }: MethodContext): MethodTable {
  return {
    eth_fillTransaction: define({
      summary: 'Fills in nonce, fees and gas where they are missing; nothing is signed.',
      params: [param('transaction', sendRequest(node.chainId))],
      result: shape({ raw: DATA_RESULT, tx: UNSIGNED_RESULT }),
      errors: [EXECUTION_REVERTED, INVALID_INPUT],
      handle: async ([request]) => {
        const filled = await node.fillTransaction(request);
        return { raw: toHex(encodeUnsigned(filled)), tx: formatUnsigned(request.from, filled) };
      },
    }),
  };
}

function formatUnsigned(from: Address, tx: UnsignedTransaction): JsonObject {
  const { type } = tx;
  const shared = {
    type: quantity(type),
    chainId: quantity(tx.chainId ?? 0),
    from,
    to: tx.to,
    nonce: quantity(tx.nonce),
    gas: quantity(tx.gasLimit),
    gasPrice: quantity(tx.maxFeePerGas),
    value: quantity(tx.value),
    input: toHex(tx.data),
  };
  if (type === 0) return shared;
  const listed = { ...shared, accessList: tx.accessList };
  if (type === 1) return listed;
  const [maxFeePerGas, maxPriorityFeePerGas] = [quantity(tx.maxFeePerGas), quantity(tx.maxPriorityFeePerGas)];
  return { ...listed, maxFeePerGas, maxPriorityFeePerGas };
}
