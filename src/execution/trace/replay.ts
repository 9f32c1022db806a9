import type { StateReader } from '../../ports/state.ts';
import { StateOverlay } from '../../state/overlay.ts';
import type { Header } from '../../types/block.ts';
import type { Evidence } from '../../types/evidence.ts';
import type { Address, Hash, JsonValue } from '../../types/primitives.ts';
import type { TraceOptions, TransactionTrace } from '../../types/trace.ts';
import type { Transaction } from '../../types/transaction.ts';
import type { ConsensusState } from '../../types/validator.ts';
import { contextOf } from '../call.ts';
import { punishAll } from '../punish.ts';
import type { ExecutionEnv } from '../rules.ts';
import { TraceRun } from './trace-run.ts';

/** A block that was executed here, and what it stood on. */
export type ReplayedBlock = {
  readonly hash: Hash;
  readonly header: Header;
  readonly author: Address;
  readonly transactions: readonly Transaction[];
  readonly evidence: readonly Evidence[];
  /** After the parent. */
  readonly state: StateReader;
  readonly consensus: ConsensusState;
};

/** Transfers run without an await, so that nothing else runs meanwhile. */
const TRANSACTIONS_BETWEEN_PAUSES = 256;

/**
 * The transaction at `index`, after those before it have run as they did in the block. Throws ParleyError EXECUTION_TRACE_LIMIT, or what
 * `env.pause` throws.
 */
export async function replayTransaction(
  env: ExecutionEnv,
  block: ReplayedBlock,
  index: number,
  options: TraceOptions,
): Promise<JsonValue> {
  const traces = await replay(env, { ...block, transactions: block.transactions.slice(0, index + 1) }, index, options);
  const [trace] = traces;
  if (trace === undefined) throw new RangeError(`the block has no transaction ${index}`);
  return trace.result;
}

/** Every transaction of the block, in order. Throws as `replayTransaction`. */
export function replayBlock(
  env: ExecutionEnv,
  block: ReplayedBlock,
  options: TraceOptions,
): Promise<readonly TransactionTrace[]> {
  return replay(env, block, 0, options);
}

/** Watches from transaction `first` on. As in executeBlock, offences are punished before anything runs. */
async function replay(
  env: ExecutionEnv,
  block: ReplayedBlock,
  first: number,
  options: TraceOptions,
): Promise<TransactionTrace[]> {
  const { hash: blockHash, header, author: reporter, consensus, evidence } = block;
  const overlay = new StateOverlay(block.state);
  punishAll(env.rules, { overlay, consensus, reporter }, evidence);
  const run = new TraceRun(env, contextOf(header), overlay, options);
  const traces: TransactionTrace[] = [];
  for (const [transactionIndex, tx] of block.transactions.entries()) {
    if (transactionIndex % TRANSACTIONS_BETWEEN_PAUSES === 0) await env.pause?.();
    if (transactionIndex < first) {
      await run.pass(tx);
      continue;
    }
    const { hash: transactionHash } = tx;
    const place = { blockHash, blockNumber: header.number, transactionHash, transactionIndex };
    traces.push({ transactionHash, result: await run.trace(tx, place) });
  }
  return traces;
}
