import { once } from 'node:events';
import { Worker } from 'node:worker_threads';

export type PoliteOptions = {
  readonly url: string;
  /** One of this machine's own; clients are told apart by it. */
  readonly localAddress: string;
  /** Somebody who never sends anything, and what is there. */
  readonly account: string;
  readonly balance: string;
};

/** What came of its calls since the last report. */
export type PoliteReport = {
  /** How long each took. */
  readonly timesMs: readonly number[];
  /** The first ten. */
  readonly failures: readonly string[];
  readonly height: number;
  /** In all: 1 as long as it was never cut off. */
  readonly connections: number;
};

/**
 * A good citizen: asks for the height and for a balance, again and again. In a thread of its own, so that what it measures is the node and not
 * what the test does meanwhile.
 */
export class PoliteClient {
  readonly #worker: Worker;

  constructor(options: PoliteOptions) {
    this.#worker = new Worker(new URL('./polite-worker.ts', import.meta.url), { workerData: options, execArgv: [] });
    this.#worker.unref();
  }

  /** Resolves when calls that begin now have their answers too. */
  async report(): Promise<PoliteReport> {
    // The rule is about windows; this is a port between threads.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    this.#worker.postMessage('report');
    const [report] = (await once(this.#worker, 'message')) as [PoliteReport];
    return report;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}
