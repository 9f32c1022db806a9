/**
 * Calls that leave no trace: eth_call, eth_estimateGas and eth_createAccessList on any state. Balances are checked, but gas may be free: without a price the
 * caller need only cover the value. Nonces and whether the caller has code do not matter.
 */
import type { AccessListResult, CallRequest, CallResult } from '../node/api.ts';
import type { StateReader } from '../ports/state.ts';
import { StateOverlay } from '../state/overlay.ts';
import { EMPTY_CODE_HASH } from '../types/account.ts';
import type { Header } from '../types/block.ts';
import { ZERO_ADDRESS, type Address, type Bytes, type Hash } from '../types/primitives.ts';
import type { AccessList } from '../types/transaction.ts';
import { errorText, ParleyError } from '../util/errors.ts';
import { toHex } from '../util/hex.ts';
import { credit, gasAfterRefund } from './apply-transaction.ts';
import { Evm, type EvmCall, type EvmOutcome } from './evm.ts';
import { effectiveGasPrice, minimumGasLimit, intrinsicGas, TRANSFER_GAS } from './fees.ts';
import { CALL_GAS_MAX, INIT_CODE_SIZE_BYTES_MAX, type BlockContext, type ExecutionEnv } from './rules.ts';
import { isNativeAddress } from './system-contracts.ts';

/** A block and the state after it; the call runs in that block's context. */
export type CallState = { readonly header: Header; readonly hash: Hash; readonly state: StateReader };

/** The request with everything filled in that does not depend on the gas limit. */
type Call = {
  readonly from: Address;
  readonly to: Address | null;
  readonly value: bigint;
  readonly data: Bytes;
  readonly accessList: AccessList;
  /** The most a unit of gas may cost, and what it does cost. */
  readonly feeCap: bigint;
  readonly gasPrice: bigint;
};

export type PreparedCall = Call & { readonly gasLimit: number };

type Attempt = CallResult & {
  /** Before refunds. */
  readonly gasSpent: number;
  readonly accessed: AccessList;
};

const NOTHING = new Uint8Array(0);
const CALL_STIPEND_GAS = 2_300;
/** All attempts of one estimate together; what is found by then is good enough. */
const ESTIMATE_GAS_MAX = 4 * CALL_GAS_MAX;
/** A list changes what gas there is, and with it, in odd contracts, what is touched. */
const ACCESS_LIST_ATTEMPTS_MAX = 8;

/**
 * Runs the call with its gas limit, at most CALL_GAS_MAX (default: as much as the caller can pay for). A revert is an answer, not an
 * error. Throws ParleyError EXECUTION_INSUFFICIENT_FUNDS, EXECUTION_INTRINSIC_GAS, EXECUTION_FEE, EXECUTION_INIT_CODE.
 */
export async function simulate(env: ExecutionEnv, at: CallState, request: CallRequest): Promise<CallResult> {
  const call = complete(at, request);
  const { status, output, gasUsed, reason, logs } = await attempt(env, at, call, gasLimitOf(at, call, request));
  return { status, output, gasUsed, reason, logs };
}

/** The call as `simulate` would run it. Throws what `simulate` throws. */
export function prepareCall(at: CallState, request: CallRequest): PreparedCall {
  const call = complete(at, request);
  const gasLimit = gasLimitOf(at, call, request);
  check(at, call, gasLimit);
  return { ...call, gasLimit };
}

/**
 * The smallest gas limit with which the call succeeds, up to the request's own or the block's. Throws as `simulate`, and ParleyError
 * EXECUTION_REVERTED (data.output: Hex) or EXECUTION_FAILED (data.reason) when it does not succeed with all the gas there is.
 */
export async function estimateGas(env: ExecutionEnv, at: CallState, request: CallRequest): Promise<number> {
  const call = complete(at, request);
  const given = request.gasLimit !== undefined && request.gasLimit >= TRANSFER_GAS ? request.gasLimit : undefined;
  const gasMax = affordableGas(at, call, Math.min(given ?? at.header.gasLimit, CALL_GAS_MAX));
  const first = await attempt(env, at, call, gasMax);
  if (first.status !== 'success') throw failure(first, gasMax);
  if (isPlain(at.state, call.to)) return first.gasUsed;
  return search(env, at, call, first, gasMax);
}

