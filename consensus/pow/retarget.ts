import { bitsOf, targetOf } from './compact.ts';

/** A window of blocks may make work this many times harder or easier. */
const CHANGE_MAX = 4n;

/**
 * Bitcoin's rule (Bitcoin Core, CalculateNextWorkRequired): the target grows with the time that a window of blocks took.
 * `actual` and `wanted` are times in the same unit, whatever it is. The result is in compact form and at most `limit`.
 */
export function retarget(window: {
  readonly bits: number;
  readonly actual: number;
  readonly wanted: number;
  readonly limit: bigint;
}): number {
  const target = targetOf(window.bits) ?? window.limit;
  const wanted = BigInt(window.wanted);
  // In a window of a few milliseconds the quarter could come to nothing.
  const least = max(wanted / CHANGE_MAX, 1n);
  const actual = min(max(BigInt(window.actual), least), wanted * CHANGE_MAX);
  return bitsOf(min(max((target * actual) / wanted, 1n), window.limit));
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
