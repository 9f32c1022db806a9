import type { JsonValue } from '../../src/types/primitives.ts';
import { ConfigError } from '../../src/util/errors.ts';

/** Lowest and highest value of each whole-number parameter. */
export type ParamLimits<P> = { readonly [key in keyof P]: readonly [low: number, high: number] };

/**
 * What was given, as an object without unknown keys. Throws ConfigError; `data.path` names the key at fault (empty: the
 * whole value). `engine` is for people.
 */
export function givenParams(
  json: unknown,
  engine: string,
  keys: readonly string[],
): { readonly [key: string]: unknown } {
  if (json !== undefined && (typeof json !== 'object' || json === null || Array.isArray(json))) {
    throw new ConfigError(`parameters of ${engine} must be an object`, { path: '' });
  }
  const given: { readonly [key: string]: unknown } = { ...json };
  for (const key of Object.keys(given)) {
    if (keys.includes(key)) continue;
    throw new ConfigError(`unknown parameter "${key}" of ${engine}; there are ${keys.join(', ')}`, { path: key });
  }
  return given;
}

/** A whole number within its limits. Throws ConfigError. */
export function wholeParam(
  given: { readonly [key: string]: unknown },
  key: string,
  [low, high]: readonly [low: number, high: number],
  fallback: number,
): number {
  const value = given[key];
  if (value === undefined) return fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= low && value <= high) return value;
  throw new ConfigError(`${key} must be a whole number from ${low} to ${high}`, {
    path: key,
    value: shownParam(value),
  });
}

/** A wrong value as an error may show it. */
export function shownParam(value: unknown): JsonValue {
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return value;
  return typeof value === 'string' ? value.slice(0, 64) : typeof value;
}

const WEI_PER_NANOCOIN = 1_000_000_000n;
const NANOCOINS_PER_COIN = 1_000_000_000;

/** An amount in coins, to nine places behind the point, in wei. Throws ConfigError. */
export function coinsParam(
  given: { readonly [key: string]: unknown },
  key: string,
  [low, high]: readonly [low: number, high: number],
  fallback: number,
): bigint {
  const value = given[key] === undefined ? fallback : given[key];
  if (typeof value === 'number' && value >= low && value <= high) {
    return BigInt(Math.round(value * NANOCOINS_PER_COIN)) * WEI_PER_NANOCOIN;
  }
  throw new ConfigError(`${key} must be an amount in coins from ${low} to ${high}`, {
    path: key,
    value: shownParam(value),
  });
}
