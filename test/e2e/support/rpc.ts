/** JSON-RPC over HTTP, for tests: one POST a call. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(method: string, error: { code: number; message: string; data?: unknown }) {
    super(`${method}: ${error.message}`);
    this.code = error.code;
    this.data = error.data;
  }
}

export type Rpc = <T = unknown>(method: string, params?: readonly unknown[]) => Promise<T>;

export function rpcAt(url: string): Rpc {
  let id = 0;
  return async <T>(method: string, params: readonly unknown[] = []): Promise<T> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: ++id, method, params }),
      signal: AbortSignal.timeout(30_000),
    });
    const answer = (await response.json()) as { result?: T; error?: { code: number; message: string; data?: unknown } };
    if (answer.error !== undefined) throw new RpcError(method, answer.error);
    return answer.result as T;
  };
}

export type RpcBlock = {
  readonly number: string;
  readonly hash: string;
  readonly parentHash: string;
  readonly stateRoot: string;
  readonly miner: string;
  readonly timestamp: string;
  readonly baseFeePerGas: string;
  readonly gasUsed: string;
  readonly transactions: readonly string[];
};

/** The block by number or tag, with transaction hashes. */
export function blockAt(rpc: Rpc, at: string | number): Promise<RpcBlock | null> {
  return rpc<RpcBlock | null>('eth_getBlockByNumber', [typeof at === 'number' ? `0x${at.toString(16)}` : at, false]);
}

export async function heightOf(rpc: Rpc, tag = 'latest'): Promise<number> {
  const block = await blockAt(rpc, tag);
  return block === null ? -1 : Number(block.number);
}

export type Call = { readonly method: string; readonly params: readonly unknown[] };

/** One batch; the results in the order of the calls. Throws the first error. */
export async function rpcBatch<T>(url: string, calls: readonly Call[]): Promise<T[]> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call }))),
    signal: AbortSignal.timeout(30_000),
  });
  const answers = (await response.json()) as {
    id: number;
    result?: T;
    error?: { code: number; message: string; data?: unknown };
  }[];
  const results: T[] = [];
  for (const { id, result, error } of answers) {
    if (error !== undefined) throw new RpcError(calls[id]?.method ?? 'batch', error);
    results[id] = result as T;
  }
  return results;
}
