import type { JsonObject } from '../types/primitives.ts';

/**
 * Base of every error Parley throws on purpose. `code` is API and never changes its meaning; `message` is for
 * people and says what to do; `data` is JSON and never holds a secret.
 */
export class ParleyError extends Error {
  readonly code: string;
  readonly data: JsonObject;

  constructor(code: string, message: string, data: JsonObject = {}, options?: ErrorOptions) {
    super(message, options);
    this.name = 'ParleyError';
    this.code = code;
    this.data = data;
  }
}

/** Wrong use or configuration: the command line exits with 2. `data.path` names the key at fault, where there is one. */
export class ConfigError extends ParleyError {
  constructor(message: string, data: JsonObject = {}, options?: ErrorOptions) {
    super('CONFIG', message, data, options);
    this.name = 'ConfigError';
  }
}

/** Bytes that are not what they claim to be. Always the sender's fault. */
export class CodecError extends ParleyError {
  constructor(code: string, message: string, data: JsonObject = {}) {
    super(code, message, data);
    this.name = 'CodecError';
  }
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The code of anything thrown; `INTERNAL` for what nobody planned. */
export function errorCode(error: unknown): string {
  return error instanceof ParleyError ? error.code : 'INTERNAL';
}
