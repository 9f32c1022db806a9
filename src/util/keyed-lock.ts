import type { Millis } from '../types/primitives.ts';
import { ParleyError } from './errors.ts';
import type { Gauge, Histogram, Metrics } from './metrics.ts';

export type KeyedLockOptions = {
  /** Label of the metrics. */
  readonly name: string;
  /** How long a waiter waits at most, unless it says otherwise. */
  readonly timeoutMs: Millis;
  readonly waitersPerKeyMax: number;
  /** Over all keys. */
  readonly waitersMax: number;
};

/** Time as the lock needs it: src/ports/clock.ts has it (this folder imports nothing from there). */
export type KeyedLockModules = {
  readonly clock: { now(): Millis };
  readonly timers: { after(delayMs: Millis, callback: () => void): { cancel(): void } };
  readonly metrics: Metrics;
};

export type AcquireOptions = {
  /** Who holds it, for the error of those who waited in vain. */
  readonly owner?: string;
  readonly timeoutMs?: Millis;
  readonly signal?: AbortSignal;
};

/** The right to go on, until released. A second `release` does nothing. */
export interface Lease {
  release(): void;
}

const WAIT_BUCKETS_SECONDS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/**
 * A fair lock per key. Holders of other keys are not in the way, readers take no lock at all, and those who wait for one key get it
 * in the order in which they asked: a release hands the lock to the first in line, so nobody can slip in between. A free key is taken
 * synchronously, with no promise and no timer.
 */
export class KeyedLock {
  readonly #options: KeyedLockOptions;
  readonly #modules: KeyedLockModules;
  readonly #lines = new Map<string, Line>();
  readonly #waitSeconds: Histogram;
  readonly #depthGauge: Gauge;
  readonly #labels: { readonly lock: string };
  #depth = 0;

  constructor(options: KeyedLockOptions, modules: KeyedLockModules) {
    this.#options = options;
    this.#modules = modules;
    this.#labels = { lock: options.name };
    const { metrics } = modules;
    this.#waitSeconds = metrics.histogram(
      'parley_lock_wait_seconds',
      'Time spent in line by those who did not get the lock at once',
      WAIT_BUCKETS_SECONDS,
      ['lock'],
    );
    this.#depthGauge = metrics.gauge('parley_lock_waiting', 'Waiters in line over all keys', ['lock']);
  }

  /** Waiters over all keys. */
  get depth(): number {
    return this.#depth;
  }

  /** Keys held now. */
  get held(): number {
    return this.#lines.size;
  }

  /**
   * The lease itself when the key is free, else a promise of it. Throws, or rejects with, ParleyError LOCK_QUEUE_FULL (too many
   * in line), LOCK_TIMEOUT (data.holder, data.waitedMs) or LOCK_ABORTED (the signal; its reason is the cause).
   */
  acquire(key: string, options: AcquireOptions = {}): Lease | Promise<Lease> {
    if (options.signal?.aborted === true) throw aborted(key, options.signal);
    const owner = options.owner ?? '';
    const line = this.#lines.get(key);
    if (line !== undefined) return this.#wait(key, line, owner, options);
    const created = new Line(owner);
    this.#lines.set(key, created);
    return new KeyLease(this, key, created);
  }

  /** Runs `task` while holding the key; the lock is released whatever the task does. */
  async run<T>(key: string, task: () => T | Promise<T>, options: AcquireOptions = {}): Promise<T> {
    const taken = this.acquire(key, options);
    const lease = taken instanceof Promise ? await taken : taken;
    try {
      return await task();
    } finally {
      lease.release();
    }
  }

  /** Hands the key to the first in line. Called by the lease. */
  pass(key: string, line: Line): void {
    const next = line.shift();
    if (next === null) {
      this.#lines.delete(key);
      return;
    }
    line.holder = next.owner;
    this.#leave(next);
    next.resolve(new KeyLease(this, key, line));
  }

  #wait(key: string, line: Line, owner: string, options: AcquireOptions): Promise<Lease> {
    const { waitersPerKeyMax, waitersMax } = this.#options;
    if (line.length >= waitersPerKeyMax || this.#depth >= waitersMax) {
      throw new ParleyError('LOCK_QUEUE_FULL', `too many are waiting for ${key}, try again later`, {
        key,
        waiting: line.length,
      });
    }
    const { clock, timers } = this.#modules;
    const timeoutMs = options.timeoutMs ?? this.#options.timeoutMs;
    const signal = options.signal;
    return new Promise<Lease>((resolve, reject) => {
      const waiter = new Waiter(owner, clock.now(), resolve);
      const giveUp = (error: () => ParleyError): void => {
        if (!line.remove(waiter)) return;
        this.#leave(waiter);
        reject(error());
      };
      const timer = timers.after(timeoutMs, () => giveUp(() => timedOut(key, line.holder, timeoutMs)));
      const onAbort = (): void => giveUp(() => aborted(key, signal));
      signal?.addEventListener('abort', onAbort, { once: true });
      waiter.settle = () => {
        timer.cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      line.push(waiter);
      this.#depth += 1;
      this.#depthGauge.set(this.#depth, this.#labels);
    });
  }

  /** A waiter is out of the line, with the lock or without it. */
  #leave(waiter: Waiter): void {
    waiter.settle();
    this.#depth -= 1;
    this.#depthGauge.set(this.#depth, this.#labels);
    // Wall time may jump back.
    const waitedMs = Math.max(0, this.#modules.clock.now() - waiter.sinceMs);
    this.#waitSeconds.observe(waitedMs / 1000, this.#labels);
  }
}

