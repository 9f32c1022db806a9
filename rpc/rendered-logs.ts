import type { BlockView } from '../src/node/api.ts';
import type { Log, Receipt } from '../src/types/receipt.ts';
import { bloomHas, EMPTY_BLOOM } from '../src/codec/bloom.ts';
import { formatLog } from './format.ts';
import { matchesLog, type LogCriteria } from './log-filter.ts';

type RenderedLog = { readonly log: Log; readonly transactionIndex: number; text: string | null };

/** Of the text of a log without its topics and data: names, hashes, address and numbers. */
const FIXED_TEXT_BYTES = 480;
const TOPIC_BYTES = 69;
const OBJECTS_BYTES = 250;
const KEPT = 'false}';

/**
 * The logs of one block, each becoming JSON text when it is first asked for: who looks for a few among many waits for those
 * alone. It holds nothing of its block but the logs, so that its size is known; who asks brings the block along.
 */
export class RenderedLogs {
  /** Receipts it was made from. */
  readonly receipts: number;
  /** At most, with all texts made. */
  readonly sizeBytes: number;
  readonly #logs: readonly RenderedLog[];

  constructor(receipts: readonly Receipt[]) {
    this.receipts = receipts.length;
    this.#logs = receipts.flatMap(({ logs }, transactionIndex) =>
      logs.map((log) => ({ log, transactionIndex, text: null })),
    );
    this.sizeBytes = this.#logs.reduce((sum, { log }) => sum + logSizeBytes(log), 0);
  }

  /** Texts of the logs that match, in order. `view`: of this block. */
  matching(criteria: LogCriteria, view: BlockView, removed = false): string[] {
    const found: string[] = [];
    let logIndex = 0;
    for (const rendered of this.#logs) {
      if (matchesLog(criteria, rendered.log)) {
        const text = (rendered.text ??= render(rendered, view, logIndex));
        if (text !== null) found.push(removed ? asRemoved(text) : text);
      }
      logIndex++;
    }
    return found;
  }
}

/** False: certainly no log of the block matches. */
export function mayHaveLogs(criteria: LogCriteria, view: BlockView): boolean {
  const { logsBloom } = view.block.header;
  if (logsBloom === EMPTY_BLOOM) return false;
  return criteria.bloomGroups.every((items) => items.some((item) => bloomHas(logsBloom, item)));
}

/** What a log takes at most, itself and as text. */
export function logSizeBytes({ topics, data }: Log): number {
  return OBJECTS_BYTES + FIXED_TEXT_BYTES + 2 * (data.length + topics.length * TOPIC_BYTES);
}

function render({ log, transactionIndex }: RenderedLog, view: BlockView, logIndex: number): string | null {
  const transaction = view.transactions()[transactionIndex];
  if (transaction === undefined) return null;
  return JSON.stringify(formatLog(log, view, transaction, transactionIndex, logIndex, false));
}

/** `removed` comes last in a log. */
function asRemoved(text: string): string {
  return `${text.slice(0, -KEPT.length)}true}`;
}
