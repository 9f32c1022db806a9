/**
 * EIP-712: the digest of typed structured data, keccak256(0x19 01 ‖ hashStruct(domain) ‖ hashStruct(message)).
 * Everything comes from a client, so types are looked up as own properties only and nesting is bounded.
 */
import { keccak256, keccak256Bytes } from '../src/crypto/keccak.ts';
import type { Bytes, Hash, JsonValue } from '../src/types/primitives.ts';
import { fromHex } from '../src/util/hex.ts';
import { invalidParams } from './errors.ts';
import { ADDRESS, BYTES, FLAG, TEXT } from './params.ts';
import { absent, isList, isRecord, type JsonRecord } from './schema/json.ts';
import { mustBe, type ParamType } from './schema/param-type.ts';

const DEPTH_MAX = 32;
const TYPES_MAX = 256;
/** Members encoded in all: small JSON can name the same large type again and again. */
const WORDS_MAX = 10_000;
const ARRAY = /^(.+)\[([0-9]*)\]$/;
const INTEGER = /^(u?)int([0-9]{0,3})$/;
const FIXED_BYTES = /^bytes([0-9]{1,2})$/;

type Field = { readonly name: string; readonly type: string };

/**
 * An object, or (as MetaMask takes it) its JSON text. What the types say of domain and message no schema can say; the digest
 * finds it out.
 */
export const TYPED_DATA: ParamType<JsonRecord> = {
  schema: {
    description: 'EIP-712 typed data, or its JSON text.',
    anyOf: [{ type: 'object' }, { type: 'string', contentMediaType: 'application/json' }],
  },
  decode(value, index) {
    if (typeof value !== 'string') return record(value, index, 'typedData');
    try {
      return record(JSON.parse(value) as JsonValue, index, 'typedData');
    } catch {
      throw mustBe(index, 'typedData', 'an object or its JSON text');
    }
  },
};

/** `index` is the parameter's, for messages. @throws -32602. */
export function typedDataDigest(data: JsonRecord, index: number): Hash {
  const hasher = new StructHasher(record(data['types'], index, 'types'), index);
  const primaryType = TEXT.decode(data['primaryType'], index, 'primaryType');
  const domain = hasher.hash('EIP712Domain', record(data['domain'], index, 'domain'), 0);
  if (primaryType === 'EIP712Domain') return keccak256(Buffer.concat([Buffer.from([0x19, 0x01]), domain]));
  const message = hasher.hash(primaryType, record(data['message'], index, 'message'), 0);
  return keccak256(Buffer.concat([Buffer.from([0x19, 0x01]), domain, message]));
}

class StructHasher {
  readonly #types = new Map<string, readonly Field[]>();
  readonly #typeHashes = new Map<string, Bytes>();
  readonly #index: number;
  #words = 0;

  constructor(types: JsonRecord, index: number) {
    this.#index = index;
    const entries = Object.entries(types);
    if (entries.length > TYPES_MAX) throw invalidParams(index, `more than ${TYPES_MAX} types`);
    for (const [name, fields] of entries) this.#types.set(name, this.#fields(fields));
  }

