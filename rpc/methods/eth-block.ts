/** Blocks: by number, tag and hash, their headers, counts, receipts and (never any) uncles. */
import type { BlockView } from '../../src/node/api.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { BLOCK, BLOCK_NUMBER, findBlock, type BlockSelector } from '../block-params.ts';
import { formatBlock, formatHeader, quantity } from '../format.ts';
import { define, param, type Method, type MethodTable } from '../method.ts';
import { FLAG, HASH, NUMBER } from '../params.ts';
import { RawJson, type MethodResult } from '../router.ts';
import { optional, type JsonSchema } from '../schema/param-type.ts';
import {
  BLOCK_RESULT,
  HEADER_RESULT,
  listOf,
  NULL_RESULT,
  orNull,
  QUANTITY_RESULT,
  RECEIPT_RESULT,
} from '../schema/results.ts';
import type { MethodContext } from './context.ts';

const FULL = param('full', optional(FLAG, false));

export function ethBlockMethods({ node, rendered }: MethodContext): MethodTable {
  const { chain } = node;

  /** Two methods each: the block by number or tag, and by hash. */
  const byNumber = (summary: string, result: JsonSchema, show: (view: BlockView) => JsonValue): Method =>
    define({
      summary,
      params: [param('number', BLOCK_NUMBER)],
      result: orNull(result),
      handle: ([selector]) => orNone(findBlock(chain, selector), show),
    });
  const byHash = (summary: string, result: JsonSchema, show: (view: BlockView) => JsonValue): Method =>
    define({
      summary,
      params: [param('hash', HASH)],
      result: orNull(result),
      handle: ([hash]) => orNone(chain.byHash(hash), show),
    });
  const block = (view: BlockView, full: boolean): MethodResult => new RawJson(rendered.block(view, full));
  const count = (view: BlockView): JsonValue => quantity(view.block.body.transactions.length);

  return {
    eth_blockNumber: define({
      summary: 'Height of the head.',
      params: [],
      result: QUANTITY_RESULT,
      handle: () => quantity(chain.head().block.header.number),
    }),
    eth_getBlockByNumber: define({
      summary: 'A block with the hashes of its transactions, or with all of them.',
      params: [param('number', BLOCK_NUMBER), FULL],
      result: orNull(BLOCK_RESULT),
      handle: ([selector, full]) =>
        orNone(findBlock(chain, selector), (view) =>
          isPending(selector, view, chain.head()) ? formatBlock(view, full, true) : block(view, full),
        ),
    }),
    eth_getBlockByHash: define({
      summary: 'As eth_getBlockByNumber; also a block off the canonical chain.',
      params: [param('hash', HASH), FULL],
      result: orNull(BLOCK_RESULT),
      handle: ([hash, full]) => orNone(chain.byHash(hash), (view) => block(view, full)),
    }),
    eth_getHeaderByNumber: byNumber('The header of a block.', HEADER_RESULT, (view) => formatHeader(view)),
    eth_getHeaderByHash: byHash('The header of a block.', HEADER_RESULT, (view) => formatHeader(view)),
    eth_getBlockTransactionCountByNumber: byNumber('How many transactions a block has.', QUANTITY_RESULT, count),
    eth_getBlockTransactionCountByHash: byHash('How many transactions a block has.', QUANTITY_RESULT, count),
    eth_getBlockReceipts: define({
      summary: 'All receipts of a block.',
      params: [param('block', BLOCK)],
      result: orNull(listOf(RECEIPT_RESULT)),
      handle: ([selector]) =>
        orNone(findBlock(chain, selector), (view) => new RawJson(rendered.receipts(view).all(view))),
    }),
    eth_getUncleCountByBlockNumber: byNumber('Zero: there are no uncles.', QUANTITY_RESULT, () => '0x0'),
    eth_getUncleCountByBlockHash: byHash('Zero: there are no uncles.', QUANTITY_RESULT, () => '0x0'),
    eth_getUncleByBlockNumberAndIndex: define({
      summary: 'Null: there are no uncles.',
      params: [param('number', BLOCK_NUMBER), param('index', NUMBER)],
      result: NULL_RESULT,
      handle: () => null,
    }),
    eth_getUncleByBlockHashAndIndex: define({
      summary: 'Null: there are no uncles.',
      params: [param('hash', HASH), param('index', NUMBER)],
      result: NULL_RESULT,
      handle: () => null,
    }),
  };
}

function orNone(view: BlockView | null, show: (view: BlockView) => MethodResult): MethodResult {
  return view === null ? null : show(view);
}

/** A node without a pending block answers its head for that tag, and then the block is shown as it is. */
function isPending(selector: BlockSelector, view: BlockView, head: BlockView): boolean {
  return selector.by === 'tag' && selector.tag === 'pending' && view.hash !== head.hash;
}
