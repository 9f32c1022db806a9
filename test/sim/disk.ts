import type { BatchOp, KeyValueStore, Range } from '../../src/ports/kv.ts';
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import { MemoryStore, type MemoryContent } from '../../storage/memory.ts';
import type { ProcessTime } from './clock.ts';

/** `issued`: handed to the disk, which may have it or not; `landed`: done, and the process does not know it yet. */
export type WriteMoment = 'issued' | 'landed';
/** What a crash leaves: all writes that were issued (the process died), or what was synced and some more (the power went). */
export type CrashKind = 'kill' | 'power';

export type DiskModules = {
  readonly time: ProcessTime;
  readonly rng: Rng;
  /** Writes take no time. */
  readonly isInstant?: boolean;
  /** Told of each write, at both moments. */
  readonly wrote: (ops: readonly BatchOp[], moment: WriteMoment) => void;
};

/** Most writes are quick; some wait for the disk. */
const QUICK_MS_MAX: Millis = 2;
const SLOW_MS_MAX: Millis = 40;
const SLOW_CHANCE = 0.03;

/** A database on a simulated disk: writes take time, and the machine may die around any of them. */
export class SimDisk implements KeyValueStore {
  readonly #modules: DiskModules;
  readonly #store: MemoryStore;
  #isDead = false;

  constructor(content: MemoryContent, modules: DiskModules) {
    const { time, rng } = modules;
    this.#modules = modules;
    const latency = (done: () => void): void => {
      const delayMs = rng.chance(SLOW_CHANCE) ? rng.between(0, SLOW_MS_MAX) : rng.between(0, QUICK_MS_MAX);
      time.after(delayMs, done);
    };
    this.#store = new MemoryStore(modules.isInstant === true ? { content } : { content, latency });
  }

  get(key: Bytes): Bytes | undefined {
    return this.#store.get(key);
  }

  getMany(keys: readonly Bytes[]): (Bytes | undefined)[] {
    return this.#store.getMany(keys);
  }

  batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void> {
    // A dead process hears of nothing any more, not even of failure.
    if (this.#isDead) return new Promise(() => {});
    const written = this.#store.batch(ops, options);
    return new Promise((resolve, reject) => {
      written.then(
        () => {
          if (this.#isDead) return;
          this.#modules.wrote(ops, 'landed');
          if (!this.#isDead) resolve();
        },
        (error: unknown) => {
          if (!this.#isDead) reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
      this.#modules.wrote(ops, 'issued');
    });
  }

  iterate(range: Range): AsyncIterable<readonly [Bytes, Bytes]> {
    return this.#store.iterate(range);
  }

  close(): Promise<void> {
    return this.#store.close();
  }

  /** What is left. */
  crash(kind: CrashKind): MemoryContent {
    this.#isDead = true;
    return this.#store.crash(kind === 'kill' ? new KeepsAll(0) : this.#modules.rng);
  }
}

/** Draws the most there is. */
class KeepsAll extends Rng {
  override between(_low: number, high: number): number {
    return high;
  }
}
