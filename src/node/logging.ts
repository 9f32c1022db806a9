import { pino, type Logger } from 'pino';
import type { Log, LogContext } from '../util/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** JSON lines on stdout or into a file: level, time, component, message, then the context's fields. */
export function createLog(options: { readonly level: LogLevel; readonly file?: string }): Log {
  const destination = pino.destination(
    options.file === undefined
      ? { dest: 1, sync: true }
      : { dest: options.file, mkdir: true, append: true, sync: false },
  );
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return wrap(root);
}

function wrap(logger: Logger): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, context?: LogContext): void => {
      if (!logger.isLevelEnabled(level)) return;
      logger[level](context === undefined ? {} : serializable(context), message);
    };
  return {
    child: (component) => wrap(logger.child({ component })),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function serializable(context: LogContext): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(context)) {
    if (typeof value === 'bigint') fields[name] = value.toString();
    else if (value instanceof Error) fields[name] = { message: value.message, stack: value.stack };
    else fields[name] = value;
  }
  return fields;
}