  hash(type: string, value: JsonRecord, depth: number): Bytes {
    if (depth > DEPTH_MAX) throw invalidParams(this.#index, `typed data is nested deeper than ${DEPTH_MAX}`);
    const words = this.#require(type).map((field) =>
      this.#word(field.type, Object.hasOwn(value, field.name) ? value[field.name] : undefined, field.name, depth + 1),
    );
    return keccak256Bytes(Buffer.concat([this.#typeHash(type), ...words]));
  }

  /** encodeData of EIP-712 for one member: always 32 bytes. */
  #word(type: string, value: JsonValue | undefined, name: string, depth: number): Bytes {
    if (++this.#words > WORDS_MAX) throw invalidParams(this.#index, `typed data has more than ${WORDS_MAX} members`);
    const array = ARRAY.exec(type);
    if (array !== null) return this.#arrayWord(array[1] ?? '', array[2] ?? '', value, name, depth);
    if (this.#types.has(type)) {
      return absent(value) ? new Uint8Array(32) : this.hash(type, record(value, this.#index, name), depth);
    }
    if (type === 'string') return keccak256Bytes(Buffer.from(TEXT.decode(value, this.#index, name)));
    if (type === 'bytes') return keccak256Bytes(BYTES.decode(value, this.#index, name));
    if (type === 'bool') return word(FLAG.decode(value, this.#index, name) ? 1n : 0n);
    if (type === 'address') return word(BigInt(ADDRESS.decode(value, this.#index, name)));
    return this.#integerWord(type, value, name) ?? this.#fixedBytesWord(type, value, name);
  }

  #arrayWord(inner: string, length: string, value: JsonValue | undefined, name: string, depth: number): Bytes {
    if (!isList(value)) throw invalidParams(this.#index, `\`${name}\` must be an array`);
    if (length !== '' && value.length !== Number(length)) {
      throw invalidParams(this.#index, `\`${name}\` must have ${length} items`);
    }
    if (depth > DEPTH_MAX) throw invalidParams(this.#index, `typed data is nested deeper than ${DEPTH_MAX}`);
    return keccak256Bytes(Buffer.concat(value.map((item) => this.#word(inner, item, name, depth + 1))));
  }

  #integerWord(type: string, value: JsonValue | undefined, name: string): Bytes | null {
    const match = INTEGER.exec(type);
    if (match === null) return null;
    const bits = match[2] === '' ? 256n : BigInt(match[2] ?? '0');
    if (bits === 0n || bits > 256n || bits % 8n !== 0n) throw invalidParams(this.#index, `unknown type ${type}`);
    const number = this.#integer(value, name);
    const unsigned = match[1] === 'u';
    const low = unsigned ? 0n : -(1n << (bits - 1n));
    const high = unsigned ? (1n << bits) - 1n : (1n << (bits - 1n)) - 1n;
    if (number < low || number > high) throw invalidParams(this.#index, `\`${name}\` is out of range of ${type}`);
    return word(BigInt.asUintN(256, number));
  }

  #integer(value: JsonValue | undefined, name: string): bigint {
    if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
    if (typeof value === 'string' && /^(?:-?[0-9]{1,78}|0x[0-9a-fA-F]{1,64})$/.test(value)) return BigInt(value);
    throw invalidParams(this.#index, `\`${name}\` must be an integer: a safe number, or decimal or hex text`);
  }

  #fixedBytesWord(type: string, value: JsonValue | undefined, name: string): Bytes {
    const size = Number(FIXED_BYTES.exec(type)?.[1] ?? 0);
    if (size < 1 || size > 32) throw invalidParams(this.#index, `unknown type ${type.slice(0, 64)}`);
    const bytes = BYTES.decode(value, this.#index, name);
    if (bytes.length !== size) throw invalidParams(this.#index, `\`${name}\` must have ${size} bytes`);
    return Buffer.concat([bytes], 32);
  }

  #typeHash(type: string): Bytes {
    const known = this.#typeHashes.get(type);
    if (known !== undefined) return known;
    const others = [...this.#dependencies(type)].filter((name) => name !== type).sort();
    const text = [type, ...others].map((name) => this.#signature(name)).join('');
    const hash = keccak256Bytes(Buffer.from(text));
    this.#typeHashes.set(type, hash);
    return hash;
  }

  #signature(type: string): string {
    const fields = this.#require(type).map((field) => `${field.type} ${field.name}`);
    return `${type}(${fields.join(',')})`;
  }

  #dependencies(type: string): Set<string> {
    const found = new Set([type]);
    for (const name of found) {
      for (const field of this.#require(name)) {
        const base = field.type.replace(/(?:\[[0-9]*\])+$/, '');
        if (this.#types.has(base)) found.add(base);
      }
    }
    return found;
  }

  #require(type: string): readonly Field[] {
    const fields = this.#types.get(type);
    if (fields === undefined) throw invalidParams(this.#index, `\`types\` does not define ${type.slice(0, 64)}`);
    return fields;
  }

  #fields(value: JsonValue | undefined): readonly Field[] {
    if (!isList(value)) throw invalidParams(this.#index, 'each of `types` must be an array of fields');
    return value.map((field) => {
      if (!isRecord(field)) throw invalidParams(this.#index, 'a field of a type must be an object');
      return {
        name: TEXT.decode(field['name'], this.#index, 'field name'),
        type: TEXT.decode(field['type'], this.#index, 'field type'),
      };
    });
  }
}

function record(value: JsonValue | undefined, index: number, what: string): JsonRecord {
  if (isRecord(value)) return value;
  throw mustBe(index, what, 'an object');
}

function word(value: bigint): Bytes {
  return fromHex(`0x${value.toString(16).padStart(64, '0')}`);
}