/**
 * What the call touches, its own list included, and the gas it uses with that list. A revert is told of in `error`. Throws as
 * `simulate`.
 */
export async function createAccessList(
  env: ExecutionEnv,
  at: CallState,
  request: CallRequest,
): Promise<AccessListResult> {
  let call = complete(at, request);
  for (let attempts = 1; ; attempts++) {
    const result = await attempt(env, at, call, gasLimitOf(at, call, request), true);
    const accessList = union(call.accessList, result.accessed);
    const isStable = entriesOf(accessList) === entriesOf(call.accessList);
    if (isStable || attempts === ACCESS_LIST_ATTEMPTS_MAX) {
      return { accessList, gasUsed: result.gasUsed, error: result.status === 'success' ? null : wordsOf(result) };
    }
    call = { ...call, accessList };
  }
}

function union(listed: AccessList, touched: AccessList): AccessList {
  const slots = new Map<Address, Set<Hash>>();
  for (const { address, storageKeys } of [...listed, ...touched]) {
    const known = slots.get(address) ?? new Set();
    for (const key of storageKeys) known.add(key);
    slots.set(address, known);
  }
  return [...slots].map(([address, keys]) => ({ address, storageKeys: [...keys] }));
}

/** Lists only grow, so that the same count is the same list. */
function entriesOf(list: AccessList): number {
  return list.reduce((sum, { storageKeys }) => sum + 1 + storageKeys.length, 0);
}

function wordsOf({ status, reason }: Attempt): string {
  return status === 'reverted' ? 'execution reverted' : (reason ?? 'execution failed');
}

/**
 * Bisection between what was used, which may be too little (gas that comes back only at the end, and the 64th that each frame must
 * leave to its parent), and what sufficed. A first guess with room for both is nearly always enough and close.
 */
async function search(env: ExecutionEnv, at: CallState, call: Call, first: Attempt, gasMax: number): Promise<number> {
  let tooLow = first.gasUsed - 1;
  let enough = gasMax;
  let spent = first.gasSpent;
  let guess = Math.ceil(((first.gasSpent + CALL_STIPEND_GAS) * 64) / 63);
  while (tooLow + 1 < enough && spent < ESTIMATE_GAS_MAX) {
    if (guess >= enough || guess <= tooLow) guess = Math.floor((tooLow + enough) / 2);
    const result = guess < minimumGasLimit(call) ? null : await attempt(env, at, call, guess);
    if (result?.status === 'success') enough = guess;
    else tooLow = guess;
    spent += result?.gasSpent ?? 0;
    guess = Math.floor((tooLow + enough) / 2);
  }
  return enough;
}

function complete(at: CallState, request: CallRequest): Call {
  const to = request.to ?? null;
  const data = request.data ?? NOTHING;
  if (to === null && data.length > INIT_CODE_SIZE_BYTES_MAX) {
    throw new ParleyError('EXECUTION_INIT_CODE', `init code has at most ${INIT_CODE_SIZE_BYTES_MAX} bytes`);
  }
  const feeCap = request.maxFeePerGas ?? request.gasPrice ?? 0n;
  const tipCap = request.gasPrice ?? request.maxPriorityFeePerGas ?? 0n;
  const { baseFeePerGas } = at.header;
  if (feeCap !== 0n && (feeCap < baseFeePerGas || tipCap > feeCap)) {
    const message = `the fee cap ${feeCap} must cover the base fee ${baseFeePerGas} and the priority fee ${tipCap}`;
    throw new ParleyError('EXECUTION_FEE', message);
  }
  const fees = { maxFeePerGas: feeCap, maxPriorityFeePerGas: tipCap };
  return {
    from: request.from ?? ZERO_ADDRESS,
    to,
    value: request.value ?? 0n,
    data,
    accessList: request.accessList ?? [],
    feeCap,
    gasPrice: feeCap === 0n ? 0n : effectiveGasPrice(fees, baseFeePerGas),
  };
}

function gasLimitOf(at: CallState, call: Call, request: CallRequest): number {
  return Math.min(request.gasLimit ?? affordableGas(at, call, CALL_GAS_MAX), CALL_GAS_MAX);
}

