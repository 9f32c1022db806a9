/**
 * Solidity's ABI (Contract ABI Specification): values in and out of calls, returns and logs. Decoding is strict: it takes the one
 * encoding that compilers and wallets make (dynamic parts in order, without gaps, zero padding) and nothing else.
 *
 * A value is a bigint for uintN, a boolean, lower-case hex for address and bytesN, bytes for `bytes`, text for `string`, a list for
 * arrays and tuples.
 */
import type { Bytes, Hex } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { bytesEqual, fromHex, isHex, toHex } from '../util/hex.ts';

/** As in JSON ABI: `type` is `address`, `bool`, `uintN`, `bytesN`, `bytes`, `string` or `tuple`, with `[]` or `[k]` behind it for arrays. */
export type AbiParameter = {
  readonly name: string;
  readonly type: string;
  readonly components?: readonly AbiParameter[];
  /** Of an event. */
  readonly indexed?: boolean;
};

export type AbiValue = bigint | boolean | string | Bytes | readonly AbiValue[];

type AbiType = Pick<AbiParameter, 'type' | 'components'>;

const WORD_SIZE_BYTES = 32;
const WORD_MAX = 2n ** 256n - 1n;
const NOTHING: Bytes = new Uint8Array(0);
/** Selector of `Error(string)`, which is how Solidity's `require` reverts. */
export const ERROR_SELECTOR: Hex = '0x08c379a0';

/** Throws CodecError ABI_VALUE for a value that does not fit its type, ABI_TYPE for a type that is not known. */
export function encodeAbi(types: readonly AbiType[], values: readonly AbiValue[]): Bytes {
  if (types.length !== values.length) {
    throw new CodecError('ABI_VALUE', `${values.length} values where ${types.length} belong`);
  }
  const heads: Bytes[] = [];
  const tails: Bytes[] = [];
  let offset = types.reduce((sum, type) => sum + headSizeBytes(type), 0);
  for (const [index, type] of types.entries()) {
    const encoded = encodeValue(type, values[index] ?? NOTHING);
    if (!isDynamic(type)) {
      heads.push(encoded);
      continue;
    }
    heads.push(wordOf(BigInt(offset)));
    tails.push(encoded);
    offset += encoded.length;
  }
  return concat([...heads, ...tails]);
}

/** Throws CodecError ABI_MALFORMED for anything but the one encoding, ABI_TYPE for a type that is not known. */
export function decodeAbi(types: readonly AbiType[], bytes: Bytes): AbiValue[] {
  const { values, end } = decodeSequence(types, bytes, 0);
  if (end !== bytes.length) throw malformed(`${bytes.length - end} bytes follow the last value`);
  return values;
}

/** What a revert with a reason returns. */
export function encodeRevertReason(reason: string): Bytes {
  return concat([fromHex(ERROR_SELECTOR), encodeAbi([{ type: 'string' }], [reason])]);
}

/** null where these bytes are no `Error(string)`. */
export function decodeRevertReason(output: Bytes): string | null {
  if (!bytesEqual(output.subarray(0, 4), fromHex(ERROR_SELECTOR))) return null;
  try {
    return decodeAbi([{ type: 'string' }], output.subarray(4))[0] as string;
  } catch (error) {
    if (error instanceof CodecError) return null;
    throw error;
  }
}

/** An array type is its items' type with brackets behind it; `length` null where it is open. */
function arrayOf({ type, components }: AbiType): { readonly item: AbiType; readonly length: number | null } | null {
  const match = /^(.*)\[([0-9]*)\]$/.exec(type);
  if (match === null) return null;
  const digits = match[2] ?? '';
  if (digits !== '' && !/^[1-9][0-9]{0,5}$/.test(digits)) throw unknownType(type);
  const item = { type: match[1] ?? '', ...(components === undefined ? {} : { components }) };
  return { item, length: digits === '' ? null : Number(digits) };
}

