/**
 * eth_getLogs over a range: newest limits first refused, then block by block with the bloom filter before any
 * receipt is read, giving the event loop a turn every few milliseconds so that others are answered meanwhile.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BlockView, ChainApi } from '../src/node/api.ts';
import type { JsonObject } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { findBlock, requireBlock, type BlockSelector } from './block-params.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { quantity } from './format.ts';
import { blockLogs, type LogQuery } from './log-filter.ts';

const SLICE_MS = 5;

/** @throws -32005 over a limit (data names a range that fits), -32001 for an unknown block hash, -32602 for from > to. */
export async function searchLogs(chain: ChainApi, query: LogQuery, limits: RpcLimits): Promise<JsonObject[]> {
  if (query.range.by === 'hash') {
    const view = requireBlock(chain, { by: 'hash', hash: query.range.hash, requireCanonical: false });
    return checkResults(blockLogs(query.criteria, view), limits);
  }
  const { from, to } = bounds(chain, query.range.from, query.range.to);
  if (to - from + 1 > limits.logsBlockRangeMax) {
    throw limitExceeded(
      `the range has ${to - from + 1} blocks, ${limits.logsBlockRangeMax} are allowed: ask for smaller ranges`,
      suggestion(from, from + limits.logsBlockRangeMax - 1),
    );
  }
  return searchRange(chain, query, from, to, limits);
}

async function searchRange(
  chain: ChainApi,
  query: LogQuery,
  from: number,
  to: number,
  limits: RpcLimits,
): Promise<JsonObject[]> {
  const started = performance.now();
  let sliceStart = started;
  let found: JsonObject[] = [];
  let last: BlockView | null = null;
  for (let number = from; number <= to; number++) {
    const view: BlockView | null = chain.byNumber(number);
    if (view === null) break;
    // A reorg while we gave way would mix two chains in one answer.
    if (last !== null && view.block.header.parentHash !== last.hash) {
      return searchRange(chain, query, from, to, spend(limits, performance.now() - started, from, number));
    }
    last = view;
    const logs = blockLogs(query.criteria, view);
    if (logs.length > 0) found = found.concat(logs);
    if (found.length > limits.logsResultsMax) throw tooMany(found.length, limits, from, Math.max(from, number - 1));
    const now = performance.now();
    if (now - started > limits.logsDurationMsMax) throw tooLong(limits, from, number);
    if (now - sliceStart > SLICE_MS) {
      await nextTurn();
      sliceStart = performance.now();
    }
  }
  return found;
}

function bounds(chain: ChainApi, from: BlockSelector, to: BlockSelector): { from: number; to: number } {
  const head = chain.head().block.header.number;
  const first = heightOf(chain, from, head);
  const last = heightOf(chain, to, head);
  if (first > last) {
    throw new ParleyError('RPC_INVALID_PARAMS', `invalid block range: from ${first} is above to ${last}`, { index: 0 });
  }
  return { from: first, to: Math.min(last, head) };
}

/** Numbers may lie beyond the head: there is simply nothing there yet. */
function heightOf(chain: ChainApi, selector: BlockSelector, head: number): number {
  if (selector.by === 'number') return selector.number;
  if (selector.by === 'tag' && selector.tag === 'pending') return head;
  const view = findBlock(chain, selector) ?? requireBlock(chain, selector);
  return view.block.header.number;
}

function checkResults(found: JsonObject[], limits: RpcLimits): JsonObject[] {
  if (found.length <= limits.logsResultsMax) return found;
  throw limitExceeded(
    `the block has ${found.length} matching logs, ${limits.logsResultsMax} are allowed: narrow the addresses or topics`,
  );
}

function tooMany(count: number, limits: RpcLimits, from: number, to: number): ParleyError {
  return limitExceeded(
    `more than ${limits.logsResultsMax} logs match (${count} so far): ask for blocks ${from} to ${to}, or narrow the filter`,
    suggestion(from, to),
  );
}

function tooLong(limits: RpcLimits, from: number, to: number): ParleyError {
  return limitExceeded(
    `the search took longer than ${limits.logsDurationMsMax} ms: ask for blocks ${from} to ${to}, or narrow the filter`,
    suggestion(from, to),
  );
}

/** What is left of the time after starting again. */
function spend(limits: RpcLimits, spentMs: number, from: number, to: number): RpcLimits {
  const logsDurationMsMax = limits.logsDurationMsMax - spentMs;
  if (logsDurationMsMax <= 0) throw tooLong(limits, from, to);
  return { ...limits, logsDurationMsMax };
}

function suggestion(from: number, to: number): JsonObject {
  return { fromBlock: quantity(from), toBlock: quantity(to) };
}
