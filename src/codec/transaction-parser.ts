/**
 * The single pass over the bytes of a signed transaction: type 0 (legacy, with and without EIP-155), 1 (EIP-2930), 2
 * (EIP-1559). Strict: the canonical encoding or none.
 */
import { isSignatureInRange } from '../crypto/secp256k1.ts';
import type { Address, Bytes, Hash } from '../types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX, type AccessList } from '../types/transaction.ts';
import { CodecError } from '../util/errors.ts';
import { RlpReader } from './rlp-reader.ts';
import { relabelled } from './malformed.ts';

const EMPTY_ACCESS_LIST: AccessList = Object.freeze([]);

/** A transaction taken apart. */
export type ParsedTransaction = {
  type: 0 | 1 | 2;
  chainId: number | null;
  nonce: number;
  maxPriorityFeePerGas: bigint;
  maxFeePerGas: bigint;
  gasLimit: number;
  to: Address | null;
  value: bigint;
  data: Bytes;
  accessList: AccessList;
  yParity: 0 | 1;
  v: bigint;
  /** r and s, 32 bytes each. */
  rs: Bytes;
  /** Where in the raw bytes the signed fields start and end. */
  signedStart: number;
  signedEnd: number;
};

/** Throws the CodecErrors that `decodeFields` of transaction.ts lists. */
export function parseTransaction(raw: Bytes): ParsedTransaction {
  checkSize(raw.length);
  const first = raw[0] ?? 0x80;
  if (first < 0x80 && first !== 1 && first !== 2) {
    throw new CodecError('TX_TYPE_UNSUPPORTED', `transactions of type ${first} are not supported, only 0, 1 and 2`, {
      type: first,
    });
  }
  try {
    const reader = new RlpReader(raw, first < 0x80 ? 1 : 0);
    const parsed = first < 0x80 ? parseTyped(reader, first === 1 ? 1 : 2) : parseLegacy(reader);
    reader.end();
    return parsed;
  } catch (error) {
    throw relabelled('TX_MALFORMED', error);
  }
}

/** EIP-155, or before it: [nonce, gasPrice, gasLimit, to, value, data, v, r, s]. */
function parseLegacy(reader: RlpReader): ParsedTransaction {
  const outer = reader.openList();
  const signedStart = reader.position;
  const nonce = readNumber(reader, 'TX_NONCE_TOO_LARGE', 'nonce');
  const gasPrice = readWord(reader);
  const gasLimit = readNumber(reader, 'TX_GAS_TOO_LARGE', 'gas limit');
  const to = reader.fixedOrEmpty(20);
  const value = readWord(reader);
  const data = reader.bytes();
  const signedEnd = reader.position;
  const v = readWord(reader);
  const rs = readSignature(reader);
  reader.closeList(outer);
  const { chainId, yParity } = readV(v);
  return {
    type: 0,
    chainId,
    nonce,
    maxPriorityFeePerGas: gasPrice,
    maxFeePerGas: gasPrice,
    gasLimit,
    to,
    value,
    data,
    accessList: EMPTY_ACCESS_LIST,
    yParity,
    v,
    rs,
    signedStart,
    signedEnd,
  };
}

/**
 * EIP-2930: [chainId, nonce, gasPrice, gasLimit, to, value, data, accessList, yParity, r, s].
 * EIP-1559 has maxPriorityFeePerGas, maxFeePerGas in place of gasPrice.
 */
function parseTyped(reader: RlpReader, type: 1 | 2): ParsedTransaction {
  const outer = reader.openList();
  const signedStart = reader.position;
  const chainId = readNumber(reader, 'TX_CHAIN_ID_TOO_LARGE', 'chain id');
  const nonce = readNumber(reader, 'TX_NONCE_TOO_LARGE', 'nonce');
  const maxPriorityFeePerGas = readWord(reader);
  const maxFeePerGas = type === 1 ? maxPriorityFeePerGas : readWord(reader);
  const gasLimit = readNumber(reader, 'TX_GAS_TOO_LARGE', 'gas limit');
  const to = reader.fixedOrEmpty(20);
  const value = readWord(reader);
  const data = reader.bytes();
  const accessList = readAccessList(reader);
  const signedEnd = reader.position;
  const v = readWord(reader);
  if (v > 1n) throw new CodecError('TX_SIGNATURE_INVALID', 'yParity is neither 0 nor 1');
  const rs = readSignature(reader);
  reader.closeList(outer);
  if (maxPriorityFeePerGas > maxFeePerGas) throw priorityFeeAboveMax();
  return {
    type,
    chainId,
    nonce,
    maxPriorityFeePerGas,
    maxFeePerGas,
    gasLimit,
    to,
    value,
    data,
    accessList,
    yParity: v === 1n ? 1 : 0,
    v,
    rs,
    signedStart,
    signedEnd,
  };
}

