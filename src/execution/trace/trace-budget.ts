import { ParleyError } from '../../util/errors.ts';

/** How much there may still be in an answer, in bytes of JSON, roughly. */
export class TraceBudget {
  readonly #sizeBytesMax: number;
  #left: number;

  constructor(sizeBytesMax: number) {
    this.#sizeBytesMax = sizeBytesMax;
    this.#left = sizeBytesMax;
  }

  /** To be called before what it is about takes memory. Throws ParleyError EXECUTION_TRACE_LIMIT. */
  spend(sizeBytes: number): void {
    this.#left -= sizeBytes;
    if (this.#left >= 0) return;
    throw new ParleyError(
      'EXECUTION_TRACE_LIMIT',
      `the trace is over ${this.#sizeBytesMax} bytes: ask for fewer steps (limit), less of each (disableStack, disableStorage, no ` +
        'enableMemory), one transaction, or the calls alone (tracer: callTracer)',
      { sizeBytesMax: this.#sizeBytesMax },
    );
  }

  /** Data as hex, its quotes included. */
  spendData(sizeBytes: number): void {
    this.spend(2 * sizeBytes + 4);
  }
}
