type Job = () => Promise<void>;

/**
 * One writer at a time. Urgent jobs (decisions of the engine, own blocks) go before those that wait, in the order of the
 * calls among themselves; the job that runs is never interrupted. How many may wait is the caller's to bound.
 */
export class WriterQueue {
  #urgent: Job[] = [];
  #waiting: Job[] = [];
  #running = false;
  #idleWaiters: (() => void)[] = [];

  /** Jobs that have not begun, urgent ones left out. */
  get waiting(): number {
    return this.#waiting.length;
  }

  run<T>(job: () => Promise<T>, options: { readonly urgent: boolean }): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const queue = options.urgent ? this.#urgent : this.#waiting;
      queue.push(() => job().then(resolve, reject));
      if (!this.#running) void this.#drain();
    });
  }

  /** Resolves when nothing runs and nothing waits. */
  idle(): Promise<void> {
    return this.#running ? new Promise((resolve) => this.#idleWaiters.push(resolve)) : Promise.resolve();
  }

  async #drain(): Promise<void> {
    this.#running = true;
    for (let job = this.#next(); job !== undefined; job = this.#next()) await job();
    this.#running = false;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  #next(): Job | undefined {
    return this.#urgent.shift() ?? this.#waiting.shift();
  }
}
