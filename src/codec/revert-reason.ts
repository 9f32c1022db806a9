/**
 * Why a call reverted, as Solidity encodes it: `Error(string)` for a failed `require`, `Panic(uint256)` for checks of
 * the compiler (Solidity documentation, "Error handling"). The bytes are a contract's, so nothing in them is trusted.
 */
import type { Bytes } from '../types/primitives.ts';

const ERROR_SELECTOR = '08c379a0';
const PANIC_SELECTOR = '4e487b71';
const REASON_LENGTH_MAX = 1024;

const PANICS: ReadonlyMap<number, string> = new Map([
  [0x00, 'generic panic'],
  [0x01, 'assertion failed'],
  [0x11, 'arithmetic underflow or overflow'],
  [0x12, 'division or modulo by zero'],
  [0x21, 'value out of range of its enum'],
  [0x22, 'badly encoded storage byte array'],
  [0x31, 'pop from an empty array'],
  [0x32, 'array index out of bounds'],
  [0x41, 'out of memory'],
  [0x51, 'call of a function that was never set'],
]);

/** null: no reason given, or none that can be read. */
export function revertReason(output: Bytes): string | null {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  return bytes.toString('hex', 0, 4) === PANIC_SELECTOR ? panicReason(bytes) : errorReason(output);
}

/** The text of `Error(string)`. null: it is none, or none that can be read. */
export function errorReason(output: Bytes): string | null {
  const bytes = Buffer.from(output.buffer, output.byteOffset, output.byteLength);
  if (bytes.toString('hex', 0, 4) !== ERROR_SELECTOR) return null;
  const offset = wordAt(bytes, 4);
  if (offset === null) return null;
  const length = wordAt(bytes, 4 + offset);
  if (length === null) return null;
  const start = 4 + offset + 32;
  if (start + length > bytes.length) return null;
  return bytes.toString('utf8', start, start + Math.min(length, REASON_LENGTH_MAX));
}

function panicReason(bytes: Buffer): string | null {
  const code = wordAt(bytes, 4);
  if (code === null) return null;
  return `panic 0x${code.toString(16).padStart(2, '0')} (${PANICS.get(code) ?? 'unknown code'})`;
}

/** A 32-byte word that fits in 32 bits; null otherwise or past the end. */
function wordAt(bytes: Buffer, offset: number): number | null {
  if (offset + 32 > bytes.length) return null;
  for (let i = offset; i < offset + 28; i++) if (bytes[i] !== 0) return null;
  return bytes.readUInt32BE(offset + 28);
}
