import { CodecError } from '../util/errors.ts';

/**
 * Runs a decoder and gives what RLP itself finds wrong the code of the thing decoded; `data.reason` keeps the RLP_*
 * code.
 */
export function asMalformed<T>(code: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw relabelled(code, error);
  }
}

/** The error to throw in place of `error`. */
export function relabelled(code: string, error: unknown): unknown {
  if (!(error instanceof CodecError && error.code.startsWith('RLP_'))) return error;
  return new CodecError(code, error.message, { reason: error.code });
}
