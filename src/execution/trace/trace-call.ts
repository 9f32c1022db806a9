import type { CallRequest } from '../../node/api.ts';
import { StateOverlay } from '../../state/overlay.ts';
import type { Header } from '../../types/block.ts';
import { ZERO_HASH, type JsonValue } from '../../types/primitives.ts';
import type { TraceOptions } from '../../types/trace.ts';
import type { Transaction } from '../../types/transaction.ts';
import { ParleyError } from '../../util/errors.ts';
import type { Simulation } from '../apply-transaction.ts';
import { contextOf, prepareCall, type CallState, type PreparedCall } from '../call.ts';
import type { ExecutionEnv } from '../rules.ts';
import { TraceRun } from './trace-run.ts';

const UNSIGNED: Simulation = { isLenient: true, natives: new Set() };

/**
 * A call as eth_call would run it, watched, and settled as a transaction: fees where there are any, the nonce. A revert is an answer.
 * Throws as `simulate` of call.ts, and ParleyError EXECUTION_TRACE_LIMIT.
 */
export async function traceCall(
  env: ExecutionEnv,
  at: CallState,
  request: CallRequest,
  options: TraceOptions,
): Promise<JsonValue> {
  const call = prepareCall(at, request);
  const overlay = new StateOverlay(at.state);
  const nonce = overlay.account(call.from)?.nonce ?? 0;
  const tx = transactionOf(call, at.header, { chainId: env.config.chainId, nonce });
  try {
    return await new TraceRun(env, contextOf(at.header), overlay, options, UNSIGNED).trace(tx, null, call.gasLimit);
  } catch (error) {
    throw asCallError(error);
  }
}

/** Nothing of it is in a block: what applyTransaction refuses, the EVM broke down on. */
function asCallError(error: unknown): unknown {
  if (!(error instanceof ParleyError) || !error.code.startsWith('BLOCK_')) return error;
  return new ParleyError('EXECUTION_FAILED', error.message, {}, { cause: error });
}

/** Nobody signed it, and nothing asks for its bytes or its hash. */
function transactionOf(
  call: PreparedCall,
  { baseFeePerGas }: Header,
  fields: { readonly chainId: number; readonly nonce: number },
): Transaction {
  const { from: sender, to, value, data, accessList, gasLimit, feeCap: maxFeePerGas, gasPrice } = call;
  const maxPriorityFeePerGas = gasPrice === 0n ? 0n : gasPrice - baseFeePerGas;
  const unsigned = {
    ...fields,
    type: 2,
    to,
    value,
    data,
    accessList,
    gasLimit,
    maxFeePerGas,
    maxPriorityFeePerGas,
  } as const;
  const signature = { yParity: 0, v: 0n, r: ZERO_HASH, s: ZERO_HASH } as const;
  return { ...unsigned, ...signature, hash: ZERO_HASH, sender, raw: new Uint8Array(0) };
}
