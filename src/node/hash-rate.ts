import { performance } from 'node:perf_hooks';
import { search } from '../crypto/work-search.ts';

const SLICES = 8;
const BATCH_NONCES = 4096;

/**
 * Hashes a second of one thread of this machine, measured on the calling one for about `ms`. The best of several slices:
 * the engine's compiler warms up in the first ones, and whatever else runs only slows.
 */
export function measureHashRate(ms: number): number {
  const data = new Uint8Array(80);
  let best = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const begunAt = performance.now();
    let hashes = 0;
    let tookMs = 0;
    while (tookMs < ms / SLICES) {
      // Nothing is at most 0, so every nonce is tried.
      search(data, 0n, hashes, BATCH_NONCES);
      hashes += BATCH_NONCES;
      tookMs = performance.now() - begunAt;
    }
    best = Math.max(best, (hashes * 1000) / tookMs);
  }
  return Math.round(best);
}
