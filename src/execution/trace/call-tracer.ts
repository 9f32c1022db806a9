import { errorReason } from '../../codec/revert-reason.ts';
import type { JsonObject } from '../../types/primitives.ts';
import type { TracerConfig } from '../../types/trace.ts';
import { toHex } from '../../util/hex.ts';
import { CallTree, type CallNode, type PlacedLog } from './call-tree.ts';
import { toQuantity } from './quantity.ts';
import type { TracerFactory } from './tracer.ts';
import { vmError } from './vm-error.ts';

type Mutable = { -readonly [K in keyof JsonObject]: JsonObject[K] };

/**
 * `callTracer`: the tree of calls, in the form of ethereum/execution-apis, src/schemas/call-tracer.yaml at
 * 0c25aeecab81f0fcf6ae5f3005735c60e98800be. The outermost frame has the gas of the transaction: its limit, and what the receipt says.
 * Logs of frames that failed are left out, as nothing of them stays.
 */
export const callTracer: TracerFactory = (run, { config }, budget) => {
  const tree = new CallTree({ onlyTop: config.onlyTopCall, hasLogs: config.withLog }, budget);
  return {
    observer: tree,
    result({ gasUsed }) {
      const root = { ...tree.root, gas: run.gasLimit, gasUsed };
      return new FrameFormat(config, run.logIndex).frame(root, false);
    },
  };
};

class FrameFormat {
  readonly #config: TracerConfig;
  #logIndex: number;

  constructor(config: TracerConfig, logIndex: number) {
    this.#config = config;
    this.#logIndex = logIndex;
  }

  /** `isUndone`: a frame around it failed. */
  frame(node: CallNode, isUndone: boolean): JsonObject {
    const { kind, from, value, gas, gasUsed, input } = node;
    const frame: Mutable = { type: kind, from };
    const isFailedCreation = node.error !== null && (kind === 'CREATE' || kind === 'CREATE2');
    if (node.to !== null && !isFailedCreation) frame['to'] = node.to;
    if (kind !== 'DELEGATECALL' && kind !== 'STATICCALL') frame['value'] = toQuantity(value);
    Object.assign(frame, { gas: toQuantity(gas), gasUsed: toQuantity(gasUsed), input }, endOf(node));
    const { calls, logs } = this.#inside(node, isUndone || node.error !== null);
    if (calls.length > 0 && !this.#config.onlyTopCall) frame['calls'] = calls;
    if (logs.length > 0) frame['logs'] = logs;
    return frame;
  }

  /** In the order of the run, so that logs are counted through the block. */
  #inside(node: CallNode, isUndone: boolean): { readonly calls: JsonObject[]; readonly logs: JsonObject[] } {
    const calls: JsonObject[] = [];
    const logs: JsonObject[] = [];
    const own = isUndone ? [] : node.logs;
    let next = 0;
    for (let position = 0; position <= node.calls.length; position++) {
      for (let log = own[next]; log?.position === position; log = own[++next]) logs.push(this.#log(log));
      const call = node.calls[position];
      if (call !== undefined) calls.push(this.frame(call, isUndone));
    }
    return { calls, logs };
  }

  #log({ log, position }: PlacedLog): JsonObject {
    const { address, topics, data } = log;
    const at = this.#config.onlyTopCall ? 0 : position;
    return { address, topics, data, index: toQuantity(this.#logIndex++), position: toQuantity(at) };
  }
}

function endOf({ error, output }: CallNode): JsonObject {
  const data = output.length === 0 ? {} : { output: toHex(output) };
  if (error === null) return data;
  const reason = error === 'revert' ? errorReason(output) : null;
  return {
    ...(error === 'revert' && data),
    error: vmError(error),
    ...(reason !== null && { revertReason: reason }),
  };
}
