import type { TimerHandle, Timers } from '../../src/ports/clock.ts';
import type { WorkDone, WorkSearch } from '../../src/ports/work.ts';
import { sha256 } from '../../src/crypto/sha256.ts';
import type { Bytes, Millis } from '../../src/types/primitives.ts';
import { toHex } from '../../src/util/hex.ts';
import type { Rng } from '../../src/util/rng.ts';

export type SimMinerOptions = { readonly hashesPerSecond: number };
export type SimMinerModules = { readonly timers: Timers; readonly rng: Rng };

const NONCE_OFFSET = 76;
const NONCES = 2 ** 32;

type Search = { readonly data: Buffer; readonly target: bigint; readonly done: WorkDone } & {
  tries: number;
  timer: TimerHandle | null;
};

/**
 * Really searches, in no time, and tells when a miner of this speed would have found it. It looks no more than a second
 * ahead: most searches are cancelled by a block of somebody else.
 */
export class SimMiner implements WorkSearch {
  readonly #options: SimMinerOptions;
  readonly #modules: SimMinerModules;
  readonly #searches = new Map<number, Search>();

  constructor(options: SimMinerOptions, modules: SimMinerModules) {
    this.#options = options;
    this.#modules = modules;
  }

  start(job: number, data: Bytes, target: bigint, done: WorkDone): void {
    this.cancel(job);
    const search: Search = { data: Buffer.from(data), target, done, tries: 0, timer: null };
    search.data.writeUInt32LE(this.#modules.rng.between(0, NONCES - 1), NONCE_OFFSET);
    this.#searches.set(job, search);
    this.#look(job, search);
  }

  cancel(job: number): void {
    this.#searches.get(job)?.timer?.cancel();
    this.#searches.delete(job);
  }

  async stop(): Promise<void> {
    for (const job of this.#searches.keys()) this.cancel(job);
  }

  #look(job: number, search: Search): void {
    const { hashesPerSecond } = this.#options;
    const before = search.tries;
    const triesMax = Math.min(NONCES, before + Math.max(1, Math.floor(hashesPerSecond)));
    let isFound = false;
    while (!isFound && search.tries < triesMax) {
      search.data.writeUInt32LE((search.data.readUInt32LE(NONCE_OFFSET) + 1) % NONCES, NONCE_OFFSET);
      search.tries++;
      isFound = isWork(search.data, search.target);
    }
    const tookMs: Millis = ((search.tries - before) * 1_000) / hashesPerSecond;
    search.timer = this.#modules.timers.after(Math.max(1, tookMs), () => {
      if (this.#searches.get(job) !== search) return;
      if (!isFound && search.tries < NONCES) return this.#look(job, search);
      this.#searches.delete(job);
      search.done(isFound ? new Uint8Array(search.data.subarray(NONCE_OFFSET)) : 'exhausted');
    });
  }
}

/** SHA-256d of the bytes, as a little-endian number, is at most the target. */
function isWork(data: Bytes, target: bigint): boolean {
  return BigInt(toHex(new Uint8Array(sha256(sha256(data))).reverse())) <= target;
}
