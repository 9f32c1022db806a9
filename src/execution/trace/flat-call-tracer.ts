import type { JsonObject } from '../../types/primitives.ts';
import { toHex } from '../../util/hex.ts';
import { CallTree, type CallNode } from './call-tree.ts';
import { isPrecompile } from '../precompiles.ts';
import { toQuantity } from './quantity.ts';
import type { TracePlace, TracerFactory } from './tracer.ts';
import { vmError } from './vm-error.ts';

/** What is told of a frame beside its data. */
const FRAME_SIZE_BYTES = 256;
const INDEX_SIZE_BYTES = 4;

/**
 * `flatCallTracer`: the calls one after another with their place in the tree, in go-ethereum's version of what OpenEthereum's `trace_`
 * methods gave: calls of precompiles are left out. A call that is in no block has null for its place.
 */
export const flatCallTracer: TracerFactory = (run, _options, budget) => {
  const tree = new CallTree({ onlyTop: false, hasLogs: false }, budget);
  return {
    observer: tree,
    result({ gasUsed }) {
      const flat: JsonObject[] = [];
      const add = (node: CallNode, traceAddress: readonly number[]): void => {
        budget.spend(FRAME_SIZE_BYTES + INDEX_SIZE_BYTES * traceAddress.length);
        const calls = node.calls.filter(isTold);
        flat.push({ ...frame(node), subtraces: calls.length, traceAddress, ...placeOf(run.place) });
        for (const [index, call] of calls.entries()) add(call, [...traceAddress, index]);
      };
      add({ ...tree.root, gas: run.gasLimit, gasUsed }, []);
      return flat;
    },
  };
};

function isTold({ kind, to }: CallNode): boolean {
  return to === null || !isPrecompile(to) || (kind !== 'CALL' && kind !== 'STATICCALL');
}

function placeOf(place: TracePlace | null): JsonObject {
  return {
    blockHash: place?.blockHash ?? null,
    blockNumber: place?.blockNumber ?? null,
    transactionHash: place?.transactionHash ?? null,
    transactionPosition: place?.transactionIndex ?? null,
  };
}

function frame(node: CallNode): JsonObject {
  if (node.kind === 'SELFDESTRUCT') {
    const action = { address: node.from, balance: toQuantity(node.value), refundAddress: node.to };
    return { type: 'suicide', action };
  }
  const isCreation = node.kind === 'CREATE' || node.kind === 'CREATE2';
  const { error } = node;
  return {
    type: isCreation ? 'create' : 'call',
    action: isCreation ? creation(node) : call(node),
    // What a call that reverts gives back says why.
    ...((error === null || error === 'revert') && { result: resultOf(node, isCreation) }),
    ...(error !== null && { error: vmError(error) }),
  };
}

function call({ kind, from, to, value, gas, input }: CallNode): JsonObject {
  return { callType: kind.toLowerCase(), from, to, value: toQuantity(value), gas: toQuantity(gas), input };
}

function creation({ kind, from, value, gas, input }: CallNode): JsonObject {
  return { creationMethod: kind.toLowerCase(), from, value: toQuantity(value), gas: toQuantity(gas), init: input };
}

function resultOf({ to, gasUsed, output, error }: CallNode, isCreation: boolean): JsonObject {
  const used = { gasUsed: toQuantity(gasUsed) };
  if (!isCreation) return { ...used, output: toHex(output) };
  return error === null ? { ...used, address: to, code: toHex(output) } : { ...used, output: toHex(output) };
}
