/**
 * Long work in slices. Between two slices the event loop has a turn, in which everybody else is answered, and each turn goes to
 * one slice alone, clients alternating: however much long work there is, a cheap call waits for no more than one slice.
 */
import { FairLine } from './fair-line.ts';

const SLICE_MS = 5;

export class Turns {
  readonly #line = new FairLine<() => void>();
  #scheduled = false;

  /** Somebody waits. */
  get busy(): boolean {
    return this.#line.size > 0;
  }

  /** Resolves when a turn is this client's. */
  next(client: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#line.push(client, resolve);
    this.#schedule();
    return promise;
  }

  /** Of work that begins now. */
  slice(client: string): Slice {
    return new Slice(() => this.next(client));
  }

  #schedule(): void {
    if (this.#scheduled || !this.busy) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#line.shift()?.();
      this.#schedule();
    });
  }
}

/** Of one piece of long work; several of its parts may share it. */
export class Slice {
  readonly #next: () => Promise<void>;
  #startMs = performance.now();
  #turn: Promise<void> | null = null;

  constructor(next: () => Promise<void>) {
    this.#next = next;
  }

  /** Time to give way. */
  get isOver(): boolean {
    return this.#turn !== null || performance.now() - this.#startMs > SLICE_MS;
  }

  /** Resolves when a new slice begins. */
  next(): Promise<void> {
    this.#turn ??= this.#next().then(() => {
      this.#turn = null;
      this.#startMs = performance.now();
    });
    return this.#turn;
  }
}
