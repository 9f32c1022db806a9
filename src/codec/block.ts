/**
 * Blocks. A header is RLP of the fields of UnsealedHeader in their order, then the seal; its keccak256 is the block's
 * hash, and without the seal it is what a proposer signs. A block is RLP [header, transactions, evidence, votes], each
 * transaction a byte string, the votes as in votes.ts. A block with its proof is RLP [block, justification], the latter empty where there is
 * none.
 */
import { keccak256 } from '../crypto/keccak.ts';
import {
  BLOCK_SIZE_BYTES_MAX,
  EVIDENCE_PER_BLOCK_MAX,
  EXTRA_SIZE_BYTES_MAX,
  SEAL_SIZE_BYTES_MAX,
  VOTES_PER_BLOCK_MAX,
  type Block,
  type BlockWithProof,
  type Body,
  type Header,
  type UnsealedHeader,
} from '../types/block.ts';
import type { Evidence } from '../types/evidence.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../types/transaction.ts';
import { CodecError } from '../util/errors.ts';
import { fromHex } from '../util/hex.ts';
import { BLOOM_SIZE_BYTES } from './bloom.ts';
import { evidenceToRlp, readEvidence } from './evidence.ts';
import { asMalformed } from './malformed.ts';
import { encodeRlp, encodeUint, type RlpItem } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';
import { readVotes, votesToRlp } from './votes.ts';

/** Even the smallest transfers (about 100 bytes) fill a block before there are as many as this. */
export const TRANSACTIONS_PER_BLOCK_MAX = BLOCK_SIZE_BYTES_MAX / 64;
/** A certificate of a thousand signatures takes about 100 kB. */
export const JUSTIFICATION_SIZE_BYTES_MAX = 256 * 1024;
/** Largest header: the bounded parts, and 1 KiB for the fields of known size (they take at most 570 bytes). */
export const HEADER_SIZE_BYTES_MAX = EXTRA_SIZE_BYTES_MAX + SEAL_SIZE_BYTES_MAX + 1024;
/** Room for the prefixes of the list and of the justification. */
const PROOF_PREFIXES_SIZE_BYTES = 16;

export function encodeHeader(header: Header): Bytes {
  return encodeRlp(headerToRlp(header));
}

/** Throws CodecError BLOCK_MALFORMED or BLOCK_TOO_LARGE. */
export function decodeHeader(bytes: Bytes): Header {
  return decode(bytes, HEADER_SIZE_BYTES_MAX, readHeader);
}

/** The hash of the block: header with seal. */
export function headerHash(header: Header): Hash {
  return keccak256(encodeHeader(header));
}

/** What a proposer signs: the header without its seal. */
export function sealHash(unsealed: UnsealedHeader): Hash {
  return keccak256(encodeRlp(unsealedToRlp(unsealed)));
}

export function encodeBlock(block: Block): Bytes {
  return encodeRlp(blockToRlp(block));
}

/**
 * Throws CodecError BLOCK_TOO_LARGE, BLOCK_MALFORMED, BLOCK_TOO_MANY_TRANSACTIONS, BLOCK_TOO_MANY_VOTES,
 * BLOCK_TOO_MUCH_EVIDENCE, or the codes of the parts (TX_TOO_LARGE, MESSAGE_*, EVIDENCE_*). Transactions are views of
 * `bytes` and not looked into.
 */
export function decodeBlock(bytes: Bytes): Block {
  return decode(bytes, BLOCK_SIZE_BYTES_MAX, readBlock);
}

export function encodeBlockWithProof({ block, justification }: BlockWithProof): Bytes {
  return encodeRlp([blockToRlp(block), justification ?? new Uint8Array(0)]);
}

/** Throws as `decodeBlock`, and CodecError BLOCK_TOO_LARGE for a justification above its limit. */
export function decodeBlockWithProof(bytes: Bytes): BlockWithProof {
  const sizeBytesMax = BLOCK_SIZE_BYTES_MAX + JUSTIFICATION_SIZE_BYTES_MAX + PROOF_PREFIXES_SIZE_BYTES;
  return decode(bytes, sizeBytesMax, (reader) => {
    const outer = reader.openList();
    const start = reader.position;
    const block = readBlock(reader);
    checkSize(reader.position - start, BLOCK_SIZE_BYTES_MAX);
    const view = reader.bytes();
    checkSize(view.length, JUSTIFICATION_SIZE_BYTES_MAX);
    reader.closeList(outer);
    return view.length === 0 ? { block } : { block, justification: new Uint8Array(view) };
  });
}

