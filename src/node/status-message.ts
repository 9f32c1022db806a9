import { decodeRlp, decodeUint, encodeRlp, encodeUint, type RlpItem } from '../codec/rlp.ts';
import type { BlockRef } from '../types/block.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';

/** What two nodes tell each other first, and again from time to time. */
export type StatusMessage = {
  readonly chainId: number;
  readonly shard: number;
  readonly genesisHash: Hash;
  readonly head: BlockRef;
  readonly finalized: BlockRef;
};

const STATUS_VERSION = 1;

export function encodeStatus(status: StatusMessage): Bytes {
  return encodeRlp([
    encodeUint(STATUS_VERSION),
    encodeUint(status.chainId),
    encodeUint(status.shard),
    fromHex(status.genesisHash),
    encodeUint(status.head.number),
    fromHex(status.head.hash),
    encodeUint(status.finalized.number),
    fromHex(status.finalized.hash),
  ]);
}

/** Throws CodecError STATUS_MALFORMED. */
export function decodeStatus(bytes: Bytes): StatusMessage {
  const items = decodeRlp(bytes);
  if (!Array.isArray(items) || items.length !== 8) throw malformed();
  const field = (index: number): Bytes => {
    const item: RlpItem | undefined = (items as readonly RlpItem[])[index];
    if (!(item instanceof Uint8Array)) throw malformed();
    return item;
  };
  const hash = (index: number): Hash => {
    if (field(index).length !== 32) throw malformed();
    return toHex(field(index));
  };
  if (decodeUint(field(0)) !== STATUS_VERSION) throw malformed();
  return {
    chainId: decodeUint(field(1)),
    shard: decodeUint(field(2)),
    genesisHash: hash(3),
    head: { number: decodeUint(field(4)), hash: hash(5) },
    finalized: { number: decodeUint(field(6)), hash: hash(7) },
  };
}

function malformed(): CodecError {
  return new CodecError('STATUS_MALFORMED', 'not a status of this protocol version');
}
