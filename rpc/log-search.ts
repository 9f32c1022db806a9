/**
 * eth_getLogs: block by block with the bloom filter before any receipt is read. Logs become JSON as they are found, unless they are it
 * already, so that the answer's size is known in time and no long step is left for the end.
 */
import type { BlockView } from '../src/node/api.ts';
import type { ParleyError } from '../src/util/errors.ts';
import { requireBlock } from './block-params.ts';
import { rangeHint, walkBlocks, type WalkModules } from './block-walk.ts';
import { limitExceeded } from './errors.ts';
import type { RpcLimits } from './limits.ts';
import type { LogQuery } from './log-filter.ts';
import type { RenderedBlocks } from './rendered-blocks.ts';
import { mayHaveLogs } from './rendered-logs.ts';
import { RawJson } from './router.ts';

export type LogSearchModules = WalkModules & { readonly rendered: RenderedBlocks };

/** @throws -32005 over a limit (data names a range that fits), -32001 for an unknown block hash, -32602 for from > to. */
export async function searchLogs(modules: LogSearchModules, query: LogQuery): Promise<RawJson> {
  const { chain, limits, rendered } = modules;
  let found = new FoundLogs(limits);
  if (query.range.by === 'hash') {
    const view = requireBlock(chain, { by: 'hash', hash: query.range.hash, requireCanonical: false });
    if (found.add(blockLogs(rendered, query, view))) return found.json();
    throw limitExceeded(`too many logs of the block match (${found.bound()}): narrow the addresses or topics`);
  }
  await walkBlocks(modules, query.range, () => {
    found = new FoundLogs(limits);
    return (view, from) => {
      if (!found.add(blockLogs(rendered, query, view))) throw tooMany(found, from, view.block.header.number - 1);
    };
  });
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

function tooMany(found: FoundLogs, from: number, last: number): ParleyError {
  const to = Math.max(from, last);
  return limitExceeded(
    `too many logs match (${found.bound()}): ask for blocks ${from} to ${to}, or narrow the filter`,
    rangeHint(from, to),
  );
}