/** An empty tuple would take no room, and any number of them would fit into nothing. */
function componentsOf({ type, components }: AbiType): readonly AbiParameter[] {
  if (components === undefined || components.length === 0) throw unknownType(type);
  return components;
}

function isDynamic(type: AbiType): boolean {
  const array = arrayOf(type);
  if (array !== null) return array.length === null || isDynamic(array.item);
  if (type.type === 'tuple') return componentsOf(type).some(isDynamic);
  return type.type === 'bytes' || type.type === 'string';
}

/** What the type takes where it stands; dynamic ones leave an offset there. */
function headSizeBytes(type: AbiType): number {
  if (isDynamic(type)) return WORD_SIZE_BYTES;
  const array = arrayOf(type);
  if (array !== null) return (array.length ?? 0) * headSizeBytes(array.item);
  if (type.type === 'tuple') return componentsOf(type).reduce((sum, component) => sum + headSizeBytes(component), 0);
  return WORD_SIZE_BYTES;
}

function encodeValue(type: AbiType, value: AbiValue): Bytes {
  const array = arrayOf(type);
  if (array !== null) {
    if (!Array.isArray(value) || (array.length !== null && value.length !== array.length)) throw misfit(type);
    const items = encodeAbi(Array<AbiType>(value.length).fill(array.item), value as readonly AbiValue[]);
    return array.length === null ? concat([wordOf(BigInt(value.length)), items]) : items;
  }
  if (type.type === 'tuple') {
    if (!Array.isArray(value)) throw misfit(type);
    return encodeAbi(componentsOf(type), value as readonly AbiValue[]);
  }
  if (type.type === 'bytes' && value instanceof Uint8Array) return withLength(value);
  if (type.type === 'string' && typeof value === 'string') return withLength(new TextEncoder().encode(value));
  return encodeWord(type, value);
}

function encodeWord(type: AbiType, value: AbiValue): Bytes {
  const { bits, sizeBytes } = wordType(type);
  if (type.type === 'bool' && typeof value === 'boolean') return wordOf(value ? 1n : 0n);
  if (type.type === 'address' && isHex(value, 20)) return wordOf(BigInt(value));
  if (bits !== null && typeof value === 'bigint' && value >= 0n && value < 2n ** BigInt(bits)) return wordOf(value);
  if (sizeBytes !== null && isHex(value, sizeBytes)) return padded(fromHex(value));
  throw misfit(type);
}

/** `bits` of an unsigned integer, `sizeBytes` of bytesN; both null for address and bool. Throws ABI_TYPE. */
function wordType({ type }: AbiType): { readonly bits: number | null; readonly sizeBytes: number | null } {
  if (type === 'address' || type === 'bool') return { bits: null, sizeBytes: null };
  const match = /^(uint|bytes)([1-9][0-9]{0,2})$/.exec(type);
  const size = Number(match?.[2]);
  if (match?.[1] === 'uint' && size % 8 === 0 && size <= 256) return { bits: size, sizeBytes: null };
  if (match?.[1] === 'bytes' && size <= WORD_SIZE_BYTES) return { bits: null, sizeBytes: size };
  throw unknownType(type);
}

type Decoded = { readonly values: AbiValue[]; readonly end: number };

/** Types that stand side by side at `start`; `end` is behind all that they point to. */
function decodeSequence(types: readonly AbiType[], bytes: Bytes, start: number): Decoded {
  let head = start;
  let tail = start + types.reduce((sum, type) => sum + headSizeBytes(type), 0);
  if (tail > bytes.length) throw malformed(`${bytes.length - start} bytes where ${tail - start} belong`);
  const values: AbiValue[] = [];
  for (const type of types) {
    if (!isDynamic(type)) {
      values.push(decodeStatic(type, bytes, head));
    } else {
      if (word(bytes, head) !== BigInt(tail - start)) throw malformed('an offset does not lead to the next free place');
      const { value, end } = decodeDynamic(type, bytes, tail);
      values.push(value);
      tail = end;
    }
    head += headSizeBytes(type);
  }
  return { values, end: tail };
}

