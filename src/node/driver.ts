import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { Engine } from '../../consensus/api/engine.ts';
import type { EngineEvent } from '../../consensus/api/event.ts';
import type { Clock } from '../ports/clock.ts';
import type { Bytes } from '../types/primitives.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import type { Counter, Metrics } from '../util/metrics.ts';

/**
 * The driver: carries events to the engine and its effects out, by the contract in consensus/README.md.
 *
 * One event at a time: `step`, then every `persist` of that step synced to disk (the barrier), then the other effects in
 * order, then the next event. Messages are dropped when the mailbox is full; imports, timers and answers never are.
 * A throw, of the engine or of an effect that must not fail, stops the engine for good; the node goes on serving reads.
 */

type WithoutNow<E> = E extends unknown ? Omit<E, 'now'> : never;
/** An event before the driver stamps it. */
export type EngineEventBody = WithoutNow<EngineEvent>;

export type PersistEntry = { readonly key: string; readonly value: Bytes | null };
export type ActingEffect = Exclude<EngineEffect, { type: 'persist' }>;

/** Carries effects out; see effects.ts. */
export interface EffectHandlers {
  persist(entries: readonly PersistEntry[]): Promise<void>;
  act(effect: ActingEffect): void | Promise<void>;
}

export const MAILBOX_MESSAGES_MAX = 4096;

export type DriverModules = {
  readonly engine: Engine;
  readonly effects: EffectHandlers;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Told once, when the engine stops by a fault. */
  readonly onFault: (reason: string) => void;
};

export class Driver {
  readonly #modules: DriverModules;
  readonly #events: Counter;
  readonly #dropped: Counter;
  #mailbox: EngineEventBody[] = [];
  #running = false;
  #stopped = false;
  #fault: string | null = null;
  #idleWaiters: (() => void)[] = [];

  constructor(modules: DriverModules) {
    this.#modules = modules;
    this.#events = modules.metrics.counter('parley_engine_events_total', 'Events given to the engine', ['type']);
    this.#dropped = modules.metrics.counter(
      'parley_engine_messages_dropped_total',
      'Messages dropped on a full mailbox',
    );
  }

  get fault(): string | null {
    return this.#fault;
  }

  /** Queues an event. False when it was dropped: the engine is stopped, or the mailbox is full and it is a message. */
  post(event: EngineEventBody): boolean {
    if (this.#stopped || this.#fault !== null) return false;
    if (event.type === 'message' && event.message !== null && event.peer !== null) {
      if (this.#mailbox.length >= MAILBOX_MESSAGES_MAX) {
        this.#dropped.add();
        return false;
      }
    }
    this.#mailbox.push(event);
    if (!this.#running) {
      this.#running = true;
      void this.#run();
    }
    return true;
  }

  /** Resolves when every event posted so far, and what it led to at once, is done. */
  idle(): Promise<void> {
    if (!this.#running) return Promise.resolve();
    return new Promise((resolve) => this.#idleWaiters.push(resolve));
  }

  /** Gives the engine its `stop`, finishes what is queued and takes nothing more. */
  async stop(): Promise<void> {
    this.post({ type: 'stop' });
    this.#stopped = true;
    await this.idle();
  }

  async #run(): Promise<void> {
    // Even the first event of an idle mailbox waits a microtask: `post` never runs the engine inside its caller.
    await Promise.resolve();
    while (this.#mailbox.length > 0) {
      const batch = this.#mailbox;
      this.#mailbox = [];
      for (const event of batch) {
        if (this.#fault !== null) break;
        await this.#handle(event);
      }
    }
    this.#running = false;
    const waiters = this.#idleWaiters;
    this.#idleWaiters = [];
    for (const wake of waiters) wake();
  }

  async #handle(event: EngineEventBody): Promise<void> {
    this.#events.add(1, { type: event.type });
    try {
      const effects = this.#modules.engine.step({ ...event, now: this.#modules.clock.now() });
      const entries = effects.filter((effect) => effect.type === 'persist');
      if (entries.length > 0) await this.#modules.effects.persist(entries);
      for (const effect of effects) {
        if (effect.type === 'persist') continue;
        if (effect.type === 'fault') throw new Error(effect.reason);
        const done = this.#modules.effects.act(effect);
        if (done !== undefined) await done;
      }
    } catch (error) {
      this.#fail(`${event.type}: ${errorText(error)}`, error);
    }
  }

  #fail(reason: string, error: unknown): void {
    if (this.#fault !== null) return;
    this.#fault = reason;
    this.#modules.log.error('the engine stopped and signs nothing more; reads go on', {
      reason,
      ...(error instanceof Error ? { error } : {}),
    });
    this.#modules.onFault(reason);
  }
}
