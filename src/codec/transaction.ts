/**
 * Signed transactions of type 0 (legacy, with and without EIP-155), 1 (EIP-2930) and 2 (EIP-1559), decoded in one pass
 * over the bytes.
 *
 * Only the canonical encoding is accepted, so the bytes on the wire are those that are hashed and stored. The digest
 * that was signed is hashed from a slice of the raw bytes: the fields before the signature stand there just as the
 * signer wrote them.
 */
import { keccak256, keccak256Bytes } from '../crypto/keccak.ts';
import { isSignatureInRange, recoverAddressFromBytes, signDigest } from '../crypto/secp256k1.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX, type Transaction, type TransactionFields } from '../types/transaction.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex, isHex, toHex } from '../util/hex.ts';
import { encodeRlp, encodeUint, writePrefix, type RlpItem } from './rlp.ts';
import {
  checkSize,
  parseTransaction,
  priorityFeeAboveMax,
  signatureOutOfRange,
  type ParsedTransaction,
} from './transaction-parser.ts';

export type UnsignedTransaction = Omit<TransactionFields, 'yParity' | 'v' | 'r' | 's'>;

/** Largest integer of a field that is not a number in Parley: 2^256-1. */
const WORD_MAX = (1n << 256n) - 1n;
const NO_BYTES: Bytes = new Uint8Array(0);

/** Room for a list prefix and a type byte before the copied fields, and for chainId, 0, 0 after them. */
const SCRATCH_MARGIN_BYTES = 32;
/** The signed bytes are put together here. Used and done with inside one synchronous call. */
const scratch = new Uint8Array(TRANSACTION_SIZE_BYTES_MAX + 2 * SCRATCH_MARGIN_BYTES);

/**
 * Fields of a signed transaction; `data` is a view of `raw`, `r` and `s` have 32 bytes. Throws CodecError
 * TX_TYPE_UNSUPPORTED, TX_TOO_LARGE, TX_MALFORMED, TX_NONCE_TOO_LARGE, TX_GAS_TOO_LARGE, TX_CHAIN_ID_TOO_LARGE,
 * TX_VALUE_TOO_LARGE, TX_PRIORITY_FEE_ABOVE_MAX, or TX_SIGNATURE_INVALID (v, r or s out of range, s high).
 */
export function decodeFields(raw: Bytes): TransactionFields {
  const p = parseTransaction(raw);
  return {
    type: p.type,
    chainId: p.chainId,
    nonce: p.nonce,
    gasLimit: p.gasLimit,
    maxFeePerGas: p.maxFeePerGas,
    maxPriorityFeePerGas: p.maxPriorityFeePerGas,
    to: p.to,
    value: p.value,
    data: p.data,
    accessList: p.accessList,
    yParity: p.yParity,
    v: p.v,
    r: toHex(p.rs.subarray(0, 32)),
    s: toHex(p.rs.subarray(32)),
  };
}

/**
 * Decodes, hashes and recovers the sender. `raw` of the result is a copy, so that a transaction never keeps alive the
 * larger buffer it came in. Throws as `decodeFields`; TX_SIGNATURE_INVALID also where no key can have made the
 * signature.
 */
export function recoverTransaction(raw: Bytes): Transaction {
  checkSize(raw.length);
  const own = new Uint8Array(raw);
  const p = parseTransaction(own);
  const sender = recoverAddressFromBytes(signedDigest(own, p), p.rs, p.yParity);
  if (sender === null) throw new CodecError('TX_SIGNATURE_INVALID', 'no key can have made this signature');
  return {
    type: p.type,
    chainId: p.chainId,
    nonce: p.nonce,
    gasLimit: p.gasLimit,
    maxFeePerGas: p.maxFeePerGas,
    maxPriorityFeePerGas: p.maxPriorityFeePerGas,
    to: p.to,
    value: p.value,
    data: p.data,
    accessList: p.accessList,
    yParity: p.yParity,
    v: p.v,
    r: toHex(p.rs.subarray(0, 32)),
    s: toHex(p.rs.subarray(32)),
    hash: keccak256(own),
    sender,
    raw: own,
  };
}

/**
 * Canonical bytes. Legacy: `v` follows from `chainId` and `yParity`, what the field says is not looked at. Throws
 * CodecError as `decodeFields`.
 */
export function encodeSigned(fields: TransactionFields): Bytes {
  checkFields(fields);
  const [r, s] = [encodeUint(BigInt(fields.r)), encodeUint(BigInt(fields.s))];
  if (!isSignatureInRange(joined(r, s))) throw signatureOutOfRange();
  const items = unsignedItems(fields);
  items.push(encodeUint(wireV(fields)), r, s);
  const raw = envelope(fields.type, items);
  checkSize(raw.length);
  return raw;
}

/**
 * Bytes of a transaction that nobody signed: v, r and s are zero, as Ethereum nodes show such. No decoder takes them. Throws CodecError
 * for fields that no transaction can have; the size is not looked at.
 */
export function encodeUnsigned(unsigned: UnsignedTransaction): Bytes {
  checkFields(unsigned);
  return envelope(unsigned.type, [...unsignedItems(unsigned), NO_BYTES, NO_BYTES, NO_BYTES]);
}

/** What the sender signs. Throws CodecError TX_MALFORMED and the like for fields that no transaction can have. */
export function signingDigest(unsigned: UnsignedTransaction): Hash {
  checkFields(unsigned);
  const items = unsignedItems(unsigned);
  // EIP-155: the chain id takes the place of v, zeros that of r and s.
  if (unsigned.type === 0 && unsigned.chainId !== null) items.push(encodeUint(unsigned.chainId), NO_BYTES, NO_BYTES);
  return keccak256(envelope(unsigned.type, items));
}

