/** By how much this process is late, as a timer in it sees that. One long step does not count, only going on like that. */
import { monitorEventLoopDelay, type ELDHistogram } from 'node:perf_hooks';

const RESOLUTION_MS = 20;
const WINDOW_MS = 1000;

/** What is needed of a histogram of delays, in ns. */
export type DelayHistogram = Pick<ELDHistogram, 'count' | 'mean' | 'reset' | 'enable' | 'disable'>;

export class EventLoopLag {
  readonly #histogram: DelayHistogram;
  #timer: NodeJS.Timeout | null = null;
  #last = 0;
  #lagMs = 0;

  constructor(histogram: DelayHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })) {
    this.#histogram = histogram;
  }

  /** Mean delay of the better one of the last two seconds. */
  get lagMs(): number {
    return this.#lagMs;
  }

  start(): void {
    this.#histogram.enable();
    this.#timer = setInterval(() => this.#window(), WINDOW_MS).unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    this.#histogram.disable();
    this.#last = this.#lagMs = 0;
  }

  #window(): void {
    const meanMs = this.#histogram.count === 0 ? 0 : Math.max(0, this.#histogram.mean / 1e6 - RESOLUTION_MS);
    this.#histogram.reset();
    this.#lagMs = Math.min(this.#last, meanMs);
    this.#last = meanMs;
  }
}
