import { constants, setPriority } from 'node:os';
import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { search } from '../crypto/work-search.ts';
import { MinerMemory, type MinerFound, type MinerOrder } from './miner-memory.ts';

/**
 * The thread that searches. It never returns to its event loop: it looks at the shared memory between batches of a few
 * milliseconds, and sleeps on it while there is nothing to do. Who wants it to end terminates it.
 */

/** Long enough that looking at the memory costs nothing, short enough that a new order hardly waits. */
const BATCH_MS = 4;
const BATCH_NONCES_MIN = 256;
const BATCH_NONCES_MAX = 2 ** 24;
const NONCES = 2 ** 32;

const memory = new MinerMemory(workerData as SharedArrayBuffer);
let batch = BATCH_NONCES_MIN;

function run(epoch: number, order: MinerOrder): void {
  for (let tried = 0; memory.epoch === epoch;) {
    const count = Math.min(batch, order.count - tried);
    const first = (order.firstNonce + tried) % NONCES;
    const begunAt = performance.now();
    const nonce = search(order.data, order.target, first, count);
    const tookMs = performance.now() - begunAt;
    memory.addHashes(nonce === null ? count : ((nonce - first + NONCES) % NONCES) + 1);
    tried += count;
    if (nonce !== null || tried === order.count) {
      // The rule is about windows; this is a port between threads.
      // oxlint-disable-next-line unicorn/require-post-message-target-origin
      parentPort?.postMessage({ epoch, nonce } satisfies MinerFound);
      return memory.waitWhile(epoch);
    }
    const fitting = batch * Math.min(Math.max(BATCH_MS / Math.max(tookMs, 0.01), 0.5), 2);
    batch = Math.min(Math.max(Math.round(fitting), BATCH_NONCES_MIN), BATCH_NONCES_MAX);
  }
}

// Low, so that nodes come first; not the lowest, or on a machine that is busy otherwise hardly a block would be found. On
// Linux this is the thread's own priority, elsewhere it would be that of the whole node.
if (process.platform === 'linux') {
  try {
    setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // Where that is forbidden the thread works all the same.
  }
}
for (;;) {
  const current = memory.read();
  if (current === null) continue;
  if (current.order === null) memory.waitWhile(current.epoch);
  else run(current.epoch, current.order);
}
