import { createServer } from 'node:net';

/**
 * Ports are handed out from the test process's own slice, so that test files running side by side do not meet. All below 32768: from there on Linux
 * takes ports for outgoing connections, and one that was free a moment ago is not when the node listens.
 */
const SLICE = 200;
const FIRST = 10_000;
const SLICES = 110;
/** Has no factor in common with SLICES: processes started one after the other get slices far apart. */
const STRIDE = 37;

let next = FIRST + ((process.pid * STRIDE) % SLICES) * SLICE;

/** First of `count` free ports in a row. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 2_000; tries++) {
    const base = next;
    next += count;
    if (next >= FIRST + SLICES * SLICE) next = FIRST;
    const free = await Promise.all(Array.from({ length: count }, (_, i) => isFree(base + i)));
    if (free.every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}