/** Loops over as much as fits into TRANSACTION_SIZE_BYTES_MAX: an entry takes at least 23 bytes, a key 33. */
function readAccessList(reader: RlpReader): AccessList {
  const outer = reader.openList();
  if (!reader.hasMore()) {
    reader.closeList(outer);
    return EMPTY_ACCESS_LIST;
  }
  const accessList: { address: Address; storageKeys: Hash[] }[] = [];
  while (reader.hasMore()) {
    const entry = reader.openList();
    const address = reader.address();
    const storageKeys: Hash[] = [];
    const keys = reader.openList();
    while (reader.hasMore()) storageKeys.push(reader.hash());
    reader.closeList(keys);
    reader.closeList(entry);
    accessList.push({ address, storageKeys });
  }
  reader.closeList(outer);
  return accessList;
}

function readNumber(reader: RlpReader, code: string, name: string): number {
  try {
    return reader.uint();
  } catch (error) {
    if (error instanceof CodecError && error.code === 'RLP_INTEGER_TOO_LARGE') {
      throw new CodecError(code, `the ${name} is above 2^53-1`);
    }
    throw error;
  }
}

function readWord(reader: RlpReader): bigint {
  try {
    return reader.bigint();
  } catch (error) {
    if (error instanceof CodecError && error.code === 'RLP_INTEGER_TOO_LARGE') {
      throw new CodecError('TX_VALUE_TOO_LARGE', 'a fee or value is above 2^256-1');
    }
    throw error;
  }
}

function readSignature(reader: RlpReader): Bytes {
  const rs = new Uint8Array(64);
  try {
    reader.word(rs, 0);
    reader.word(rs, 32);
  } catch (error) {
    if (error instanceof CodecError && error.code === 'RLP_INTEGER_TOO_LARGE') throw signatureOutOfRange();
    throw error;
  }
  if (!isSignatureInRange(rs)) throw signatureOutOfRange();
  return rs;
}

/** 27 or 28 before EIP-155; chainId * 2 + 35 + yParity since. */
function readV(v: bigint): { chainId: number | null; yParity: 0 | 1 } {
  if (v === 27n || v === 28n) return { chainId: null, yParity: v === 28n ? 1 : 0 };
  if (v < 35n) throw new CodecError('TX_SIGNATURE_INVALID', 'v is neither 27, 28 nor 35 and above');
  const chainId = (v - 35n) / 2n;
  if (chainId > Number.MAX_SAFE_INTEGER) throw new CodecError('TX_CHAIN_ID_TOO_LARGE', 'the chain id is above 2^53-1');
  return { chainId: Number(chainId), yParity: (v - 35n) % 2n === 1n ? 1 : 0 };
}

/** Throws CodecError TX_TOO_LARGE. */
export function checkSize(sizeBytes: number): void {
  if (sizeBytes > TRANSACTION_SIZE_BYTES_MAX) {
    throw new CodecError('TX_TOO_LARGE', `a transaction has at most ${TRANSACTION_SIZE_BYTES_MAX} bytes`, {
      sizeBytes,
    });
  }
}

export function priorityFeeAboveMax(): CodecError {
  return new CodecError('TX_PRIORITY_FEE_ABOVE_MAX', 'maxPriorityFeePerGas is above maxFeePerGas');
}

export function signatureOutOfRange(): CodecError {
  return new CodecError('TX_SIGNATURE_INVALID', 'r or s is out of range, or s is high (EIP-2)');
}
