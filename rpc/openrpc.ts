/**
 * The OpenRPC document of rpc.discover (spec.open-rpc.org, 1.3): made of the types that decode parameters and the schemas that
 * tests hold answers to, so that it says what this node does.
 */
import type { JsonObject } from '../src/types/primitives.ts';
import {
  EXECUTION_REVERTED,
  INTERNAL_ERROR,
  INVALID_INPUT,
  INVALID_PARAMS,
  LIMIT_EXCEEDED,
  METHOD_NOT_FOUND,
  METHOD_NOT_SUPPORTED,
  RESOURCE_NOT_FOUND,
  RESOURCE_UNAVAILABLE,
  SIMULATION_ERRORS,
  SIMULATION_TIMEOUT,
  TRANSACTION_REJECTED,
  VM_ERROR,
} from './errors.ts';
import type { MethodDoc } from './method.ts';
import { COMPONENT_SCHEMAS } from './schema/results.ts';
import { TRACE_SCHEMAS } from './schema/trace-results.ts';

export const OPENRPC_VERSION = '1.3.2';

const ERRORS: ReadonlyMap<number, string> = new Map([
  [METHOD_NOT_FOUND, 'not offered, or not over this transport'],
  [INVALID_PARAMS, 'bad parameter; data.index counts from 0'],
  [INTERNAL_ERROR, "a bug of the node's; the message names the id under which it is logged"],
  [INVALID_INPUT, 'refused input'],
  [RESOURCE_NOT_FOUND, 'unknown block'],
  [RESOURCE_UNAVAILABLE, 'not there now: state that is gone, a peer that does not answer'],
  [TRANSACTION_REJECTED, 'transaction refused'],
  [METHOD_NOT_SUPPORTED, 'not possible on this node'],
  [LIMIT_EXCEEDED, 'over a limit'],
  [EXECUTION_REVERTED, 'execution reverted; data is what the contract returned'],
  [VM_ERROR, 'the EVM broke down on a call'],
  [SIMULATION_TIMEOUT, 'a simulation took too long'],
  [SIMULATION_ERRORS.nonceLow, 'nonce too low'],
  [SIMULATION_ERRORS.nonceHigh, 'nonce too high'],
  [SIMULATION_ERRORS.baseFee, 'fee cap below the base fee'],
  [SIMULATION_ERRORS.intrinsicGas, 'gas limit below what a call costs before it runs'],
  [SIMULATION_ERRORS.funds, 'the sender cannot pay for gas and value'],
  [SIMULATION_ERRORS.blockGas, 'more gas than the block has left'],
  [SIMULATION_ERRORS.blockNumber, 'block numbers do not ascend'],
  [SIMULATION_ERRORS.blockTime, 'block times fall'],
  [SIMULATION_ERRORS.moveToItself, 'a precompile moved to itself'],
  [SIMULATION_ERRORS.moveTwice, 'two precompiles moved to one address'],
  [SIMULATION_ERRORS.initCode, 'too much init code'],
  [SIMULATION_ERRORS.limit, 'over a limit of simulations'],
]);

/** `clientVersion` as web3_clientVersion has it. */
export function openRpcDocument(
  clientVersion: string,
  docs: readonly (readonly [name: string, doc: MethodDoc])[],
): JsonObject {
  return {
    openrpc: OPENRPC_VERSION,
    info: { title: 'Parley JSON-RPC', version: versionOf(clientVersion), license: { name: 'MIT' } },
    methods: docs.map(([name, doc]) => methodObject(name, doc)),
    components: {
      schemas: { ...COMPONENT_SCHEMAS, ...TRACE_SCHEMAS },
      errors: Object.fromEntries([...ERRORS].map(([code, message]) => [errorName(code), { code, message }])),
    },
  };
}

function methodObject(name: string, { summary, params, result, errors }: MethodDoc): JsonObject {
  return {
    name,
    summary,
    paramStructure: 'by-position',
    params: params.map((param) => ({ name: param.name, required: param.required, schema: param.type.schema })),
    result: { name: 'result', schema: result },
    errors: errors.map((code) => ({ $ref: `#/components/errors/${errorName(code)}` })),
  };
}

/** Names of components have no sign. */
function errorName(code: number): string {
  return `E${Math.abs(code)}`;
}

/** `Parley/v0.1.0/linux-x64/…`: 0.1.0. */
function versionOf(clientVersion: string): string {
  return /\/v([^/]+)/.exec(clientVersion)?.[1] ?? clientVersion;
}
