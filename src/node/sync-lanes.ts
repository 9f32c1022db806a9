import type { Timers } from '../ports/clock.ts';
import type { Millis } from '../types/primitives.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';

/** A run that waits longer than this for an answer no longer keeps another from starting. */
export const PATIENCE_MS: Millis = 2_000;
/** The working one, and those that wait. */
export const LANES_MAX = 4;

export type Lane = { isWaiting: boolean };

export type SyncLanesModules = {
  readonly timers: Timers;
  readonly log: Log;
  /** Does all there is to do, and ends when nothing is left or `yields` says so. */
  readonly run: (lane: Lane) => Promise<void>;
};

/**
 * Runs of sync at the same time. One works; whoever takes long to answer keeps its own run waiting and no other: a peer that
 * answers at the last moment, or a question that got lost, would else keep this node from everybody for ten seconds.
 */
export class SyncLanes {
  readonly #modules: SyncLanesModules;
  readonly #lanes = new Set<Lane>();
  #isWanted = false;
  #stopped = false;

  constructor(modules: SyncLanesModules) {
    this.#modules = modules;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** There is something to do. */
  wake(): void {
    if (this.#stopped) return;
    this.#isWanted = true;
    if (this.#works() || this.#lanes.size >= LANES_MAX) return;
    const lane: Lane = { isWaiting: false };
    this.#lanes.add(lane);
    this.#modules
      .run(lane)
      .catch((error: unknown) => this.#modules.log.error('sync failed', { reason: errorText(error) }))
      .finally(() => {
        this.#lanes.delete(lane);
        // Woken while it was ending.
        if (this.#isWanted) this.wake();
      });
  }

  /** Said by a run before it looks for what to do. True: another works, which finds it as well. */
  yields(lane: Lane): boolean {
    const yields = this.#works(lane);
    this.#isWanted = yields;
    return yields;
  }

  async wait<T>(lane: Lane, answer: Promise<T>): Promise<T> {
    const timer = this.#modules.timers.after(PATIENCE_MS, () => {
      lane.isWaiting = true;
      this.wake();
    });
    try {
      return await answer;
    } finally {
      timer.cancel();
      lane.isWaiting = false;
    }
  }

  #works(except?: Lane): boolean {
    for (const lane of this.#lanes) if (lane !== except && !lane.isWaiting) return true;
    return false;
  }
}
