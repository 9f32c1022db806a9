import { ParleyError } from './errors.ts';

/** An invariant of our own code. Stays on in production: a node that lost one must stop, not guess. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new ParleyError('INVARIANT', message);
}

/** For the end of an exhaustive switch. */
export function unreachable(value: never): never {
  throw new ParleyError('INVARIANT', `unexpected value: ${JSON.stringify(value)}`);
}
