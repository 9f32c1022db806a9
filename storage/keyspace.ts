import type { Bytes } from '../src/types/primitives.ts';

/**
 * The one list of key prefixes of the node's database. One byte each; a number once used is never given another
 * meaning, so an old database can always be told apart from a damaged one.
 */
export const KEYSPACE = {
  /** Singletons by name: schema version, genesis hash, finalized pointer, head pointer, engine anchor, config hash. */
  meta: 0x01,
  /** block hash (32) -> RLP block. Finalized and not. */
  block: 0x02,
  /** number (8, big-endian) -> block hash. Finalized blocks only. */
  canonical: 0x03,
  /** block hash (32) -> stored receipts. Finalized blocks only. */
  receipts: 0x04,
  /** transaction hash (32) -> block hash (32), index (4). Finalized blocks only. */
  transaction: 0x05,
  /** block hash (32) -> justification. */
  justification: 0x06,
  /** number (8), block hash (32) -> empty. Stored blocks above finality, replayed at start. */
  unfinalized: 0x07,
  /** address (20) -> account. */
  account: 0x10,
  /** address (20), keccak256 of the slot (32) -> word. */
  storage: 0x11,
  /** code hash (32) -> code. */
  code: 0x12,
  /** node hash (32) -> RLP trie node. */
  trieNode: 0x13,
  /** engine's key (text) -> value: `persist` effects. */
  vote: 0x20,
  /** transaction hash (32) -> raw transaction: accepted local transactions not yet final. */
  journal: 0x30,
} as const;

export type Keyspace = keyof typeof KEYSPACE;

/** prefix ‖ parts. */
export function keyOf(space: Keyspace, ...parts: readonly Bytes[]): Bytes {
  let sizeBytes = 1;
  for (const part of parts) sizeBytes += part.length;
  const key = Buffer.allocUnsafe(sizeBytes);
  key[0] = KEYSPACE[space];
  let offset = 1;
  for (const part of parts) {
    key.set(part, offset);
    offset += part.length;
  }
  return key;
}

/** Every key of one space, as a range. */
export function spaceRange(space: Keyspace): { readonly gte: Bytes; readonly lt: Bytes } {
  return { gte: Buffer.from([KEYSPACE[space]]), lt: Buffer.from([KEYSPACE[space] + 1]) };
}

/** Big-endian, so that numbers sort. */
export function numberKey(number: number): Bytes {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}
