/**
 * Rules every block of every engine obeys, in the order of their cost: the header alone, the header beside its parent's,
 * the body beside the header, the outcome of execution beside the header. Each layer gives the code of the first rule that
 * is broken, or null. All of them are deterministic: a block that breaks one is invalid on every node and for ever.
 *
 * The body needs care. The hash names the header only, so anyone can put another body under a good header: whoever sent
 * that is to blame, and the hash stays innocent. `votesFault` and `transactionsFault` tell such a body apart before anything
 * is executed.
 */
import { consensusRoot, encodeBlock, encodeHeader } from '../codec/block.ts';
import type { Executed } from '../execution/execute-block.ts';
import { nextBaseFee } from '../execution/fees.ts';
import type { ChainConfig } from '../execution/rules.ts';
import { orderedTrieRoot } from '../state/ordered-root.ts';
import {
  BLOCK_SIZE_BYTES_MAX,
  EVIDENCE_PER_BLOCK_MAX,
  EXTRA_SIZE_BYTES_MAX,
  SEAL_SIZE_BYTES_MAX,
  VOTES_PER_BLOCK_MAX,
  type Block,
  type Header,
} from '../types/block.ts';
import { EVIDENCE_SIZE_BYTES_MAX } from '../types/evidence.ts';
import { MESSAGE_SIZE_BYTES_MAX } from '../types/message.ts';
import { TRANSACTION_SIZE_BYTES_MAX } from '../types/transaction.ts';

export type RuleCode =
  | 'BLOCK_NUMBER'
  | 'BLOCK_GAS_LIMIT'
  | 'BLOCK_GAS_ABOVE_LIMIT'
  | 'BLOCK_EXTRA_SIZE'
  | 'BLOCK_SEAL_SIZE'
  | 'BLOCK_SIZE'
  | 'BLOCK_TIME'
  | 'BLOCK_BASE_FEE'
  | 'BLOCK_TX_SIZE'
  | 'BLOCK_VOTES_COUNT'
  | 'BLOCK_VOTE_SIZE'
  | 'BLOCK_EVIDENCE_COUNT'
  | 'BLOCK_EVIDENCE_SIZE'
  | 'BLOCK_CONSENSUS_ROOT'
  | 'BLOCK_TRANSACTIONS_ROOT'
  | 'BLOCK_GAS_USED'
  | 'BLOCK_STATE_ROOT'
  | 'BLOCK_RECEIPTS_ROOT'
  | 'BLOCK_LOGS_BLOOM';

/** A vote or a piece of evidence beside its bytes: address, signature, kind and prefixes. */
const ITEM_OVERHEAD_BYTES = 104;
/** Prefix of a transaction in the body's list. */
const TRANSACTION_OVERHEAD_BYTES = 4;
/** Prefixes of the block's lists. */
const LISTS_OVERHEAD_BYTES = 32;

/** The header by itself, and the sizes of the whole. */
export function headerFault(block: Block, config: Pick<ChainConfig, 'blockGasLimit'>): RuleCode | null {
  const { header } = block;
  // Genesis is the configuration's and never comes from outside.
  if (!Number.isSafeInteger(header.number) || header.number < 1) return 'BLOCK_NUMBER';
  if (header.gasLimit !== config.blockGasLimit) return 'BLOCK_GAS_LIMIT';
  if (header.gasUsed > header.gasLimit) return 'BLOCK_GAS_ABOVE_LIMIT';
  if (header.extra.length > EXTRA_SIZE_BYTES_MAX) return 'BLOCK_EXTRA_SIZE';
  if (header.seal.length > SEAL_SIZE_BYTES_MAX) return 'BLOCK_SEAL_SIZE';
  if (blockSizeBound(block) > BLOCK_SIZE_BYTES_MAX && encodeBlock(block).length > BLOCK_SIZE_BYTES_MAX) {
    return 'BLOCK_SIZE';
  }
  return null;
}

/** The header beside its parent's. */
export function lineageFault(header: Header, parent: Header): RuleCode | null {
  if (header.number !== parent.number + 1) return 'BLOCK_NUMBER';
  if (header.timeMs < parent.timeMs) return 'BLOCK_TIME';
  if (header.baseFeePerGas !== nextBaseFee(parent)) return 'BLOCK_BASE_FEE';
  return null;
}

/** Votes and evidence of the body: limits, and whether they are those that the header names. */
export function votesFault({ header, body }: Block): RuleCode | null {
  if (body.votes.length > VOTES_PER_BLOCK_MAX) return 'BLOCK_VOTES_COUNT';
  if (body.evidence.length > EVIDENCE_PER_BLOCK_MAX) return 'BLOCK_EVIDENCE_COUNT';
  if (body.votes.some((vote) => vote.payload.length > MESSAGE_SIZE_BYTES_MAX)) return 'BLOCK_VOTE_SIZE';
  if (body.evidence.some((item) => item.first.length + item.second.length > EVIDENCE_SIZE_BYTES_MAX)) {
    return 'BLOCK_EVIDENCE_SIZE';
  }
  return consensusRoot(body) === header.consensusRoot ? null : 'BLOCK_CONSENSUS_ROOT';
}

/** Transactions of the body, in the same way. None is decoded. */
export function transactionsFault({ header, body }: Block): RuleCode | null {
  if (body.transactions.some((raw) => raw.length === 0 || raw.length > TRANSACTION_SIZE_BYTES_MAX))
    return 'BLOCK_TX_SIZE';
  return orderedTrieRoot(body.transactions) === header.transactionsRoot ? null : 'BLOCK_TRANSACTIONS_ROOT';
}

/** What execution came to, beside what the header promised. */
export function outcomeFault(header: Header, executed: Executed): RuleCode | null {
  if (executed.gasUsed !== header.gasUsed) return 'BLOCK_GAS_USED';
  if (executed.receiptsRoot !== header.receiptsRoot) return 'BLOCK_RECEIPTS_ROOT';
  if (executed.logsBloom !== header.logsBloom) return 'BLOCK_LOGS_BLOOM';
  if (executed.state.root !== header.stateRoot) return 'BLOCK_STATE_ROOT';
  return null;
}

/** The encoded size in bytes or a little more, found without encoding the block. */
export function blockSizeBound({ header, body }: Block): number {
  let sizeBytes = LISTS_OVERHEAD_BYTES + encodeHeader(header).length;
  for (const raw of body.transactions) sizeBytes += raw.length + TRANSACTION_OVERHEAD_BYTES;
  for (const vote of body.votes) sizeBytes += vote.payload.length + ITEM_OVERHEAD_BYTES;
  for (const item of body.evidence) sizeBytes += item.first.length + item.second.length + ITEM_OVERHEAD_BYTES;
  return sizeBytes;
}
