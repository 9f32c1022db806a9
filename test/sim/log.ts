import type { Log, LogContext } from '../../src/util/log.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';
export type LogSink = (level: LogLevel, component: string, message: string, context: LogContext) => void;

/** Hands every line to the simulator. */
export function simLog(sink: LogSink, component = ''): Log {
  const at =
    (level: LogLevel) =>
    (message: string, context: LogContext = {}): void =>
      sink(level, component, message, context);
  return {
    child: (name) => simLog(sink, name),
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

export function contextText(context: LogContext): string {
  return JSON.stringify(context, (_key, value: unknown) => {
    if (typeof value === 'bigint') return value.toString();
    return value instanceof Error ? (value.stack ?? value.message) : value;
  });
}
