/**
 * Targets as Bitcoin writes them (Bitcoin Core, arith_uint256: SetCompact and GetCompact): one byte of size and three of
 * mantissa, value = mantissa * 256^(size - 3). The mantissa's highest bit is a sign, so a number that would set it takes one
 * byte more. A hash, read as a little-endian number, must be at most the target.
 */

const MANTISSA_MASK = 0x007fffff;
const SIGN_BIT = 0x00800000;
const BITS_MAX = 0xffffffff;
const HASHES = 2n ** 256n;

/** The easiest target there is: every second hash meets it. Bitcoin's regression test network has the same. */
export const POW_LIMIT: bigint = targetOf(0x207fffff) ?? 0n;

/** null for what is no target: zero, negative, above 2^256-1, or not 32 bits. */
export function targetOf(bits: number): bigint | null {
  if (!Number.isInteger(bits) || bits < 0 || bits > BITS_MAX) return null;
  const size = bits >>> 24;
  const mantissa = bits & MANTISSA_MASK;
  const target = size <= 3 ? BigInt(mantissa >>> (8 * (3 - size))) : BigInt(mantissa) << BigInt(8 * (size - 3));
  if (target === 0n || target >= HASHES || (bits & SIGN_BIT) !== 0) return null;
  return target;
}

/** Rounded down to what the form can hold. `target`: at least 0, below 2^256. */
export function bitsOf(target: bigint): number {
  let size = sizeBytesOf(target);
  let mantissa = Number(size <= 3 ? target << BigInt(8 * (3 - size)) : target >> BigInt(8 * (size - 3)));
  if ((mantissa & SIGN_BIT) !== 0) {
    mantissa >>>= 8;
    size++;
  }
  return ((size << 24) | mantissa) >>> 0;
}

/** How many hashes it takes on average. */
export function workOf(target: bigint): bigint {
  return HASHES / (target + 1n);
}

function sizeBytesOf(value: bigint): number {
  let size = 0;
  for (let rest = value; rest > 0n; rest >>= 8n) size++;
  return size;
}
