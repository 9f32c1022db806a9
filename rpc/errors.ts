/**
 * The one table from Parley's error codes to what JSON-RPC clients see: the numbers of JSON-RPC 2.0 (-32700, -32600 to
 * -32603), of EIP-1474 (-32000 to -32006), 3 for a reverted call, and those of eth_simulateV1 (-32015, -32016, -38010 to -38026).
 * Some messages begin with a phrase: wallets and libraries (viem, ethers) tell refusals apart by these words, which every Ethereum
 * node uses.
 */
import { randomBytes } from 'node:crypto';
import type { Bytes, Hex, JsonObject, JsonValue } from '../src/types/primitives.ts';
import { ParleyError } from '../src/util/errors.ts';
import type { Log } from '../src/util/log.ts';
import { fromHex, isHex } from '../src/util/hex.ts';
import { revertReason } from '../src/codec/revert-reason.ts';

export type RpcErrorObject = { readonly code: number; readonly message: string; readonly data?: JsonValue };

export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMS = -32602;
export const INTERNAL_ERROR = -32603;
/** EIP-1474. */
export const INVALID_INPUT = -32000;
export const RESOURCE_NOT_FOUND = -32001;
export const RESOURCE_UNAVAILABLE = -32002;
export const TRANSACTION_REJECTED = -32003;
export const METHOD_NOT_SUPPORTED = -32004;
export const LIMIT_EXCEEDED = -32005;
export const EXECUTION_REVERTED = 3;
/** Of eth_simulateV1, as ethereum/execution-apis has them (src/eth/execute.yaml). */
export const VM_ERROR = -32015;
export const SIMULATION_TIMEOUT = -32016;
export const SIMULATION_ERRORS = {
  nonceLow: -38010,
  nonceHigh: -38011,
  baseFee: -38012,
  intrinsicGas: -38013,
  funds: -38014,
  blockGas: -38015,
  blockNumber: -38020,
  blockTime: -38021,
  moveToItself: -38022,
  moveTwice: -38023,
  initCode: -38025,
  limit: -38026,
} as const;

