import type { Clock, TimerHandle, Timers } from '../../src/ports/clock.ts';
import type { Millis } from '../../src/types/primitives.ts';

/** When simulated time begins. */
export const EPOCH_MS: Millis = 1_750_000_000_000;

type Event = { readonly at: Millis; readonly sequence: number; readonly run: () => void; cancelled: boolean };

/**
 * Simulated time: a heap of events by (time, order of being asked for). Between two events everything that does not wait
 * for time runs to its end, so what a node does is a function of the events alone.
 */
export class SimClock implements Clock, Timers {
  readonly #heap: Event[] = [];
  #now: Millis = EPOCH_MS;
  #sequence = 0;
  #events = 0;
  #cancelled = 0;

  now(): Millis {
    return this.#now;
  }

  /** Since the beginning. */
  get elapsedMs(): Millis {
    return this.#now - EPOCH_MS;
  }

  /** Events that ran. */
  get events(): number {
    return this.#events;
  }

  /** Events that wait. */
  get pending(): number {
    return this.#heap.length - this.#cancelled;
  }

  after(delayMs: Millis, run: () => void): TimerHandle {
    const event = {
      at: this.#now + Math.max(0, Math.ceil(delayMs)),
      sequence: this.#sequence++,
      run,
      cancelled: false,
    };
    this.#push(event);
    return {
      cancel: () => {
        if (event.cancelled) return;
        event.cancelled = true;
        this.#cancelled++;
      },
    };
  }

  /** Runs all events up to and including this time, or until `stop` says so (asked after each event). */
  async runUntil(timeMs: Millis, stop: () => boolean = () => false): Promise<void> {
    // What was done from outside since the last run goes first.
    await settled();
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.at > timeMs) break;
      this.#pop();
      if (event.cancelled) {
        this.#cancelled--;
        continue;
      }
      // A cancel after it ran must not count as one that waits.
      event.cancelled = true;
      this.#now = event.at;
      this.#events++;
      event.run();
      await settled();
      if (stop()) return;
    }
    this.#now = Math.max(this.#now, timeMs);
  }

  runFor(durationMs: Millis, stop?: () => boolean): Promise<void> {
    return this.runUntil(this.#now + durationMs, stop);
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above] as Event;
      if (!isBefore(event, parent)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop() as Event;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Event, heap[below] as Event)) below++;
      const child = heap[below] as Event;
      if (!isBefore(child, last)) break;
      heap[at] = child;
      at = below;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

/** Resolves when no promise has anything left to do: nothing in a node waits for anything but simulated events. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * One process's time: the world's, seen through a clock that is wrong, and the only way into the process. While it is
 * paused, what would enter waits; while it is slow, it comes later; when it is dead, it never does.
 */
export class ProcessTime implements Clock, Timers {
  readonly #world: SimClock;
  #offsetMs: Millis;
  #waiting: (() => void)[] | null = null;
  #lateMs: Millis = 0;
  #isDead = false;

  constructor(world: SimClock, offsetMs: Millis) {
    this.#world = world;
    this.#offsetMs = offsetMs;
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  get isPaused(): boolean {
    return this.#waiting !== null;
  }

  now(): Millis {
    return this.#world.now() + this.#offsetMs;
  }

  /** The clock jumps; timers, which measure durations, do not. */
  setOffset(offsetMs: Millis): void {
    this.#offsetMs = offsetMs;
  }

  after(delayMs: Millis, run: () => void): TimerHandle {
    let isCancelled = false;
    const handle = this.#world.after(delayMs, () =>
      this.enter(() => {
        if (!isCancelled) run();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
        handle.cancel();
      },
    };
  }

  /** Everything that enters comes so much later: a machine under load. 0: as quick as ever. */
  setLate(lateMs: Millis): void {
    this.#lateMs = lateMs;
  }

  /** Runs it in the process: now, when a slow machine comes to it, after the pause, or never. */
  enter(run: () => void): void {
    if (this.#isDead) return;
    if (this.#lateMs > 0) this.#world.after(this.#lateMs, () => this.#admit(run));
    else this.#admit(run);
  }

  #admit(run: () => void): void {
    if (this.#isDead) return;
    if (this.#waiting !== null) this.#waiting.push(run);
    else run();
  }

  pause(): void {
    this.#waiting ??= [];
  }

  resume(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const run of waiting) this.#world.after(0, () => this.#admit(run));
  }

  die(): void {
    this.#isDead = true;
    this.#waiting = null;
  }
}