class KeyLease implements Lease {
  readonly #lock: KeyedLock;
  readonly #key: string;
  #line: Line | null;

  constructor(lock: KeyedLock, key: string, line: Line) {
    this.#lock = lock;
    this.#key = key;
    this.#line = line;
  }

  release(): void {
    const line = this.#line;
    if (line === null) return;
    this.#line = null;
    this.#lock.pass(this.#key, line);
  }
}

class Waiter {
  readonly owner: string;
  readonly sinceMs: Millis;
  readonly resolve: (lease: Lease) => void;
  settle: () => void = () => {};
  previous: Waiter | null = null;
  next: Waiter | null = null;
  queued = false;

  constructor(owner: string, sinceMs: Millis, resolve: (lease: Lease) => void) {
    this.owner = owner;
    this.sinceMs = sinceMs;
    this.resolve = resolve;
  }
}

/** One held key: its holder and, first come first, those who wait. A linked list, so that giving up costs the same anywhere in it. */
class Line {
  holder: string;
  length = 0;
  #first: Waiter | null = null;
  #last: Waiter | null = null;

  constructor(holder: string) {
    this.holder = holder;
  }

  push(waiter: Waiter): void {
    waiter.queued = true;
    waiter.previous = this.#last;
    if (this.#last === null) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    this.length += 1;
  }

  shift(): Waiter | null {
    const first = this.#first;
    if (first !== null) this.remove(first);
    return first;
  }

  /** False: it was not in line any more. */
  remove(waiter: Waiter): boolean {
    if (!waiter.queued) return false;
    waiter.queued = false;
    if (waiter.previous === null) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === null) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
    waiter.previous = null;
    waiter.next = null;
    this.length -= 1;
    return true;
  }
}

function timedOut(key: string, holder: string, waitedMs: Millis): ParleyError {
  return new ParleyError('LOCK_TIMEOUT', `waited ${waitedMs} ms for ${key} in vain, try again later`, {
    key,
    holder,
    waitedMs,
  });
}

function aborted(key: string, signal: AbortSignal | undefined): ParleyError {
  return new ParleyError('LOCK_ABORTED', `gave up waiting for ${key}`, { key }, { cause: signal?.reason });
}
