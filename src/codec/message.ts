/**
 * Messages between validators. On the wire RLP [from, payload, signature]; the signature is over keccak256(rlp([DOMAIN,
 * chainId, shard, engineId, genesisHash, payload])), so that it is worth nothing on another chain (a devnet begun anew with the
 * same keys is one), in another shard, to another engine, or as a signature of anything that is not a message.
 */
import { keccak256 } from '../crypto/keccak.ts';
import { recoverAddress } from '../crypto/secp256k1.ts';
import { MESSAGE_SIZE_BYTES_MAX, type SignedMessage } from '../types/message.ts';
import type { Address, Bytes, Hash, Signature } from '../types/primitives.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import { asMalformed } from './malformed.ts';
import { encodeRlp, encodeUint, type RlpItem } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';

export type MessageContext = {
  readonly chainId: number;
  readonly shard: number;
  readonly engineId: string;
  readonly genesisHash: Hash;
};

const DOMAIN: Bytes = Buffer.from('parley/message/1', 'ascii');
const SIGNATURE_SIZE_BYTES = 65;

/** Beside the largest payload: prefix of the list 3, address 21, prefix of the payload 3, signature 67. */
export const PAYLOAD_SIZE_BYTES_MAX = MESSAGE_SIZE_BYTES_MAX - 94;

/** What a validator signs. */
export function messageDigest(context: MessageContext, payload: Bytes): Hash {
  return keccak256(
    encodeRlp([
      DOMAIN,
      encodeUint(context.chainId),
      encodeUint(context.shard),
      Buffer.from(context.engineId, 'utf8'),
      fromHex(context.genesisHash),
      payload,
    ]),
  );
}

/** Recovers the signer; null unless it is the one named in `from`. */
export function messageSigner(context: MessageContext, message: SignedMessage): Address | null {
  const signer = recoverAddress(messageDigest(context, message.payload), message.signature);
  return signer === message.from ? signer : null;
}

export function encodeMessage(message: SignedMessage): Bytes {
  return encodeRlp(messageToRlp(message));
}

/** Throws CodecError MESSAGE_TOO_LARGE or MESSAGE_MALFORMED. The signature is not checked here. */
export function decodeMessage(bytes: Bytes): SignedMessage {
  return asMalformed('MESSAGE_MALFORMED', () => {
    if (bytes.length > MESSAGE_SIZE_BYTES_MAX) throw tooLarge(bytes.length);
    const reader = new RlpReader(bytes);
    const message = readMessage(reader);
    reader.end();
    return message;
  });
}

/** As one item of a larger structure. */
export function messageToRlp(message: SignedMessage): RlpItem {
  return [fromHex(message.from), message.payload, message.signature];
}

/** As one item of a larger structure, under the same limit. */
export function readMessage(reader: RlpReader): SignedMessage {
  const start = reader.position;
  const outer = reader.openList();
  const from = reader.address();
  const payload = reader.ownBytes(MESSAGE_SIZE_BYTES_MAX);
  const signature = readSignature(reader);
  reader.closeList(outer);
  if (reader.position - start > MESSAGE_SIZE_BYTES_MAX) throw tooLarge(reader.position - start);
  return { from, payload, signature };
}

/** Throws CodecError MESSAGE_MALFORMED. */
export function readSignature(reader: RlpReader): Signature {
  const signature = reader.ownBytes(SIGNATURE_SIZE_BYTES);
  if (signature.length !== SIGNATURE_SIZE_BYTES || (signature[64] ?? 2) > 1) {
    throw new CodecError('MESSAGE_MALFORMED', 'a signature has 65 bytes, the last of them 0 or 1');
  }
  return signature;
}

function tooLarge(sizeBytes: number): CodecError {
  return new CodecError('MESSAGE_TOO_LARGE', `a message has at most ${MESSAGE_SIZE_BYTES_MAX} bytes`, { sizeBytes });
}
