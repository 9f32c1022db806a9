/** Kinds of JSON values. */
import type { JsonValue } from '../../src/types/primitives.ts';

export type JsonRecord = { readonly [key: string]: JsonValue | undefined };

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** JSON arrays only. */
export function isList(value: unknown): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** Left out, or null: clients write both. */
export function absent(value: JsonValue | undefined): value is null | undefined {
  return value === undefined || value === null;
}
