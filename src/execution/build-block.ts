import { consensusRoot, encodeBlock, TRANSACTIONS_PER_BLOCK_MAX } from '../codec/block.ts';
import { EMPTY_BLOOM } from '../codec/bloom.ts';
import { aggregateVotes } from '../codec/votes.ts';
import {
  EVIDENCE_PER_BLOCK_MAX,
  SEAL_SIZE_BYTES_MAX,
  VOTES_PER_BLOCK_MAX,
  type Body,
  type UnsealedHeader,
} from '../types/block.ts';
import type { Evidence } from '../types/evidence.ts';
import type { SignedMessage } from '../types/message.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../types/primitives.ts';
import type { Transaction } from '../types/transaction.ts';
import { ParleyError } from '../util/errors.ts';
import { BlockRun } from './block-run.ts';
import type { BlockFields, Executed, ParentState } from './execute-block.ts';
import { nextBaseFee, TRANSFER_GAS } from './fees.ts';
import type { ExecutionEnv } from './rules.ts';
import type { TransactionSource } from './transaction-source.ts';

export type BuildRequest = {
  readonly timeMs: number;
  readonly beneficiary: Address;
  readonly author: Address;
  readonly extra: Bytes;
  /** Those above VOTES_PER_BLOCK_MAX are left out. */
  readonly votes: readonly SignedMessage[];
  /** What proves nothing punishable here is left out. */
  readonly evidence: readonly Evidence[];
  /** Asked before each transaction and while bytecode runs; the block is closed once it says true. */
  readonly isLate: () => boolean;
  /** Of the whole encoded block. */
  readonly sizeBytesMax: number;
};

/**
 * `code`: an InvalidTransactionCode; BLOCK_TX_SIZE, there was no room; BLOCK_TX_LATE, it was running when the time was over; BLOCK_TX_SLOW,
 * the same as the first of the block, so that no block of this length can have it.
 */
export type SkippedTransaction = { readonly hash: Hash; readonly code: string };

export type BuiltBlock = {
  readonly header: UnsealedHeader;
  readonly body: Body;
  readonly executed: Executed;
  readonly skipped: readonly SkippedTransaction[];
};

/** Prefix of a byte string in RLP, at most. */
const PREFIX_SIZE_BYTES_MAX = 5;

/**
 * Fills a block on `parent` and executes it on the way. Transactions that do not fit here are skipped and named; whether they fit later
 * is the pool's to judge.
 */
export async function buildBlock(
  env: ExecutionEnv,
  parent: ParentState,
  request: BuildRequest,
  source: TransactionSource,
): Promise<BuiltBlock> {
  const fields: BlockFields = {
    number: parent.header.number + 1,
    timeMs: request.timeMs,
    beneficiary: request.beneficiary,
    author: request.author,
    gasLimit: env.config.blockGasLimit,
    baseFeePerGas: nextBaseFee(parent.header),
    extra: request.extra,
  };
  const run = new BlockRun(withDeadline(env, request.isLate), parent, fields);
  const evidence = selectEvidence(run, request.evidence);
  run.punish(evidence);
  const votes = aggregateVotes(request.votes.slice(0, VOTES_PER_BLOCK_MAX));
  const draft = draftHeader(parent, fields, { evidence, votes });
  const room = request.sizeBytesMax - sizeWithoutTransactions(draft, { evidence, votes });
  const { transactions, skipped } = await fill(run, source, request.isLate, room);
  const executed = run.finish(votes);
  const header: UnsealedHeader = {
    ...draft,
    stateRoot: executed.state.root,
    transactionsRoot: executed.transactionsRoot,
    receiptsRoot: executed.receiptsRoot,
    logsBloom: executed.logsBloom,
    gasUsed: executed.gasUsed,
  };
  return { header, body: { transactions, evidence, votes }, executed, skipped };
}

