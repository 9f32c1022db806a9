import type { Address, Bytes, Hash, Hex } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';

/**
 * Reads strict RLP in one pass, field by field, without building lists in between. Every method throws CodecError with
 * an RLP_* code on anything but the one canonical encoding.
 *
 * A list: `const outer = reader.openList(); …fields…; reader.closeList(outer);` reading past its end is RLP_TRUNCATED,
 * leaving some of it is RLP_TRAILING_BYTES.
 */
export class RlpReader {
  readonly #bytes: Bytes;
  readonly #buffer: Buffer;
  /** Where the next item starts. */
  position: number;
  /** End of the list being read. */
  #limit: number;
  /** End of the content of the item that `#content` found. */
  #contentEnd = 0;

  constructor(bytes: Bytes, start = 0) {
    this.#bytes = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.#limit = bytes.length;
  }

  hasMore(): boolean {
    return this.position < this.#limit;
  }

  nextIsList(): boolean {
    return (this.#bytes[this.position] ?? 0) >= 0xc0;
  }

  /** Nothing may follow. */
  end(): void {
    if (this.position !== this.#limit) throw new CodecError('RLP_TRAILING_BYTES', 'bytes follow the last item');
  }

  /** Gives what `closeList` needs. */
  openList(): number {
    const outer = this.#limit;
    this.position = this.#content(0xc0);
    this.#limit = this.#contentEnd;
    return outer;
  }

  closeList(outer: number): void {
    this.end();
    this.#limit = outer;
  }

  /** A view. */
  bytes(): Bytes {
    const start = this.#content(0x80);
    this.position = this.#contentEnd;
    return this.#bytes.subarray(start, this.position);
  }

  /** A copy, for what is kept while the buffer should go. Throws RLP_SIZE above `sizeBytesMax`. */
  ownBytes(sizeBytesMax: number): Bytes {
    const view = this.bytes();
    if (view.length > sizeBytesMax) throw new CodecError('RLP_SIZE', `more than ${sizeBytesMax} bytes`);
    return new Uint8Array(view);
  }

  /** Exactly `sizeBytes` bytes as hex. */
  fixed(sizeBytes: number): Hex {
    const start = this.#content(0x80);
    this.position = this.#contentEnd;
    if (this.position - start !== sizeBytes) {
      throw new CodecError('RLP_SIZE', `${this.position - start} bytes where ${sizeBytes} belong`);
    }
    return `0x${this.#buffer.toString('hex', start, this.position)}`;
  }

  hash(): Hash {
    return this.fixed(32);
  }

  address(): Address {
    return this.fixed(20);
  }

  /** Exactly `sizeBytes` bytes, or none (null). */
  fixedOrEmpty(sizeBytes: number): Hex | null {
    if (this.#bytes[this.position] !== 0x80 || !this.hasMore()) return this.fixed(sizeBytes);
    this.position++;
    return null;
  }

  hex(): Hex {
    const start = this.#content(0x80);
    this.position = this.#contentEnd;
    return `0x${this.#buffer.toString('hex', start, this.position)}`;
  }

  /** Up to 2^53-1. */
  uint(): number {
    const start = this.#integer();
    if (this.position - start > 7) throw new CodecError('RLP_INTEGER_TOO_LARGE', 'an integer is above 2^53-1');
    const value = this.#small(start);
    if (value > Number.MAX_SAFE_INTEGER) throw new CodecError('RLP_INTEGER_TOO_LARGE', 'an integer is above 2^53-1');
    return value;
  }

  /** Up to 2^256-1. */
  bigint(): bigint {
    const start = this.#integer();
    if (this.position - start <= 6) return BigInt(this.#small(start));
    if (this.position - start > 32) throw new CodecError('RLP_INTEGER_TOO_LARGE', 'an integer has more than 256 bits');
    return BigInt(`0x${this.#buffer.toString('hex', start, this.position)}`);
  }

  /** 0 or 1. */
  bit(): 0 | 1 {
    const value = this.uint();
    if (value !== 0 && value !== 1) throw new CodecError('RLP_INTEGER_TOO_LARGE', `${value} where 0 or 1 belongs`);
    return value;
  }

  /** Copies an integer of at most 32 bytes into `target`, right-aligned in the 32 bytes at `at`. */
  word(target: Bytes, at: number): void {
    const start = this.#integer();
    const length = this.position - start;
    if (length > 32) throw new CodecError('RLP_INTEGER_TOO_LARGE', 'an integer has more than 256 bits');
    target.fill(0, at, at + 32 - length);
    for (let i = 0; i < length; i++) target[at + 32 - length + i] = this.#bytes[start + i] ?? 0;
  }

  #small(start: number): number {
    let value = 0;
    for (let i = start; i < this.position; i++) value = value * 256 + (this.#bytes[i] ?? 0);
    return value;
  }

  #integer(): number {
    const start = this.#content(0x80);
    this.position = this.#contentEnd;
    if (this.position > start && this.#bytes[start] === 0) {
      throw new CodecError('RLP_NON_CANONICAL', 'an integer has leading zeros');
    }
    return start;
  }

  /**
   * Checks the prefix of the next item against `kind` (0x80 byte string, 0xc0 list), sets its end and gives the start
   * of its content.
   */
  #content(kind: 0x80 | 0xc0): number {
    const at = this.position;
    if (at >= this.#limit)
      throw new CodecError(this.#bytes.length === 0 ? 'RLP_EMPTY' : 'RLP_TRUNCATED', 'an item is missing');
    const prefix = this.#bytes[at] ?? 0;
    if (prefix < 0xc0 !== (kind === 0x80)) {
      throw new CodecError('RLP_TYPE', kind === 0xc0 ? 'a list belongs here' : 'a byte string belongs here');
    }
    if (prefix < 0x80) {
      this.#contentEnd = at + 1;
      return at;
    }
    let length = prefix - kind;
    let start = at + 1;
    if (length > 55) {
      const lengthOfLength = length - 55;
      length = this.#longLength(start, lengthOfLength);
      start += lengthOfLength;
    } else if (length === 1 && kind === 0x80 && (this.#bytes[start] ?? 0x80) < 0x80) {
      throw new CodecError('RLP_NON_CANONICAL', 'a single byte below 0x80 has a prefix');
    }
    this.#contentEnd = start + length;
    if (this.#contentEnd > this.#limit) throw new CodecError('RLP_TRUNCATED', 'an item is longer than what holds it');
    return start;
  }

  #longLength(start: number, lengthOfLength: number): number {
    if (start + lengthOfLength > this.#limit) throw new CodecError('RLP_TRUNCATED', 'a length is cut off');
    if (this.#bytes[start] === 0) throw new CodecError('RLP_NON_CANONICAL', 'a length has leading zeros');
    let length = 0;
    for (let i = 0; i < lengthOfLength; i++) length = length * 256 + (this.#bytes[start + i] ?? 0);
    if (length < 56) throw new CodecError('RLP_NON_CANONICAL', 'a short item has a long prefix');
    return length;
  }
}