const TABLE: ReadonlyMap<string, { readonly number: number; readonly phrase?: string }> = new Map([
  ['RPC_PARSE', { number: PARSE_ERROR }],
  ['RPC_INVALID_REQUEST', { number: INVALID_REQUEST }],
  ['RPC_METHOD_NOT_FOUND', { number: METHOD_NOT_FOUND }],
  ['RPC_INVALID_PARAMS', { number: INVALID_PARAMS }],
  ['RPC_SUBSCRIPTIONS_UNSUPPORTED', { number: METHOD_NOT_FOUND, phrase: 'notifications not supported' }],
  ['RPC_INVALID_INPUT', { number: INVALID_INPUT }],
  ['RPC_BLOCK_NOT_FOUND', { number: RESOURCE_NOT_FOUND, phrase: 'header not found' }],
  ['RPC_NOT_FOUND', { number: RESOURCE_NOT_FOUND }],
  ['RPC_UNSUPPORTED', { number: METHOD_NOT_SUPPORTED }],
  ['RPC_LIMIT', { number: LIMIT_EXCEEDED }],
  ['RPC_ANSWER_TOO_LARGE', { number: LIMIT_EXCEEDED, phrase: 'response too large' }],
  ['RPC_STOPPING', { number: RESOURCE_UNAVAILABLE }],
  ['RPC_TIMEOUT', { number: RESOURCE_UNAVAILABLE, phrase: 'request timed out' }],
  ['RPC_BUSY', { number: LIMIT_EXCEEDED, phrase: 'server busy' }],
  ['RPC_RATE_LIMITED', { number: LIMIT_EXCEEDED }],
  ['TX_MALFORMED', { number: INVALID_PARAMS }],
  ['TX_TYPE_UNSUPPORTED', { number: TRANSACTION_REJECTED, phrase: 'transaction type not valid' }],
  ['TX_TOO_LARGE', { number: TRANSACTION_REJECTED, phrase: 'oversized data' }],
  ['TX_SIGNATURE_INVALID', { number: TRANSACTION_REJECTED, phrase: 'invalid sender' }],
  ['POOL_NONCE_TOO_LOW', { number: TRANSACTION_REJECTED, phrase: 'nonce too low' }],
  ['POOL_NONCE_TOO_HIGH', { number: TRANSACTION_REJECTED, phrase: 'nonce too high' }],
  ['POOL_ALREADY_KNOWN', { number: TRANSACTION_REJECTED, phrase: 'already known' }],
  ['POOL_UNDERPRICED', { number: TRANSACTION_REJECTED, phrase: 'transaction underpriced' }],
  ['POOL_REPLACEMENT_UNDERPRICED', { number: TRANSACTION_REJECTED, phrase: 'replacement transaction underpriced' }],
  ['POOL_INSUFFICIENT_FUNDS', { number: TRANSACTION_REJECTED, phrase: 'insufficient funds for gas * price + value' }],
  ['POOL_GAS_LIMIT', { number: TRANSACTION_REJECTED, phrase: 'exceeds block gas limit' }],
  ['POOL_INTRINSIC_GAS', { number: TRANSACTION_REJECTED, phrase: 'intrinsic gas too low' }],
  ['POOL_FEE_BELOW_BASE', { number: TRANSACTION_REJECTED, phrase: 'max fee per gas less than block base fee' }],
  ['POOL_WRONG_CHAIN', { number: TRANSACTION_REJECTED, phrase: 'invalid chain id' }],
  ['POOL_FULL', { number: TRANSACTION_REJECTED, phrase: 'txpool is full' }],
  ['POOL_SENDER_LIMIT', { number: TRANSACTION_REJECTED, phrase: 'account limit exceeded' }],
  ['NETWORK_ADDRESS', { number: INVALID_PARAMS }],
  ['NETWORK_UNREACHABLE', { number: RESOURCE_UNAVAILABLE }],
  ['POOL_BUSY', { number: LIMIT_EXCEEDED }],
  ['POOL_INIT_CODE_SIZE', { number: TRANSACTION_REJECTED, phrase: 'max initcode size exceeded' }],
  ['POOL_SENDER_NOT_EOA', { number: TRANSACTION_REJECTED, phrase: 'sender not an eoa' }],
  ['STATE_PRUNED', { number: RESOURCE_UNAVAILABLE, phrase: 'missing state' }],
  ['ACCOUNT_UNKNOWN', { number: INVALID_INPUT, phrase: 'unknown account' }],
  ['ACCOUNT_LOCKED', { number: INVALID_INPUT, phrase: 'authentication needed: password or unlock' }],
  ['ACCOUNT_PAUSED', { number: LIMIT_EXCEEDED }],
  ['KEYSTORE_PASSWORD', { number: INVALID_INPUT, phrase: 'could not decrypt key with given password' }],
  ['KEYSTORE_EXISTS', { number: INVALID_INPUT, phrase: 'account already exists' }],
  ['CRYPTO_PRIVATE_KEY', { number: INVALID_PARAMS }],
  ['WALLET_BUSY', { number: LIMIT_EXCEEDED }],
  ['WALLET_FULL', { number: LIMIT_EXCEEDED }],
  ['WALLET_DURATION', { number: INVALID_PARAMS }],
  ['CONSENSUS_UNSUPPORTED', { number: METHOD_NOT_SUPPORTED }],
  ['SIMULATION_NONCE_LOW', { number: SIMULATION_ERRORS.nonceLow, phrase: 'nonce too low' }],
  ['SIMULATION_NONCE_HIGH', { number: SIMULATION_ERRORS.nonceHigh, phrase: 'nonce too high' }],
  ['SIMULATION_BASE_FEE', { number: SIMULATION_ERRORS.baseFee, phrase: 'max fee per gas less than block base fee' }],
  ['SIMULATION_INTRINSIC_GAS', { number: SIMULATION_ERRORS.intrinsicGas, phrase: 'intrinsic gas too low' }],
  ['SIMULATION_FUNDS', { number: SIMULATION_ERRORS.funds, phrase: 'insufficient funds for gas * price + value' }],
  ['SIMULATION_BLOCK_GAS', { number: SIMULATION_ERRORS.blockGas, phrase: 'block gas limit reached' }],
  ['SIMULATION_BLOCK_NUMBER', { number: SIMULATION_ERRORS.blockNumber, phrase: 'block numbers must be in order' }],
  ['SIMULATION_BLOCK_TIME', { number: SIMULATION_ERRORS.blockTime, phrase: 'block timestamps must be in order' }],
  ['SIMULATION_MOVE_TO_ITSELF', { number: SIMULATION_ERRORS.moveToItself }],
  ['SIMULATION_MOVE_TWICE', { number: SIMULATION_ERRORS.moveTwice }],
  ['SIMULATION_INIT_CODE', { number: SIMULATION_ERRORS.initCode, phrase: 'max initcode size exceeded' }],
  ['SIMULATION_LIMIT', { number: SIMULATION_ERRORS.limit }],
  ['SIMULATION_EXECUTION', { number: VM_ERROR }],
  ['SIMULATION_TIMEOUT', { number: SIMULATION_TIMEOUT }],
  ['EXECUTION_TRACE_LIMIT', { number: LIMIT_EXCEEDED }],
]);

