import type { Bytes, Hash } from '../types/primitives.ts';
import type { Log, Receipt } from '../types/receipt.ts';
import { fromHex } from '../util/hex.ts';
import { BLOOM_SIZE_BYTES, EMPTY_BLOOM } from './bloom.ts';
import { asMalformed } from './malformed.ts';
import { encodeRlp, encodeUint, type RlpItem } from './rlp.ts';
import { RlpReader } from './rlp-reader.ts';

const NO_BYTES: Bytes = new Uint8Array(0);

/**
 * Consensus form, for the receipts trie: [type ‖] rlp([status, cumulativeGasUsed, logsBloom, logs]) (EIP-2718,
 * EIP-658).
 */
export function encodeReceipt(receipt: Receipt): Bytes {
  const list = encodeRlp([
    encodeUint(receipt.status),
    encodeUint(receipt.cumulativeGasUsed),
    fromHex(receipt.logsBloom),
    logsToRlp(receipt.logs),
  ]);
  if (receipt.type === 0) return list;
  const bytes = new Uint8Array(1 + list.length);
  bytes[0] = receipt.type;
  bytes.set(list, 1);
  return bytes;
}

/**
 * A block's receipts with the fields the RPC needs, for our own disk: RLP [[type, status, cumulativeGasUsed, logsBloom,
 * logs, gasUsed, effectiveGasPrice, contractAddress] …], where an empty bloom and no contract are empty strings.
 */
export function encodeStoredReceipts(list: readonly Receipt[]): Bytes {
  return encodeRlp(
    list.map((receipt) => [
      encodeUint(receipt.type),
      encodeUint(receipt.status),
      encodeUint(receipt.cumulativeGasUsed),
      receipt.logsBloom === EMPTY_BLOOM ? NO_BYTES : fromHex(receipt.logsBloom),
      logsToRlp(receipt.logs),
      encodeUint(receipt.gasUsed),
      encodeUint(receipt.effectiveGasPrice),
      receipt.contractAddress === null ? NO_BYTES : fromHex(receipt.contractAddress),
    ]),
  );
}

/** Throws CodecError RECEIPT_MALFORMED. */
export function decodeStoredReceipts(bytes: Bytes): Receipt[] {
  return asMalformed('RECEIPT_MALFORMED', () => {
    const reader = new RlpReader(bytes);
    const outer = reader.openList();
    const receipts: Receipt[] = [];
    while (reader.hasMore()) receipts.push(readReceipt(reader));
    reader.closeList(outer);
    reader.end();
    return receipts;
  });
}

function readReceipt(reader: RlpReader): Receipt {
  const outer = reader.openList();
  const receipt: Receipt = {
    type: reader.uint(),
    status: reader.bit(),
    cumulativeGasUsed: reader.uint(),
    logsBloom: reader.fixedOrEmpty(BLOOM_SIZE_BYTES) ?? EMPTY_BLOOM,
    logs: readLogs(reader),
    gasUsed: reader.uint(),
    effectiveGasPrice: reader.bigint(),
    contractAddress: reader.fixedOrEmpty(20),
  };
  reader.closeList(outer);
  return receipt;
}

function readLogs(reader: RlpReader): Log[] {
  const logs: Log[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) {
    const list = reader.openList();
    logs.push({ address: reader.address(), topics: readTopics(reader), data: reader.hex() });
    reader.closeList(list);
  }
  reader.closeList(outer);
  return logs;
}

function readTopics(reader: RlpReader): Hash[] {
  const topics: Hash[] = [];
  const outer = reader.openList();
  while (reader.hasMore()) topics.push(reader.hash());
  reader.closeList(outer);
  return topics;
}

function logsToRlp(logs: readonly Log[]): RlpItem {
  return logs.map((log) => [fromHex(log.address), log.topics.map(fromHex), fromHex(log.data)]);
}
