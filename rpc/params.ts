/**
 * Decoders of single parameters, hand-written because they run on every request. Strict like the Ethereum
 * specification: a quantity has no leading zeros, data has an even number of digits; every refusal is -32602 and
 * names the parameter's index.
 */
import type { Address, Bytes, Hash, Hex, JsonValue } from '../src/types/primitives.ts';
import { fromHex } from '../src/util/hex.ts';
import { invalidParams } from './errors.ts';

export type Params = readonly JsonValue[];

const QUANTITY = /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]*)$/;
const DATA = /^0x[0-9a-fA-F]*$/;
const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const HASH = /^0x[0-9a-fA-F]{64}$/;
const SLOT = /^0x[0-9a-fA-F]{1,64}$/;
const QUANTITY_LENGTH_MAX = 2 + 64;

/** `what` names a field of an object parameter in messages: "invalid argument 0: `value` is not …". */
export function addressParam(value: JsonValue | undefined, index: number, what = 'address'): Address {
  if (typeof value === 'string' && ADDRESS.test(value)) return value.toLowerCase() as Address;
  throw invalidParams(index, `\`${what}\` must be 20 bytes as 0x and 40 hex digits`);
}

export function hashParam(value: JsonValue | undefined, index: number, what = 'hash'): Hash {
  if (typeof value === 'string' && HASH.test(value)) return value.toLowerCase() as Hash;
  throw invalidParams(index, `\`${what}\` must be 32 bytes as 0x and 64 hex digits`);
}

/** A storage key: up to 32 bytes, leading zeros may be left out. */
export function slotParam(value: JsonValue | undefined, index: number): Hash {
  if (typeof value === 'string' && SLOT.test(value)) return `0x${value.slice(2).toLowerCase().padStart(64, '0')}`;
  throw invalidParams(index, 'a storage slot must be 0x and 1 to 64 hex digits');
}

export function dataParam(value: JsonValue | undefined, index: number, what = 'data'): Bytes {
  return fromHex(hexParam(value, index, what));
}

export function hexParam(value: JsonValue | undefined, index: number, what = 'data'): Hex {
  if (typeof value === 'string' && value.length % 2 === 0 && DATA.test(value)) return value as Hex;
  throw invalidParams(index, `\`${what}\` must be 0x and an even number of hex digits`);
}

/** Up to 256 bits. */
export function quantityParam(value: JsonValue | undefined, index: number, what = 'quantity'): bigint {
  if (typeof value === 'string' && value.length <= QUANTITY_LENGTH_MAX && QUANTITY.test(value)) return BigInt(value);
  throw invalidParams(
    index,
    `\`${what}\` must be a quantity: 0x and hex digits without leading zeros, 256 bits at most`,
  );
}

/** A quantity that fits in a safe integer: heights, nonces, gas, indexes. */
export function numberParam(value: JsonValue | undefined, index: number, what = 'number'): number {
  const wide = quantityParam(value, index, what);
  if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidParams(index, `\`${what}\` is above 2^53-1`);
  return Number(wide);
}

export function booleanParam(value: JsonValue | undefined, index: number, what = 'flag'): boolean {
  if (typeof value === 'boolean') return value;
  throw invalidParams(index, `\`${what}\` must be true or false`);
}

export function optionalBoolean(value: JsonValue | undefined, index: number, fallback: boolean): boolean {
  return absent(value) ? fallback : booleanParam(value, index);
}

export function stringParam(value: JsonValue | undefined, index: number, what = 'text'): string {
  if (typeof value === 'string') return value;
  throw invalidParams(index, `\`${what}\` must be a string`);
}

export type JsonRecord = { readonly [key: string]: JsonValue | undefined };

export function objectParam(value: JsonValue | undefined, index: number, what = 'object'): JsonRecord {
  if (isRecord(value)) return value;
  throw invalidParams(index, `\`${what}\` must be an object`);
}

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
