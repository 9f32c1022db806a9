/** Transactions and receipts: sending raw ones, and all their look-ups. */
import type { BlockView } from '../../src/node/api.ts';
import type { Bytes, Hash, Hex, JsonValue } from '../../src/types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX, type Transaction } from '../../src/types/transaction.ts';
import { ParleyError } from '../../src/util/errors.ts';
import { fromHex, toHex } from '../../src/util/hex.ts';
import { BLOCK_NUMBER, findBlock } from '../block-params.ts';
import { TRANSACTION_REJECTED } from '../errors.ts';
import { formatMined, formatPooled } from '../format.ts';
import { define, param, type MethodTable } from '../method.ts';
import { HASH, HEX, NUMBER } from '../params.ts';
import { RawJson, type MethodResult } from '../router.ts';
import { DATA_RESULT, HASH_RESULT, orNull, RECEIPT_RESULT, TRANSACTION_RESULT } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const BY_HASH = [param('hash', HASH)] as const;
const BY_BLOCK_HASH = [param('blockHash', HASH), param('index', NUMBER)] as const;
const BY_BLOCK_NUMBER = [param('number', BLOCK_NUMBER), param('index', NUMBER)] as const;
const TRANSACTION = orNull(TRANSACTION_RESULT);
const RAW = orNull(DATA_RESULT);

export function ethTransactionMethods({ node, rendered }: MethodContext): MethodTable {
  const { chain, pool } = node;

  const byHash = (hash: Hash): JsonValue => {
    const located = chain.transaction(hash);
    if (located !== null) return formatMined(located.transaction, located.view, located.index);
    const waiting = pool.get(hash);
    return waiting === null ? null : formatPooled(waiting);
  };
  const receipt = (hash: Hash): MethodResult => {
    const located = chain.transaction(hash);
    if (located === null) return null;
    return new RawJson(rendered.receipts(located.view).at(located.index, located.view));
  };

  return {
    eth_sendRawTransaction: define({
      summary: 'Submits a signed transaction; answers when it can no longer be lost.',
      params: [param('transaction', HEX)],
      result: HASH_RESULT,
      errors: [TRANSACTION_REJECTED],
      handle: ([raw]) => pool.submit(bounded(raw)),
    }),
    eth_getTransactionByHash: define({
      summary: 'A transaction, in a block or waiting.',
      params: BY_HASH,
      result: TRANSACTION,
      handle: ([hash]) => byHash(hash),
    }),
    eth_getTransactionReceipt: define({
      summary: 'What came of a transaction; null while it waits.',
      params: BY_HASH,
      result: orNull(RECEIPT_RESULT),
      handle: ([hash]) => receipt(hash),
    }),
    eth_getRawTransactionByHash: define({
      summary: 'The signed bytes of a transaction, in a block or waiting.',
      params: BY_HASH,
      result: RAW,
      handle: ([hash]) => rawOf(chain.transaction(hash)?.transaction ?? pool.get(hash)),
    }),
    eth_getTransactionByBlockHashAndIndex: define({
      summary: 'A transaction by its place.',
      params: BY_BLOCK_HASH,
      result: TRANSACTION,
      handle: ([hash, index]) => at(chain.byHash(hash), index),
    }),
    eth_getTransactionByBlockNumberAndIndex: define({
      summary: 'A transaction by its place.',
      params: BY_BLOCK_NUMBER,
      result: TRANSACTION,
      handle: ([selector, index]) => at(findBlock(chain, selector), index),
    }),
    eth_getRawTransactionByBlockHashAndIndex: define({
      summary: 'The signed bytes of a transaction by its place.',
      params: BY_BLOCK_HASH,
      result: RAW,
      handle: ([hash, index]) => rawOf(chain.byHash(hash)?.transactions()[index]),
    }),
    eth_getRawTransactionByBlockNumberAndIndex: define({
      summary: 'The signed bytes of a transaction by its place.',
      params: BY_BLOCK_NUMBER,
      result: RAW,
      handle: ([selector, index]) => rawOf(findBlock(chain, selector)?.transactions()[index]),
    }),
  };
}

function bounded(raw: Hex): Bytes {
  if (raw.length <= 2 + 2 * TRANSACTION_SIZE_BYTES_MAX) return fromHex(raw);
  throw new ParleyError('TX_TOO_LARGE', `a transaction may have ${TRANSACTION_SIZE_BYTES_MAX} bytes`);
}

function rawOf(transaction: Transaction | null | undefined): JsonValue {
  return transaction === null || transaction === undefined ? null : toHex(transaction.raw);
}

function at(view: BlockView | null, index: number): JsonValue {
  const transaction = view?.transactions()[index];
  return view === null || transaction === undefined ? null : formatMined(transaction, view, index);
}
