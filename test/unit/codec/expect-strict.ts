import { expect } from 'vitest';
import type { Bytes } from '../../../src/types/primitives.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';

/** The code of the CodecError that the call throws; anything else it does fails the test. */
export function codecCodeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return error.code;
  }
  throw new Error('nothing was thrown');
}

/** The strict decoder's promise for any bytes at all: they throw a CodecError, or they decode to what encodes to them again. */
export function expectStrict<T>(bytes: Bytes, decode: (bytes: Bytes) => T, encode: (value: T) => Bytes): void {
  let value: T;
  try {
    value = decode(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(CodecError);
    return;
  }
  expect(toHex(encode(value))).toBe(toHex(bytes));
}
