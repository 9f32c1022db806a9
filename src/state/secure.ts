/** How the state's tries name and hold things: keys are hashed (yellow paper §4.1), words are RLP without leading zeros. */
import { RlpReader } from '../codec/rlp-reader.ts';
import { encodeRlp } from '../codec/rlp.ts';
import { keccak256Bytes } from '../crypto/keccak.ts';
import { ZERO_HASH, type Bytes, type Hash, type Hex } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';

/** Key of an account in the state trie, or of a slot in a storage trie: the hash of its bytes. */
export function secureKey(name: Hex): Bytes {
  return keccak256Bytes(fromHex(name));
}

/** A storage word as a trie value; null (absent) for zero. */
export function encodeWord(word: Hash): Bytes | null {
  if (word === ZERO_HASH) return null;
  const bytes = fromHex(word);
  let start = 0;
  while (bytes[start] === 0) start++;
  return encodeRlp(bytes.subarray(start));
}

/** Throws CodecError WORD_INVALID or RLP_*. */
export function decodeWord(value: Bytes): Hash {
  const reader = new RlpReader(value);
  const bytes = reader.bytes();
  reader.end();
  if (bytes.length === 0 || bytes.length > 32 || bytes[0] === 0) {
    throw new CodecError('WORD_INVALID', 'a storage word has leading zeros or more than 32 bytes');
  }
  return `0x${toHex(bytes).slice(2).padStart(64, '0')}`;
}