/** What `consensusRoot` of a header commits to: keccak256(rlp([evidence, votes])). */
export function consensusRoot(body: Pick<Body, 'evidence' | 'votes'>): Hash {
  return keccak256(encodeRlp([body.evidence.map(evidenceToRlp), votesToRlp(body.votes)]));
}

/** Of a body without evidence and votes. */
export const EMPTY_CONSENSUS_ROOT: Hash = consensusRoot({ evidence: [], votes: [] });

function unsealedToRlp(header: UnsealedHeader): Bytes[] {
  return [
    fromHex(header.parentHash),
    fromHex(header.beneficiary),
    fromHex(header.stateRoot),
    fromHex(header.transactionsRoot),
    fromHex(header.receiptsRoot),
    fromHex(header.logsBloom),
    encodeUint(header.number),
    encodeUint(header.gasLimit),
    encodeUint(header.gasUsed),
    encodeUint(header.timeMs),
    encodeUint(header.baseFeePerGas),
    fromHex(header.consensusRoot),
    header.extra,
  ];
}

function headerToRlp(header: Header): RlpItem {
  const fields = unsealedToRlp(header);
  fields.push(header.seal);
  return fields;
}

function blockToRlp({ header, body }: Block): RlpItem {
  return [headerToRlp(header), body.transactions, body.evidence.map(evidenceToRlp), votesToRlp(body.votes)];
}

function decode<T>(bytes: Bytes, sizeBytesMax: number, read: (reader: RlpReader) => T): T {
  checkSize(bytes.length, sizeBytesMax);
  return asMalformed('BLOCK_MALFORMED', () => {
    const reader = new RlpReader(bytes);
    const value = read(reader);
    reader.end();
    return value;
  });
}

function checkSize(sizeBytes: number, sizeBytesMax: number): void {
  if (sizeBytes > sizeBytesMax) {
    throw new CodecError('BLOCK_TOO_LARGE', `${sizeBytes} bytes where at most ${sizeBytesMax} may be`, { sizeBytes });
  }
}

/** `extra` and `seal` are copies: headers are kept long after the bytes they came in. */
function readHeader(reader: RlpReader): Header {
  const outer = reader.openList();
  const header: Header = {
    parentHash: reader.hash(),
    beneficiary: reader.address(),
    stateRoot: reader.hash(),
    transactionsRoot: reader.hash(),
    receiptsRoot: reader.hash(),
    logsBloom: reader.fixed(BLOOM_SIZE_BYTES),
    number: reader.uint(),
    gasLimit: reader.uint(),
    gasUsed: reader.uint(),
    timeMs: reader.uint(),
    baseFeePerGas: reader.bigint(),
    consensusRoot: reader.hash(),
    extra: reader.ownBytes(EXTRA_SIZE_BYTES_MAX),
    seal: reader.ownBytes(SEAL_SIZE_BYTES_MAX),
  };
  reader.closeList(outer);
  return header;
}

function readBlock(reader: RlpReader): Block {
  const outer = reader.openList();
  const header = readHeader(reader);
  const transactions = readList(reader, TRANSACTIONS_PER_BLOCK_MAX, 'BLOCK_TOO_MANY_TRANSACTIONS', readTransaction);
  const evidence: Evidence[] = readList(reader, EVIDENCE_PER_BLOCK_MAX, 'BLOCK_TOO_MUCH_EVIDENCE', readEvidence);
  const votes = readVotes(reader, VOTES_PER_BLOCK_MAX, 'BLOCK_TOO_MANY_VOTES');
  reader.closeList(outer);
  return { header, body: { transactions, evidence, votes } };
}

function readTransaction(reader: RlpReader): Bytes {
  const raw = reader.bytes();
  if (raw.length > TRANSACTION_SIZE_BYTES_MAX) {
    throw new CodecError('TX_TOO_LARGE', `a transaction has at most ${TRANSACTION_SIZE_BYTES_MAX} bytes`);
  }
  if (raw.length === 0) throw new CodecError('BLOCK_MALFORMED', 'an empty transaction');
  return raw;
}

function readList<T>(reader: RlpReader, countMax: number, code: string, read: (reader: RlpReader) => T): T[] {
  const items: T[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) {
    if (items.length === countMax) throw new CodecError(code, `more than ${countMax} in one block`);
    items.push(read(reader));
  }
  reader.closeList(outer);
  return items;
}
