import type { Bytes } from '../types/primitives.ts';

export type WorkDone = (result: Bytes | 'exhausted' | 'lost') => void;

/** Off-thread search for proofs of work. Implemented by src/node/miner.ts over worker threads, and by the simulator. */
export interface WorkSearch {
  /**
   * Looks for a 4-byte little-endian nonce at the end of `data` (80 bytes; the last four are not read) with which SHA-256d
   * of it, as a little-endian number, is at most `target`. `done` is called once, never inside `start`: with the nonce, or
   * with why there is none: all 2^32 fail, or the search broke off. A second start for a job replaces the first.
   */
  start(job: number, data: Bytes, target: bigint, done: WorkDone): void;
  /** At once: `done` is not called any more. Unknown jobs are ignored. */
  cancel(job: number): void;
  stop(): Promise<void>;
}
