/** Lets a few through at a time; the others wait in order. */
export class Turnstile {
  readonly #concurrencyMax: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(concurrencyMax: number) {
    this.#concurrencyMax = concurrencyMax;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.#concurrencyMax) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    } else this.#running++;
    try {
      return await work();
    } finally {
      // A place is handed on rather than given back, so that nobody overtakes.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}