/**
 * Signs (RFC 6979, low s) and encodes. Throws CodecError for impossible fields, ParleyError CRYPTO_PRIVATE_KEY for a
 * bad key.
 */
export function signTransaction(unsigned: UnsignedTransaction, privateKey: Bytes): Bytes {
  const signature = signDigest(signingDigest(unsigned), privateKey);
  const yParity = signature[64] === 1 ? 1 : 0;
  return encodeSigned({
    ...unsigned,
    yParity,
    v: 0n,
    r: toHex(signature.subarray(0, 32)),
    s: toHex(signature.subarray(32, 64)),
  });
}

/** Hash of [type ‖] rlp([signed fields …, and for EIP-155 chainId, 0, 0]). */
function signedDigest(raw: Bytes, parsed: ParsedTransaction): Bytes {
  const fields = raw.subarray(parsed.signedStart, parsed.signedEnd);
  let end = SCRATCH_MARGIN_BYTES + fields.length;
  scratch.set(fields, SCRATCH_MARGIN_BYTES);
  if (parsed.type === 0 && parsed.chainId !== null) {
    const suffix = encodeRlp(encodeUint(parsed.chainId));
    scratch.set(suffix, end);
    end += suffix.length;
    scratch[end++] = 0x80;
    scratch[end++] = 0x80;
  }
  const length = end - SCRATCH_MARGIN_BYTES;
  // The prefix is written at the front, then moved up against the fields.
  let start = SCRATCH_MARGIN_BYTES - writePrefix(0xc0, length, scratch, 0);
  scratch.copyWithin(start, 0, SCRATCH_MARGIN_BYTES - start);
  if (parsed.type !== 0) scratch[--start] = parsed.type;
  return keccak256Bytes(scratch.subarray(start, end));
}

/** What the types leave open: no transaction leaves this codec that it would not take in. */
function checkFields(tx: UnsignedTransaction): void {
  if (!Number.isSafeInteger(tx.nonce) || tx.nonce < 0)
    throw new CodecError('TX_NONCE_TOO_LARGE', 'the nonce is above 2^53-1');
  if (!Number.isSafeInteger(tx.gasLimit) || tx.gasLimit < 0) {
    throw new CodecError('TX_GAS_TOO_LARGE', 'the gas limit is above 2^53-1');
  }
  for (const word of [tx.maxFeePerGas, tx.maxPriorityFeePerGas, tx.value]) {
    if (word < 0n || word > WORD_MAX) throw new CodecError('TX_VALUE_TOO_LARGE', 'a fee or value is above 2^256-1');
  }
  if (tx.maxPriorityFeePerGas > tx.maxFeePerGas) throw priorityFeeAboveMax();
  if (tx.type !== 2 && tx.maxPriorityFeePerGas !== tx.maxFeePerGas) {
    throw new CodecError('TX_MALFORMED', 'types 0 and 1 have one gas price: both fee fields must be equal');
  }
  if (tx.to !== null && !isHex(tx.to, 20)) throw new CodecError('TX_MALFORMED', 'the recipient is not an address');
  if (tx.type === 0 && tx.accessList.length > 0) throw new CodecError('TX_MALFORMED', 'type 0 has no access list');
  if (tx.type !== 0 && tx.chainId === null) throw new CodecError('TX_MALFORMED', `type ${tx.type} needs a chain id`);
  for (const { address, storageKeys } of tx.accessList) {
    if (!isHex(address, 20) || !storageKeys.every((key) => isHex(key, 32))) {
      throw new CodecError('TX_MALFORMED', 'the access list has an entry that is no address with 32-byte keys');
    }
  }
}

function unsignedItems(tx: UnsignedTransaction): RlpItem[] {
  const to = tx.to === null ? NO_BYTES : fromHex(tx.to);
  const call = [encodeUint(tx.gasLimit), to, encodeUint(tx.value), tx.data];
  if (tx.type === 0) return [encodeUint(tx.nonce), encodeUint(tx.maxFeePerGas), ...call];
  const accessList = tx.accessList.map((entry) => [fromHex(entry.address), entry.storageKeys.map(fromHex)]);
  const fees = tx.type === 1 ? [] : [encodeUint(tx.maxPriorityFeePerGas)];
  return [encodeUint(tx.chainId ?? 0), encodeUint(tx.nonce), ...fees, encodeUint(tx.maxFeePerGas), ...call, accessList];
}

function envelope(type: 0 | 1 | 2, items: RlpItem[]): Bytes {
  const list = encodeRlp(items);
  if (type === 0) return list;
  const raw = new Uint8Array(1 + list.length);
  raw[0] = type;
  raw.set(list, 1);
  return raw;
}

function wireV(fields: TransactionFields): bigint {
  if (fields.type !== 0) return BigInt(fields.yParity);
  return fields.chainId === null
    ? BigInt(27 + fields.yParity)
    : BigInt(fields.chainId) * 2n + BigInt(35 + fields.yParity);
}

/** r and s of any length as one; the length is wrong where one of them is longer than 32 bytes. */
function joined(r: Bytes, s: Bytes): Bytes {
  return Buffer.concat([new Uint8Array(Math.max(0, 32 - r.length)), r, new Uint8Array(Math.max(0, 32 - s.length)), s]);
}
