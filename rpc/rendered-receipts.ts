import type { BlockView } from '../src/node/api.ts';
import type { Receipt } from '../src/types/receipt.ts';
import { ParleyError } from '../src/util/errors.ts';
import { formatReceipt } from './format.ts';
import { logSizeBytes } from './rendered-logs.ts';

type RenderedReceipt = { readonly receipt: Receipt; readonly firstLogIndex: number; text: string | null };

/** Of a receipt without its logs, itself and as text: names, hashes, addresses and numbers, and the bloom filter twice. */
const FIXED_BYTES = 2500;

/**
 * The receipts of one block, each becoming JSON text when it is first asked for. It holds nothing of its block but the receipts,
 * so that its size is known; who asks brings the block along.
 */
export class RenderedReceipts {
  /** At most, with all texts made. */
  readonly sizeBytes: number;
  readonly #receipts: readonly RenderedReceipt[];

  constructor(receipts: readonly Receipt[]) {
    let logs = 0;
    let sizeBytes = 0;
    this.#receipts = receipts.map((receipt) => {
      const firstLogIndex = logs;
      logs += receipt.logs.length;
      sizeBytes += receipt.logs.reduce((sum, log) => sum + logSizeBytes(log), FIXED_BYTES);
      return { receipt, firstLogIndex, text: null };
    });
    this.sizeBytes = sizeBytes;
  }

  get count(): number {
    return this.#receipts.length;
  }

  /** `view`: of this block. @throws INVARIANT when it has no such transaction. */
  at(index: number, view: BlockView): string {
    const rendered = this.#receipts[index];
    const transaction = view.transactions()[index];
    if (rendered === undefined || transaction === undefined) {
      throw new ParleyError('INVARIANT', `block ${view.hash} has no receipt ${index}`);
    }
    const { receipt, firstLogIndex } = rendered;
    rendered.text ??= JSON.stringify(formatReceipt(view, transaction, receipt, index, firstLogIndex));
    return rendered.text;
  }

  /** A list of all, in order. */
  all(view: BlockView): string {
    let list = '';
    for (let index = 0; index < this.count; index++)
      list += index === 0 ? this.at(0, view) : `,${this.at(index, view)}`;
    return `[${list}]`;
  }
}
