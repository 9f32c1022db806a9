/**
 * eth_getLogs over a range: what is over a limit is refused first, then block by block with the bloom filter before any
 * receipt is read, giving the event loop a turn every few milliseconds so that others are answered meanwhile. Logs become
 * JSON as they are found, unless they are it already, so that the answer's size is known in time and no long step is left for the
 * end.
 */
import type { BlockView, ChainApi } from '../src/node/api.ts';
import type { JsonObject } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import { findBlock, requireBlock, type BlockSelector } from './block-params.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import { quantity } from './format.ts';
import type { LogQuery } from './log-filter.ts';
import type { RenderedBlocks } from './rendered-blocks.ts';
import { mayHaveLogs } from './rendered-logs.ts';
import { RawJson } from './router.ts';
import type { Slice } from './turns.ts';

export type LogSearchModules = {
  readonly chain: ChainApi;
  readonly limits: RpcLimits;
  readonly rendered: RenderedBlocks;
  readonly slice: Slice;
};

/** @throws -32005 over a limit (data names a range that fits), -32001 for an unknown block hash, -32602 for from > to. */
export async function searchLogs(modules: LogSearchModules, query: LogQuery): Promise<RawJson> {
  const { chain, limits, rendered } = modules;
  if (query.range.by === 'hash') {
    const view = requireBlock(chain, { by: 'hash', hash: query.range.hash, requireCanonical: false });
    const found = new FoundLogs(limits);
    if (found.add(blockLogs(rendered, query, view))) return found.json();
    throw limitExceeded(`too many logs of the block match (${found.bound()}): narrow the addresses or topics`);
  }
  const { from, to } = bounds(chain, query.range.from, query.range.to);
  if (to - from + 1 > limits.logsBlockRangeMax) {
    throw limitExceeded(
      `the range has ${to - from + 1} blocks, ${limits.logsBlockRangeMax} are allowed: ask for smaller ranges`,
      suggestion(from, from + limits.logsBlockRangeMax - 1),
    );
  }
  return searchRange(modules, query, from, to);
}

async function searchRange(modules: LogSearchModules, query: LogQuery, from: number, to: number): Promise<RawJson> {
  const { chain, limits, rendered, slice } = modules;
  const started = performance.now();
  const found = new FoundLogs(limits);
  let last: BlockView | null = null;
  for (let number = from; number <= to; number++) {
    const view: BlockView | null = chain.byNumber(number);
    if (view === null) break;
    // A reorg while we gave way would mix two chains in one answer.
    if (last !== null && view.block.header.parentHash !== last.hash) {
      const left = spend(limits, performance.now() - started, from, number);
      return searchRange({ ...modules, limits: left }, query, from, to);
    }
    last = view;
    if (!found.add(blockLogs(rendered, query, view))) throw tooMany(found, from, Math.max(from, number - 1));
    if (performance.now() - started > limits.logsDurationMsMax) throw tooLong(limits, from, number);
    if (slice.isOver) await slice.next();
  }
  return found.json();
}

function blockLogs(rendered: RenderedBlocks, { criteria }: LogQuery, view: BlockView): readonly string[] {
  return mayHaveLogs(criteria, view) ? rendered.logs(view).matching(criteria, view) : [];
}

const BRACKETS_BYTES = 2;

/** Logs of one answer, as JSON text. */
class FoundLogs {
  readonly #limits: RpcLimits;
  #count = 0;
  /** Grows by concatenation, which copies nothing until the whole answer is sent; `join` would copy once more. */
  #list = '';

  constructor(limits: RpcLimits) {
    this.#limits = limits;
  }

  /** False: they are too many, or too large; some may be left out. */
  add(logs: readonly string[]): boolean {
    this.#count += logs.length;
    if (this.#count > this.#limits.logsResultsMax) return false;
    for (const text of logs) {
      this.#list += this.#list === '' ? text : `,${text}`;
      if (this.#list.length + BRACKETS_BYTES > this.#limits.answerSizeBytesMax) return false;
    }
    return true;
  }

  /** What may be answered, for people. */
  bound(): string {
    return `${this.#limits.logsResultsMax} logs and ${this.#limits.answerSizeBytesMax} bytes are allowed`;
  }

  json(): RawJson {
    return new RawJson(`[${this.#list}]`);
  }
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

function tooMany(found: FoundLogs, from: number, to: number): ParleyError {
  return limitExceeded(
    `too many logs match (${found.bound()}): ask for blocks ${from} to ${to}, or narrow the filter`,
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