async function fill(
  run: BlockRun,
  source: TransactionSource,
  isLate: () => boolean,
  roomBytes: number,
): Promise<{ transactions: Bytes[]; skipped: SkippedTransaction[] }> {
  const transactions: Bytes[] = [];
  const skipped: SkippedTransaction[] = [];
  let room = roomBytes;
  while (transactions.length < TRANSACTIONS_PER_BLOCK_MAX && run.gasLeft >= TRANSFER_GAS && !isLate()) {
    const tx = source.next();
    if (tx === null) break;
    const sizeBytes = tx.raw.length + PREFIX_SIZE_BYTES_MAX;
    const applied = sizeBytes > room ? 'BLOCK_TX_SIZE' : tryApply(run, tx);
    const code = nameSlow(applied instanceof Promise ? await applied : applied, transactions.length);
    if (code === null) {
      room -= sizeBytes;
      transactions.push(tx.raw);
      continue;
    }
    skipped.push({ hash: tx.hash, code });
    // A nonce already used says nothing about the sender's next one; everything else keeps the next from fitting.
    if (code !== 'BLOCK_TX_NONCE_LOW') source.skipSender();
  }
  return { transactions, skipped };
}

/** With a whole block's time to itself it was late: so it will be in every other. */
function nameSlow(code: string | null, before: number): string | null {
  return code === 'BLOCK_TX_LATE' && before === 0 ? 'BLOCK_TX_SLOW' : code;
}

/** Bytecode is broken off when it is late: no transaction may keep a block from being made. */
function withDeadline(env: ExecutionEnv, isLate: () => boolean): ExecutionEnv {
  const pause = async (): Promise<void> => {
    await env.pause?.();
    if (isLate()) throw new ParleyError('BLOCK_TX_LATE', 'the time to build the block is over');
  };
  return { ...env, pause };
}

/** null: it is in. Awaited only where bytecode runs. */
function tryApply(run: BlockRun, tx: Transaction): string | null | Promise<string | null> {
  try {
    return run.apply(tx)?.then(() => null, invalidityOf) ?? null;
  } catch (error) {
    return invalidityOf(error);
  }
}

/** Throws again whatever is not the transaction's fault. */
function invalidityOf(error: unknown): string {
  if (error instanceof ParleyError && error.code.startsWith('BLOCK_TX_')) return error.code;
  throw error;
}

/** One piece for each offender: two may prove the same offence, and then the second would spoil the block. */
function selectEvidence(run: BlockRun, offered: readonly Evidence[]): Evidence[] {
  const chosen = new Map<Address, Evidence>();
  for (const evidence of offered) {
    if (chosen.size === EVIDENCE_PER_BLOCK_MAX) break;
    const offence = run.punishable(evidence);
    if (offence !== null && !chosen.has(offence.offender)) chosen.set(offence.offender, evidence);
  }
  return [...chosen.values()];
}

function draftHeader(
  parent: ParentState,
  fields: BlockFields,
  body: { readonly evidence: readonly Evidence[]; readonly votes: readonly SignedMessage[] },
): UnsealedHeader {
  return {
    parentHash: parent.hash,
    beneficiary: fields.beneficiary,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: EMPTY_BLOOM,
    number: fields.number,
    gasLimit: fields.gasLimit,
    gasUsed: fields.gasLimit,
    timeMs: fields.timeMs,
    baseFeePerGas: fields.baseFeePerGas,
    consensusRoot: consensusRoot(body),
    extra: fields.extra,
  };
}

/** With the largest seal, and the longest prefixes that the lists may come to need. */
function sizeWithoutTransactions(
  draft: UnsealedHeader,
  body: { readonly evidence: readonly Evidence[]; readonly votes: readonly SignedMessage[] },
): number {
  const header = { ...draft, seal: new Uint8Array(SEAL_SIZE_BYTES_MAX) };
  return encodeBlock({ header, body: { transactions: [], ...body } }).length + 2 * PREFIX_SIZE_BYTES_MAX;
}
