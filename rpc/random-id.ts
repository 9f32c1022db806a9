import { randomBytes } from 'node:crypto';
import type { Hex } from '../src/types/primitives.ts';

const SIZE_BYTES = 16;

/** Id of a filter or a subscription: nobody can guess it, and it is a quantity, so it has no leading zeros. */
export function randomId(): Hex {
  return `0x${BigInt(`0x${randomBytes(SIZE_BYTES).toString('hex')}`).toString(16)}`;
}
