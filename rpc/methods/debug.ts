/**
 * debug_: blocks and what is in them as bytes. Transactions and receipts are Ethereum's (EIP-2718); header and block are in
 * Parley's own encoding, whose keccak256 of the header is the block's hash. The namespace is closed unless it is asked for.
 */
import type { BadBlock, BlockView } from '../../src/node/api.ts';
import { encodeBlock, encodeHeader } from '../../src/codec/block.ts';
import { encodeReceipt } from '../../src/codec/receipt.ts';
import { toHex } from '../../src/util/hex.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import { BLOCK, requireBlock } from '../block-params.ts';
import { RESOURCE_NOT_FOUND } from '../errors.ts';
import { formatHeader, quantity } from '../format.ts';
import { define, param, type Method, type MethodTable } from '../method.ts';
import type { JsonObject, JsonValue } from '../../src/types/primitives.ts';
import { HASH } from '../params.ts';
import type { JsonSchema } from '../schema/param-type.ts';
import { BLOCK_RESULT, DATA_RESULT, HASH_RESULT, listOf, orNull, shape } from '../schema/results.ts';
import type { MethodContext } from './context.ts';

export function debugMethods({ node }: MethodContext): MethodTable {
  const { chain, pool } = node;
  const ofBlock = (summary: string, result: JsonSchema, show: (view: BlockView) => JsonValue): Method =>
    define({
      summary,
      params: [param('block', BLOCK)],
      result,
      errors: [RESOURCE_NOT_FOUND],
      handle: ([selector]) => show(requireBlock(chain, selector)),
    });
  return {
    debug_getRawHeader: ofBlock('The header of a block: RLP with the seal.', DATA_RESULT, ({ block }) =>
      toHex(encodeHeader(block.header)),
    ),
    debug_getRawBlock: ofBlock('A block: RLP of header and body.', DATA_RESULT, ({ block }) =>
      toHex(encodeBlock(block)),
    ),
    debug_getRawReceipts: ofBlock(
      'The receipts of a block, each as in the receipts trie.',
      listOf(DATA_RESULT),
      (view) => view.receipts().map((receipt) => toHex(encodeReceipt(receipt))),
    ),
    debug_getRawTransaction: define({
      summary: 'The signed bytes of a transaction, in a block or waiting.',
      params: [param('hash', HASH)],
      result: orNull(DATA_RESULT),
      handle: ([hash]) => {
        const transaction = chain.transaction(hash)?.transaction ?? pool.get(hash);
        return transaction === null ? null : toHex(transaction.raw);
      },
    }),
    debug_getBadBlocks: define({
      summary: 'Blocks of peers that this node refused as invalid of late, the newest first.',
      params: [],
      result: listOf(shape({ block: BLOCK_RESULT, hash: HASH_RESULT, rlp: DATA_RESULT })),
      handle: () => node.badBlocks().map(formatBadBlock),
    }),
  };
}

/** What is in it need be no transactions: they are shown by the hashes of their bytes. */
function formatBadBlock({ hash, block, encoded }: BadBlock): JsonObject {
  const nothing = (): never[] => [];
  const view: BlockView = {
    hash,
    block,
    sizeBytes: encoded.length,
    canonical: false,
    transactions: nothing,
    receipts: nothing,
  };
  const transactions = block.body.transactions.map(keccak256);
  const shown = { ...formatHeader(view), size: quantity(encoded.length), uncles: [], transactions };
  return { block: shown, hash, rlp: toHex(encoded) };
}
