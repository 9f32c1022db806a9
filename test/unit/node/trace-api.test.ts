import { beforeAll, describe, expect, it } from 'vitest';
import { LedgerTraceApi, type TraceApiModules } from '../../../src/node/trace-api.ts';
import type { BlockView } from '../../../src/node/api.ts';
import type { Block } from '../../../src/types/block.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { ParleyError } from '../../../src/util/errors.ts';
import type { ParentState } from '../../../src/execution/execute-block.ts';
import { bytecode } from '../execution/bytecode.ts';
import { advance, key, signed, testEnv, testGenesis } from '../execution/support.ts';
import { traceOptions } from '../execution/trace/trace-options.ts';

/** Init code without an end. */
const loop = signed(key(0), { to: null, data: bytecode('jumpdest', 1, 'pop', 0, 'jump'), gasLimit: 8_000_000 });
const options = traceOptions({ tracer: 'noopTracer' });

let parent: ParentState;
let view: BlockView;
let genesis: BlockView;
beforeAll(async () => {
  parent = testGenesis();
  const transactions = [signed(key(1), {}), loop];
  const { after } = await advance(testEnv(), parent, { transactions });
  view = viewOf(after, transactions);
  genesis = viewOf(parent, []);
});

function viewOf({ hash, header }: ParentState, transactions: readonly Transaction[]): BlockView {
  const block: Block = { header, body: { transactions: [], evidence: [], votes: [] } };
  return { hash, block, sizeBytes: 0, canonical: true, transactions: () => transactions, receipts: () => [] };
}

function api(chain: Partial<TraceApiModules['chain']> = {}): LedgerTraceApi {
  return new LedgerTraceApi({
    chain: { env: testEnv(), stateAt: () => parent.state, consensusAt: () => parent.consensus, ...chain },
    engine: { author: () => key(0).address },
    callState: (at) => ({ header: at.block.header, hash: at.hash, state: parent.state }),
  });
}

describe('traces of a node', () => {
  it('are of what a block stood on', async () => {
    const asked: string[] = [];
    const stateAt = (hash: string) => {
      asked.push(hash);
      return parent.state;
    };
    expect(await api({ stateAt }).transaction(view, 0, options)).toEqual({});
    expect(asked).toEqual([parent.hash]);
  });

  it('have no genesis, and nothing of which the state is gone', async () => {
    const refusal = { code: 'EXECUTION_GENESIS', message: 'genesis is not traceable' };
    await expect(api().block(genesis, options)).rejects.toMatchObject(refusal);
    await expect(api({ consensusAt: () => undefined }).block(view, options)).rejects.toMatchObject({
      code: 'STATE_PRUNED',
    });
    const stateAt = (): never => {
      throw new ParleyError('STATE_PRUNED', 'gone');
    };
    await expect(api({ stateAt }).transaction(view, 0, options)).rejects.toMatchObject({ code: 'STATE_PRUNED' });
  });

  it('end with their time, and let other work run until then', { timeout: 30_000 }, async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    const wanted = { ...options, timeoutMs: 300 };
    const message = expect.stringContaining('timeout, at most 20s') as string;
    await expect(api().transaction(view, 1, wanted)).rejects.toMatchObject({ code: 'EXECUTION_TIMEOUT', message });
    const call = { data: loop.data, gasLimit: 50_000_000 };
    await expect(api().call(call, view, wanted)).rejects.toMatchObject({ code: 'EXECUTION_TIMEOUT' });
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
    await expect(api().block(view, { ...options, timeoutMs: 0 })).rejects.toMatchObject({ code: 'EXECUTION_TIMEOUT' });
  });
});