function decodeStatic(type: AbiType, bytes: Bytes, at: number): AbiValue {
  const array = arrayOf(type);
  if (array !== null) return decodeSequence(Array<AbiType>(array.length ?? 0).fill(array.item), bytes, at).values;
  if (type.type === 'tuple') return decodeSequence(componentsOf(type), bytes, at).values;
  const { bits, sizeBytes } = wordType(type);
  const value = word(bytes, at);
  if (type.type === 'bool' && value <= 1n) return value === 1n;
  if (type.type === 'address' && value < 2n ** 160n) return `0x${value.toString(16).padStart(40, '0')}`;
  if (bits !== null && value < 2n ** BigInt(bits)) return value;
  if (sizeBytes !== null && isZero(bytes.subarray(at + sizeBytes, at + WORD_SIZE_BYTES))) {
    return toHex(bytes.subarray(at, at + sizeBytes));
  }
  throw malformed(`a word is no ${type.type}`);
}

function decodeDynamic(type: AbiType, bytes: Bytes, at: number): { readonly value: AbiValue; readonly end: number } {
  const array = arrayOf(type);
  if (array !== null) {
    const start = array.length === null ? at + WORD_SIZE_BYTES : at;
    const length = array.length ?? lengthAt(bytes, at, headSizeBytes(array.item));
    const { values, end } = decodeSequence(Array<AbiType>(length).fill(array.item), bytes, start);
    return { value: values, end };
  }
  if (type.type === 'tuple') {
    const { values, end } = decodeSequence(componentsOf(type), bytes, at);
    return { value: values, end };
  }
  const length = lengthAt(bytes, at, 1);
  const start = at + WORD_SIZE_BYTES;
  const end = start + ceilToWord(length);
  if (end > bytes.length || !isZero(bytes.subarray(start + length, end))) throw malformed(`${type.type} is not padded`);
  const content = new Uint8Array(bytes.subarray(start, start + length));
  return { value: type.type === 'bytes' ? content : textOf(content), end };
}

/** Room for so many is checked before anything is made of them. */
function lengthAt(bytes: Bytes, at: number, itemSizeBytesMin: number): number {
  const length = word(bytes, at);
  const room = bytes.length - at - WORD_SIZE_BYTES;
  if (length * BigInt(itemSizeBytesMin) > BigInt(room)) throw malformed(`a length of ${length} has no room`);
  return Number(length);
}

function textOf(content: Bytes): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw malformed('a string is not UTF-8');
  }
}

function word(bytes: Bytes, at: number): bigint {
  if (at + WORD_SIZE_BYTES > bytes.length) throw malformed('the bytes end within a word');
  return BigInt(toHex(bytes.subarray(at, at + WORD_SIZE_BYTES)));
}

function wordOf(value: bigint): Bytes {
  if (value < 0n || value > WORD_MAX) throw new CodecError('ABI_VALUE', `${value} has no place in a word`);
  return fromHex(`0x${value.toString(16).padStart(64, '0')}`);
}

function withLength(content: Bytes): Bytes {
  return concat([wordOf(BigInt(content.length)), padded(content)]);
}

function padded(content: Bytes): Bytes {
  const out = new Uint8Array(ceilToWord(content.length));
  out.set(content);
  return out;
}

function ceilToWord(length: number): number {
  return Math.ceil(length / WORD_SIZE_BYTES) * WORD_SIZE_BYTES;
}

function isZero(bytes: Bytes): boolean {
  return bytes.every((byte) => byte === 0);
}

function concat(parts: readonly Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

function malformed(why: string): CodecError {
  return new CodecError('ABI_MALFORMED', `not the ABI encoding of these types: ${why}`);
}

function misfit({ type }: AbiType): CodecError {
  return new CodecError('ABI_VALUE', `not a value of type ${type}`);
}

function unknownType(type: string): CodecError {
  return new CodecError('ABI_TYPE', `${JSON.stringify(type)} is not a type that is known here`);
}