/** What the caller's balance pays for beside the value, at most `gasMax`. */
function affordableGas(at: CallState, call: Call, gasMax: number): number {
  const balance = at.state.account(call.from)?.balance ?? 0n;
  if (balance < call.value) throw insufficientFunds(call.from, balance, call.value);
  if (call.feeCap === 0n) return gasMax;
  const affordable = (balance - call.value) / call.feeCap;
  return affordable < BigInt(gasMax) ? Number(affordable) : gasMax;
}

async function attempt(
  env: ExecutionEnv,
  at: CallState,
  call: Call,
  gasLimit: number,
  reportsAccess = false,
): Promise<Attempt> {
  const overlay = new StateOverlay(at.state);
  const gasMin = check(at, call, gasLimit);
  if (isPlain(at.state, call.to)) {
    const nothing = { output: NOTHING, reason: null, logs: [], accessed: [] };
    return { status: 'success', gasUsed: gasMin, gasSpent: gasMin, ...nothing };
  }
  credit(overlay, call.from, -BigInt(gasLimit) * call.gasPrice);
  const gasBeforeRun = intrinsicGas(call);
  const outcome = await run(env, at, overlay, { ...call, gasLimit: gasLimit - gasBeforeRun, reportsAccess });
  const gasSpent = gasBeforeRun + outcome.gasUsed;
  const { status, output, reason, logs, accessed } = outcome;
  const gasUsed = gasAfterRefund(call, gasSpent, outcome.gasRefund);
  return { status, output, gasUsed, gasSpent, reason, logs, accessed };
}

/** Gives the least gas limit that the call can have. */
function check(at: CallState, call: Call, gasLimit: number): number {
  const balance = at.state.account(call.from)?.balance ?? 0n;
  const cost = call.value + BigInt(gasLimit) * call.feeCap;
  if (balance < cost) throw insufficientFunds(call.from, balance, cost);
  const gasMin = minimumGasLimit(call);
  if (gasLimit >= gasMin) return gasMin;
  const problem = `${gasLimit} gas is too little, the call costs ${gasMin} before it runs`;
  throw new ParleyError('EXECUTION_INTRINSIC_GAS', problem, { gasLimit, gasMin });
}

async function run(
  env: ExecutionEnv,
  at: CallState,
  overlay: StateOverlay,
  call: Call & Pick<EvmCall, 'gasLimit' | 'reportsAccess'>,
): Promise<EvmOutcome> {
  const { from: caller, to, value, data, gasPrice, accessList, gasLimit, reportsAccess = false } = call;
  try {
    const evm = new Evm(env, contextOf(at.header), overlay);
    return await evm.run({ caller, to, value, data, gasLimit, gasPrice, accessList, reportsAccess });
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw error;
    throw new ParleyError(
      'EXECUTION_FAILED',
      `the EVM broke down on this call (${errorText(error)})`,
      {},
      { cause: error },
    );
  }
}

/** What a block tells the code that runs in it. */
export function contextOf(header: Header): BlockContext {
  const { number, timeMs, beneficiary, gasLimit, baseFeePerGas, parentHash } = header;
  return { number, timeMs, beneficiary, gasLimit, baseFeePerGas, parentHash };
}

/** Nothing runs there: the answer is known. */
function isPlain(state: StateReader, to: Address | null): boolean {
  if (to === null || isNativeAddress(to)) return false;
  return (state.account(to)?.codeHash ?? EMPTY_CODE_HASH) === EMPTY_CODE_HASH;
}

function insufficientFunds(from: Address, balance: bigint, cost: bigint): ParleyError {
  return new ParleyError('EXECUTION_INSUFFICIENT_FUNDS', `${from} has ${balance} wei, the call may cost ${cost}`, {
    balance: balance.toString(),
    cost: cost.toString(),
  });
}

function failure(result: Attempt, gasLimit: number): ParleyError {
  if (result.status === 'reverted') {
    return new ParleyError('EXECUTION_REVERTED', 'the call reverts', { output: toHex(result.output) });
  }
  const reason = result.reason ?? 'unknown';
  return new ParleyError('EXECUTION_FAILED', `the call fails with ${gasLimit} gas: ${reason}`, { reason });
}