/** Families whose other members are refusals too, should a new code come before this table knows it. */
const FAMILIES: readonly (readonly [prefix: string, number: number])[] = [
  ['POOL_', TRANSACTION_REJECTED],
  ['TX_', TRANSACTION_REJECTED],
  ['RLP_', INVALID_PARAMS],
  ['CODEC_', INVALID_PARAMS],
  ['EXECUTION_', INVALID_INPUT],
  ['CALL_', INVALID_INPUT],
  ['CONSENSUS_', INVALID_INPUT],
  ['KEYSTORE_', INVALID_INPUT],
  ['SIMULATION_', INVALID_INPUT],
];

/** What a client is told about anything thrown. What nobody planned is logged under an id, and only the id leaves. */
export function toRpcError(error: unknown, log: Log, method: string): RpcErrorObject {
  if (error instanceof ParleyError) {
    if (error.code === 'EXECUTION_REVERTED') return revertedFromError(error);
    const entry = TABLE.get(error.code);
    const number = entry?.number ?? FAMILIES.find(([prefix]) => error.code.startsWith(prefix))?.[1];
    if (number !== undefined) return plannedError(error, number, entry?.phrase);
  }
  const reportId = randomBytes(6).toString('hex');
  const cause = error instanceof Error ? error : new Error(String(error));
  log.error('request failed unexpectedly', { method, reportId, error: cause });
  return {
    code: INTERNAL_ERROR,
    message: `internal error; the node's log has it under ${reportId}`,
    data: { code: 'INTERNAL', reportId },
  };
}

function plannedError(error: ParleyError, code: number, phrase: string | undefined): RpcErrorObject {
  const said = phrase === undefined || error.message.toLowerCase().startsWith(phrase);
  const data: JsonObject = { code: error.code, ...error.data };
  return { code, message: said ? error.message : `${phrase}: ${error.message}`, data };
}

function revertedFromError(error: ParleyError): RpcErrorObject {
  const output = error.data['output'];
  return revertError(isHex(output) ? fromHex(output) : new Uint8Array(0), isHex(output) ? output : '0x');
}

/** Shape that every Ethereum node gives a reverted call: code 3 and the returned bytes as data. */
export function revertError(output: Bytes, outputHex: Hex): RpcErrorObject {
  const reason = revertReason(output);
  const message = reason === null ? 'execution reverted' : `execution reverted: ${reason}`;
  return { code: EXECUTION_REVERTED, message, data: outputHex };
}

/** -32602. `index` counts parameters from 0. */
export function invalidParams(index: number, problem: string): ParleyError {
  return new ParleyError('RPC_INVALID_PARAMS', `invalid argument ${index}: ${problem}`, { index });
}

export function limitExceeded(problem: string, data: JsonObject = {}): ParleyError {
  return new ParleyError('RPC_LIMIT', problem, data);
}
