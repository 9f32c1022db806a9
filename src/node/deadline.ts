import type { Millis } from '../types/primitives.ts';
import { ParleyError } from '../util/errors.ts';

/** A pause that lets other work run, and ends a call that has had its time. `advice`: what to do about it. */
export function deadline(timeoutMs: Millis, advice = 'make it do less, or give it less gas'): () => Promise<void> {
  const endsAt = performance.now() + timeoutMs;
  return () =>
    new Promise((resolve, reject) => {
      if (performance.now() < endsAt) setImmediate(resolve);
      else reject(new ParleyError('EXECUTION_TIMEOUT', `the call ran for ${timeoutMs / 1000} s; ${advice}`));
    });
}
