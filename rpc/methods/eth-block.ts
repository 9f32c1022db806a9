/** Blocks: by number, tag and hash, their counts, receipts and (never any) uncles. */
import type { BlockView } from '../../src/node/api.ts';
import type { JsonValue } from '../../src/types/primitives.ts';
import { blockNumberOrTag, blockSelector, findBlock, type BlockSelector } from '../block-params.ts';
import { formatBlock, formatReceipts, quantity } from '../format.ts';
import { hashParam, numberParam, optionalBoolean, type Params } from '../params.ts';
import { method, type MethodTable } from '../router.ts';
import type { MethodContext } from './context.ts';

export function ethBlockMethods({ node }: MethodContext): MethodTable {
  const { chain } = node;
  const byNumber = (params: Params): BlockView | null => findBlock(chain, blockNumberOrTag(params[0], 0));
  const byHash = (params: Params): BlockView | null => chain.byHash(hashParam(params[0], 0));

  const getByNumber = (params: Params): JsonValue => {
    const selector = blockNumberOrTag(params[0], 0);
    const full = optionalBoolean(params[1], 1, false);
    const view = findBlock(chain, selector);
    return view === null ? null : formatBlock(view, full, isPending(selector, view, chain.head()));
  };
  const getByHash = (params: Params): JsonValue => {
    const hash = hashParam(params[0], 0);
    const full = optionalBoolean(params[1], 1, false);
    const view = chain.byHash(hash);
    return view === null ? null : formatBlock(view, full);
  };
  const count = (view: BlockView | null): JsonValue =>
    view === null ? null : quantity(view.block.body.transactions.length);
  const uncles = (view: BlockView | null): JsonValue => (view === null ? null : '0x0');
  const uncleAt = (params: Params): null => {
    numberParam(params[1], 1, 'index');
    return null;
  };

  return {
    eth_blockNumber: method(0, 0, () => quantity(chain.head().block.header.number)),
    eth_getBlockByNumber: method(1, 2, getByNumber),
    eth_getBlockByHash: method(1, 2, getByHash),
    eth_getBlockTransactionCountByNumber: method(1, 1, (params) => count(byNumber(params))),
    eth_getBlockTransactionCountByHash: method(1, 1, (params) => count(byHash(params))),
    eth_getBlockReceipts: method(1, 1, (params) => {
      const view = findBlock(chain, blockSelector(params[0], 0));
      return view === null ? null : formatReceipts(view);
    }),
    eth_getUncleCountByBlockNumber: method(1, 1, (params) => uncles(byNumber(params))),
    eth_getUncleCountByBlockHash: method(1, 1, (params) => uncles(byHash(params))),
    eth_getUncleByBlockNumberAndIndex: method(2, 2, (params) => {
      blockNumberOrTag(params[0], 0);
      return uncleAt(params);
    }),
    eth_getUncleByBlockHashAndIndex: method(2, 2, (params) => {
      hashParam(params[0], 0);
      return uncleAt(params);
    }),
  };
}

/** A node without a pending block answers its head for that tag, and then the block is shown as it is. */
function isPending(selector: BlockSelector, view: BlockView, head: BlockView): boolean {
  return selector.by === 'tag' && selector.tag === 'pending' && view.hash !== head.hash;
}
