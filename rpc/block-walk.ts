/**
 * Block by block through a range of the canonical chain: what is over a limit is refused first, then the event loop gets a turn every
 * few milliseconds so that others are answered meanwhile. A reorg on the way would mix two chains in one answer, so the walk begins
 * again then, in what is left of its time.
 */
import type { BlockView, ChainApi } from '../src/node/api.ts';
import type { JsonObject } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { findBlock, requireBlock, type BlockSelector } from './block-params.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { quantity } from './format.ts';
import type { Slice } from './turns.ts';

export type WalkModules = {
  readonly chain: ChainApi;
  readonly limits: RpcLimits;
  readonly slice: Slice;
};

/** Without `from`: as many blocks up to `to` as are allowed. */
export type BlockRange = { readonly from: BlockSelector | null; readonly to: BlockSelector };

/** `from`: where the walk began, for what an error suggests. */
export type Visit = (view: BlockView, from: number) => void;

/**
 * `begin` is called before the first block, and again after a reorg: what was gathered is worth nothing then.
 * @throws -32005 over a limit (data names a range that fits), -32602 for from > to.
 */
export async function walkBlocks(modules: WalkModules, range: BlockRange, begin: () => Visit): Promise<void> {
  const { chain, limits, slice } = modules;
  const { from, to } = bounds(modules, range);
  if (to - from + 1 > limits.logsBlockRangeMax) {
    throw limitExceeded(
      `the range has ${to - from + 1} blocks, ${limits.logsBlockRangeMax} are allowed: ask for smaller ranges`,
      rangeHint(from, from + limits.logsBlockRangeMax - 1),
    );
  }
  const started = performance.now();
  let visit = begin();
  let last: BlockView | null = null;
  for (let number = from; number <= to; number++) {
    const view: BlockView | null = chain.byNumber(number);
    if (view === null) return;
    if (performance.now() - started > limits.logsDurationMsMax) throw tooLong(limits, from, Math.max(from, number - 1));
    if (last !== null && view.block.header.parentHash !== last.hash) {
      visit = begin();
      last = null;
      number = from - 1;
      continue;
    }
    last = view;
    visit(view, from);
    if (slice.isOver) await slice.next();
  }
}

/** For the data of an error: a range that fits. */
export function rangeHint(from: number, to: number): JsonObject {
  return { fromBlock: quantity(from), toBlock: quantity(to) };
}

function bounds({ chain, limits }: WalkModules, range: BlockRange): { readonly from: number; readonly to: number } {
  const head = chain.head().block.header.number;
  const to = heightOf(chain, range.to, head);
  const last = Math.min(to, head);
  if (range.from === null) return { from: Math.max(0, last - limits.logsBlockRangeMax + 1), to: last };
  const from = heightOf(chain, range.from, head);
  if (from > to) {
    throw new ParleyError('RPC_INVALID_PARAMS', `invalid block range: from ${from} is above to ${to}`, { index: 0 });
  }
  return { from, to: last };
}

/** Numbers may lie beyond the head: there is simply nothing there yet. */
function heightOf(chain: ChainApi, selector: BlockSelector, head: number): number {
  if (selector.by === 'number') return selector.number;
  if (selector.by === 'tag' && selector.tag === 'pending') return head;
  const view = findBlock(chain, selector) ?? requireBlock(chain, selector);
  return view.block.header.number;
}

function tooLong(limits: RpcLimits, from: number, to: number): ParleyError {
  return limitExceeded(
    `the search took longer than ${limits.logsDurationMsMax} ms: ask for blocks ${from} to ${to}`,
    rangeHint(from, to),
  );
}
