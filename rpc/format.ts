/**
 * Blocks, transactions, receipts and logs as the Ethereum JSON-RPC specification (ethereum/execution-apis,
 * src/schemas) shows them. Quantities are hex without leading zeros, times are whole seconds.
 */
import type { BlockView, SyncProgress } from '../src/node/api.ts';
import type { Hex, JsonObject } from '../src/types/primitives.ts';
import { ZERO_HASH } from '../src/types/primitives.ts';
import type { Header } from '../src/types/block.ts';
import type { Log, Receipt } from '../src/types/receipt.ts';
import type { Transaction } from '../src/types/transaction.ts';
import { toHex } from '../src/util/hex.ts';

/** keccak256(rlp([])): there are no uncles here. */
export const EMPTY_UNCLES_HASH: Hex = '0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347';
const ZERO_NONCE: Hex = '0x0000000000000000';

export function quantity(value: number | bigint): Hex {
  return `0x${value.toString(16)}`;
}

/** A 32-byte word without its leading zeros. */
export function quantityOfWord(word: Hex): Hex {
  return quantity(BigInt(word));
}

/** `pending`: not on the chain yet, so hash and nonce are null. */
export function formatHeader(view: BlockView, pending = false): JsonObject {
  const header = view.block.header;
  return {
    hash: pending ? null : view.hash,
    parentHash: header.parentHash,
    sha3Uncles: EMPTY_UNCLES_HASH,
    miner: header.beneficiary,
    stateRoot: header.stateRoot,
    transactionsRoot: header.transactionsRoot,
    receiptsRoot: header.receiptsRoot,
    logsBloom: header.logsBloom,
    difficulty: '0x0',
    number: quantity(header.number),
    gasLimit: quantity(header.gasLimit),
    gasUsed: quantity(header.gasUsed),
    timestamp: timestamp(header),
    extraData: toHex(header.extra),
    mixHash: ZERO_HASH,
    nonce: pending ? null : ZERO_NONCE,
    baseFeePerGas: quantity(header.baseFeePerGas),
  };
}

export function formatBlock(view: BlockView, full: boolean, pending = false): JsonObject {
  const transactions = view.transactions();
  return {
    ...formatHeader(view, pending),
    size: quantity(view.sizeBytes),
    uncles: [],
    transactions: full
      ? transactions.map((transaction, index) => formatMined(transaction, view, index, pending))
      : transactions.map((transaction) => transaction.hash),
  };
}

/** A transaction with its place in a block. */
export function formatMined(transaction: Transaction, view: BlockView, index: number, pending = false): JsonObject {
  const header = view.block.header;
  return {
    blockHash: pending ? null : view.hash,
    blockNumber: quantity(header.number),
    blockTimestamp: timestamp(header),
    transactionIndex: quantity(index),
    ...signedFields(transaction, effectiveGasPrice(transaction, header.baseFeePerGas)),
  };
}

/** A transaction that waits in the pool. */
export function formatPooled(transaction: Transaction): JsonObject {
  return {
    blockHash: null,
    blockNumber: null,
    blockTimestamp: null,
    transactionIndex: null,
    ...signedFields(transaction, transaction.maxFeePerGas),
  };
}

function signedFields(transaction: Transaction, gasPrice: bigint): JsonObject {
  const { type, chainId } = transaction;
  const shared = {
    type: quantity(type),
    hash: transaction.hash,
    from: transaction.sender,
    to: transaction.to,
    nonce: quantity(transaction.nonce),
    gas: quantity(transaction.gasLimit),
    gasPrice: quantity(gasPrice),
    value: quantity(transaction.value),
    input: toHex(transaction.data),
    v: quantity(transaction.v),
    r: quantityOfWord(transaction.r),
    s: quantityOfWord(transaction.s),
  };
  if (type === 0) return chainId === null ? shared : { ...shared, chainId: quantity(chainId) };
  const typed = {
    ...shared,
    chainId: quantity(chainId ?? 0),
    yParity: quantity(transaction.yParity),
    accessList: transaction.accessList,
  };
  if (type === 1) return typed;
  return {
    ...typed,
    maxFeePerGas: quantity(transaction.maxFeePerGas),
    maxPriorityFeePerGas: quantity(transaction.maxPriorityFeePerGas),
  };
}

/** EIP-1559: what one unit of gas really cost. Types 0 and 1 carry their gas price in both fee fields. */
function effectiveGasPrice(transaction: Transaction, baseFeePerGas: bigint): bigint {
  const wanted = baseFeePerGas + transaction.maxPriorityFeePerGas;
  return wanted < transaction.maxFeePerGas ? wanted : transaction.maxFeePerGas;
}

/** `firstLogIndex`: log indexes count through the whole block. */
export function formatReceipt(
  view: BlockView,
  transaction: Transaction,
  receipt: Receipt,
  index: number,
  firstLogIndex: number,
): JsonObject {
  return {
    type: quantity(receipt.type),
    status: quantity(receipt.status),
    transactionHash: transaction.hash,
    transactionIndex: quantity(index),
    blockHash: view.hash,
    blockNumber: quantity(view.block.header.number),
    from: transaction.sender,
    to: transaction.to,
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    gasUsed: quantity(receipt.gasUsed),
    effectiveGasPrice: quantity(receipt.effectiveGasPrice),
    contractAddress: receipt.contractAddress,
    logs: receipt.logs.map((log, i) => formatLog(log, view, transaction, index, firstLogIndex + i, false)),
    logsBloom: receipt.logsBloom,
  };
}

export function formatLog(
  log: Log,
  view: BlockView,
  transaction: Transaction,
  transactionIndex: number,
  logIndex: number,
  removed: boolean,
): JsonObject {
  const header = view.block.header;
  return {
    address: log.address,
    topics: log.topics,
    data: log.data,
    blockHash: view.hash,
    blockNumber: quantity(header.number),
    blockTimestamp: timestamp(header),
    transactionHash: transaction.hash,
    transactionIndex: quantity(transactionIndex),
    logIndex: quantity(logIndex),
    removed,
  };
}

export function formatSyncing({ startingBlock, currentBlock, highestBlock }: SyncProgress): JsonObject {
  return {
    startingBlock: quantity(startingBlock),
    currentBlock: quantity(currentBlock),
    highestBlock: quantity(highestBlock),
  };
}

export function timestamp(header: Header): Hex {
  return quantity(Math.floor(header.timeMs / 1000));
}
