import type { JsonObject } from '../types/primitives.ts';

/** Structured logger port. `src/node/logging.ts` implements it over pino; tests use `silentLog`. */
export interface Log {
  child(component: string): Log;
  debug(message: string, context?: LogContext): void;
  info(message: string, context?: LogContext): void;
  warn(message: string, context?: LogContext): void;
  error(message: string, context?: LogContext): void;
}

/** Values must be JSON, bigint or Error. Never a key, password or mnemonic. */
export type LogContext = { readonly [key: string]: JsonObject[string] | bigint | Error | undefined };

export const silentLog: Log = {
  child: () => silentLog,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
