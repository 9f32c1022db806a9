/** Transactions and receipts: sending raw ones, and all their look-ups. */
import type { BlockView } from '../../src/node/api.ts';
import type { Hash, JsonValue } from '../../src/types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../../src/types/transaction.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { blockNumberOrTag, findBlock } from '../block-params.ts';
import { formatMined, formatPooled, formatReceiptAt } from '../format.ts';
import { hashParam, hexParam, numberParam, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethTransactionMethods({ node }: MethodContext): MethodTable {
  const { chain, pool } = node;

  const sendRaw = (params: Params): Promise<Hash> => {
    const hex = hexParam(params[0], 0, 'rawTransaction');
    if (hex.length > 2 + 2 * TRANSACTION_SIZE_BYTES_MAX) {
      throw new ParleyError('TX_TOO_LARGE', `a transaction may have ${TRANSACTION_SIZE_BYTES_MAX} bytes`);
    }
    return pool.submit(fromHex(hex));
  };
  const byHash = (params: Params): JsonValue => {
    const hash = hashParam(params[0], 0);
    const located = chain.transaction(hash);
    if (located !== null) return formatMined(located.transaction, located.view, located.index);
    const waiting = pool.get(hash);
    return waiting === null ? null : formatPooled(waiting);
  };
  const rawByHash = (params: Params): JsonValue => {
    const hash = hashParam(params[0], 0);
    const transaction = chain.transaction(hash)?.transaction ?? pool.get(hash);
    return transaction === null ? null : toHex(transaction.raw);
  };
  const receipt = (params: Params): JsonValue => {
    const located = chain.transaction(hashParam(params[0], 0));
    return located === null ? null : formatReceiptAt(located.view, located.transaction, located.index);
  };

  return {
    eth_sendRawTransaction: method(1, 1, sendRaw),
    eth_getTransactionByHash: method(1, 1, byHash),
    eth_getTransactionReceipt: method(1, 1, receipt),
    eth_getRawTransactionByHash: method(1, 1, rawByHash),
    eth_getTransactionByBlockHashAndIndex: method(2, 2, (params) => {
      const hash = hashParam(params[0], 0);
      return at(chain.byHash(hash), numberParam(params[1], 1, 'index'));
    }),
    eth_getTransactionByBlockNumberAndIndex: method(2, 2, (params) => {
      const selector = blockNumberOrTag(params[0], 0);
      return at(findBlock(chain, selector), numberParam(params[1], 1, 'index'));
    }),
  };
}

function at(view: BlockView | null, index: number): JsonValue {
  const transaction = view?.transactions()[index];
  return view === null || transaction === undefined ? null : formatMined(transaction, view, index);
}
