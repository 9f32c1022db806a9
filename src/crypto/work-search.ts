/**
 * Searches for proofs of work: a nonce at the end of 80 bytes with which SHA-256d of them is at most a target.
 *
 * Two backends can do the work (`work-search/`); one is chosen at the first use: SIMD where the platform has it, else
 * plain JavaScript, or what the environment variable PARLEY_MINER names. Ranges are checked here, so both behave the same.
 */
import type { Bytes } from '../types/primitives.ts';
import { assert } from '../util/assert.ts';
import { DATA_SIZE_BYTES, NONCES, type BackendName, type WorkSearchBackend } from './work-search/backend.ts';
import { selectBackend } from './work-search/select.ts';

/** One backend behind the checks. Tests build one for each; the node uses the functions below. */
export class WorkSearcher {
  readonly #backend: WorkSearchBackend;

  constructor(backend: WorkSearchBackend) {
    this.#backend = backend;
  }

  get name(): BackendName {
    return this.#backend.name;
  }

  /**
   * The first nonce that fits among `count` from `firstNonce` on (after 2^32-1 comes 0); null when there is none. Takes as
   * long as it takes, on the calling thread. Throws ParleyError INVARIANT on arguments out of range.
   */
  search(data80: Bytes, target: bigint, firstNonce: number, count: number): number | null {
    assert(data80.length === DATA_SIZE_BYTES, 'a work header has 80 bytes');
    assert(target >= 0n && target < 1n << 256n, 'a target has 256 bits');
    assert(Number.isInteger(firstNonce) && firstNonce >= 0 && firstNonce < NONCES, 'a nonce has 32 bits');
    assert(Number.isInteger(count) && count >= 0 && count <= NONCES, 'there are 2^32 nonces');
    return this.#backend.search(data80, target, firstNonce, count);
  }
}

let searcher: WorkSearcher | null = null;

function chosen(): WorkSearcher {
  searcher ??= new WorkSearcher(selectBackend(process.env['PARLEY_MINER']));
  return searcher;
}

/** Which backend searches in this process. Throws ConfigError, as `search` does, for a wrong PARLEY_MINER. */
export function backendName(): BackendName {
  return chosen().name;
}

/** As `WorkSearcher.search`. */
export function search(data80: Bytes, target: bigint, firstNonce: number, count: number): number | null {
  return chosen().search(data80, target, firstNonce, count);
}
