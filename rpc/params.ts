/**
 * The single values that parameters are made of. Strict like the Ethereum specification: a quantity has no leading zeros,
 * data has an even number of digits; every refusal is -32602 and names the parameter's index.
 */
import type { Address, Bytes, Hash, Hex, JsonValue } from '../src/types/primitives.ts';
import { fromHex } from '../src/util/hex.ts';
import { invalidParams } from './errors.ts';
import { mapped, mustBe, text, type ParamType } from './schema/param-type.ts';

export type Params = readonly JsonValue[];

const lower = (found: string): Hex => found.toLowerCase() as Hex;

export const ADDRESS: ParamType<Address> = text(
  /^0x[0-9a-fA-F]{40}$/,
  { what: 'address', must: '20 bytes as 0x and 40 hex digits' },
  lower,
);

export const HASH: ParamType<Hash> = text(
  /^0x[0-9a-fA-F]{64}$/,
  { what: 'hash', must: '32 bytes as 0x and 64 hex digits' },
  lower,
);

/** A storage key: up to 32 bytes, leading zeros may be left out. */
export const SLOT: ParamType<Hash> = text<Hash>(
  /^0x[0-9a-fA-F]{1,64}$/,
  { what: 'slot', must: '0x and 1 to 64 hex digits' },
  (found) => `0x${found.slice(2).toLowerCase().padStart(64, '0')}`,
);

const HEX_DIGITS = /^0x[0-9a-fA-F]*$/;

/** The decoder does not use the schema's pattern: repeated groups overflow the stack on megabytes of digits. */
export const HEX: ParamType<Hex> = {
  schema: { type: 'string', pattern: '^0x(?:[0-9a-fA-F]{2})*$' },
  decode(value, index, what = 'data') {
    if (typeof value === 'string' && value.length % 2 === 0 && HEX_DIGITS.test(value)) return value as Hex;
    throw mustBe(index, what, '0x and an even number of hex digits');
  },
};

export const BYTES: ParamType<Bytes> = mapped(HEX, (found) => fromHex(found));

/** Up to 256 bits. */
export const QUANTITY: ParamType<bigint> = text(
  /^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,63})$/,
  { what: 'quantity', must: 'a quantity: 0x and hex digits without leading zeros, 256 bits at most' },
  BigInt,
);

/** A quantity that fits in a safe integer: heights, nonces, gas, indexes. */
export const NUMBER: ParamType<number> = {
  schema: { type: 'string', pattern: '^0x(?:0|[1-9a-fA-F][0-9a-fA-F]{0,12}|1[0-9a-fA-F]{13})$' },
  decode(value, index, what = 'number') {
    const wide = QUANTITY.decode(value, index, what);
    if (wide > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidParams(index, `\`${what}\` is above 2^53-1`);
    return Number(wide);
  },
};

/** A JSON number: whole, not negative and safe. */
export const WHOLE: ParamType<number> = {
  schema: { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER },
  decode(value, index, what = 'number') {
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
    throw mustBe(index, what, 'a whole number');
  },
};

export const FLAG: ParamType<boolean> = {
  schema: { type: 'boolean' },
  decode(value, index, what = 'flag') {
    if (typeof value === 'boolean') return value;
    throw mustBe(index, what, 'true or false');
  },
};

export const TEXT: ParamType<string> = {
  schema: { type: 'string' },
  decode(value, index, what = 'text') {
    if (typeof value === 'string') return value;
    throw mustBe(index, what, 'a string');
  },
};
