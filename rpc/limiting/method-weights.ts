/**
 * What a call costs its client. 1 is a read of one thing in memory; the rest are rough multiples of that in CPU time, database reads or
 * answer size at the worst, from bench/reads.ts and the limits of the methods. An unknown method costs 1: so does saying that it is unknown.
 */
const DEFAULTS: ReadonlyMap<string, number> = new Map([
  ['consensus_evidence', 20],
  ['eth_call', 10],
  ['eth_createAccessList', 10],
  ['eth_estimateGas', 10],
  ['eth_fillTransaction', 10],
  ['eth_feeHistory', 5],
  ['eth_getBlockByHash', 2],
  ['eth_getBlockByNumber', 2],
  ['eth_getBlockReceipts', 5],
  ['eth_getFilterChanges', 2],
  ['eth_getFilterLogs', 20],
  ['eth_getLogs', 20],
  ['eth_getProof', 5],
  ['eth_getStorageValues', 5],
  ['eth_sendRawTransaction', 2],
  ['eth_sendTransaction', 5],
  ['eth_signTransaction', 5],
  ['eth_signTypedData_v4', 5],
  ['eth_simulateV1', 20],
  ['txpool_content', 20],
  ['txpool_contentFrom', 5],
  ['txpool_inspect', 20],
  // What opens a key file stretches a password for a second.
  ['personal_*', 20],
  ['wallet_*', 2],
  ['admin_*', 2],
  ['debug_*', 20],
  // Seconds of the process, and tens of megabytes.
  ['debug_traceBlockByHash', 200],
  ['debug_traceBlockByNumber', 200],
  ['debug_traceCall', 100],
  ['debug_traceTransaction', 100],
  ['trace_*', 20],
]);

export const WEIGHT_MAX = 1_000_000;

export type WeightOf = (method: string) => number;

/** `overrides` by exact name, or `ns_*` for the rest of a namespace. They come before the defaults, exact names before namespaces. */
export function methodWeights(overrides: { readonly [name: string]: number }): WeightOf {
  const own = new Map(Object.entries(overrides));
  return (method) => {
    const namespace = `${method.split('_', 1)[0] ?? ''}_*`;
    return own.get(method) ?? own.get(namespace) ?? DEFAULTS.get(method) ?? DEFAULTS.get(namespace) ?? 1;
  };
}

/** By the defaults alone. */
export const weightOf: WeightOf = methodWeights({});
