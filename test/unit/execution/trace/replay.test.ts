import { describe, expect, it } from 'vitest';
import { executeBlock, type ParentState } from '../../../../src/execution/execute-block.ts';
import { buildGenesis } from '../../../../src/execution/genesis.ts';
import type { BoundStaking, ConsensusRules, ExecutionEnv } from '../../../../src/execution/rules.ts';
import { stakingContracts } from '../../../../src/execution/staking/contract.ts';
import { replayBlock, replayTransaction, type ReplayedBlock } from '../../../../src/execution/trace/replay.ts';
import { TRACERS, type TransactionTrace } from '../../../../src/types/trace.ts';
import type { Evidence } from '../../../../src/types/evidence.ts';
import type { JsonObject } from '../../../../src/types/primitives.ts';
import type { Receipt } from '../../../../src/types/receipt.ts';
import type { Transaction } from '../../../../src/types/transaction.ts';
import { ParleyError } from '../../../../src/util/errors.ts';
import {
  advance,
  balanceOf,
  CHAIN_ID,
  emptyState,
  ETHER,
  idleRules,
  key,
  NO_BYTES,
  signed,
  testEnv,
  testGenesis,
  testGenesisSpec,
  testInput,
} from '../support.ts';
import { RULES } from '../staking/desk.ts';
import { Traffic } from '../traffic.ts';
import { traceOptions } from './trace-options.ts';

type Replayed = { readonly block: ReplayedBlock; readonly after: ParentState; readonly receipts: readonly Receipt[] };

async function executed(parent: ParentState, transactions: readonly Transaction[], env = testEnv()): Promise<Replayed> {
  const { after, executed: result } = await advance(env, parent, { transactions });
  const { hash, header } = after;
  const { state, consensus } = parent;
  const block = { hash, header, author: key(0).address, transactions, evidence: [], state, consensus };
  return { block, after, receipts: result.receipts };
}

async function busyBlock(seed: number): Promise<Replayed> {
  const traffic = new Traffic(seed);
  const first = await executed(testGenesis(), traffic.deployments());
  return executed(first.after, traffic.next(30));
}

describe('a replayed block', () => {
  it('does what it did when it was executed', { timeout: 60_000 }, async () => {
    const { block, receipts } = await busyBlock(11);
    const traces = await replayBlock(
      testEnv(),
      block,
      traceOptions({ tracer: 'callTracer', config: { withLog: true } }),
    );
    expect(traces.map(({ transactionHash }) => transactionHash)).toEqual(block.transactions.map(({ hash }) => hash));
    expect(traces.map(({ result }) => Number((result as JsonObject)['gasUsed']))).toEqual(
      receipts.map(({ gasUsed }) => gasUsed),
    );
    expect(traces.map(({ result }) => !('error' in (result as JsonObject)))).toEqual(
      receipts.map(({ status }) => status === 1),
    );
    // In the order of the block, counted through it.
    const logs = traces
      .flatMap(({ result }) => logsOf(result as Frame))
      .sort((a, b) => Number(a.index) - Number(b.index));
    const expected = receipts.flatMap((receipt) => receipt.logs);
    expect(logs).toEqual(
      expected.map((log, index) => expect.objectContaining({ ...log, index: `0x${index.toString(16)}` }) as object),
    );
  });

  it('tells of one transaction what it tells of all', { timeout: 60_000 }, async () => {
    const { block } = await busyBlock(12);
    for (const tracer of [null, ...TRACERS]) {
      const options = traceOptions({ tracer, config: { withLog: true, diffMode: true } });
      const all = await replayBlock(testEnv(), block, options);
      for (const index of [0, 7, 29]) {
        expect(await replayTransaction(testEnv(), block, index, options)).toEqual(all[index]?.result);
      }
    }
  });

  it('punishes before anything else, as the block did', async () => {
    const staking: BoundStaking = {
      rules: RULES,
      genesis: () => NO_BYTES,
      settle: (before) => ({ engine: before.engine ?? NO_BYTES, movements: [], epoch: null }),
      elect: () => [],
    };
    const judge: ConsensusRules['judge'] = ({ offender }) => ({ offender, code: 'DOUBLE_VOTE', height: 7, epoch: 0 });
    const rules: ConsensusRules = { ...idleRules, judge, staking };
    const env = testEnv({ rules, systemContracts: stakingContracts({ chainId: CHAIN_ID }, rules) });
    const [reporter, offender] = [key(0), key(1)];
    const validators = [reporter, offender].map(({ address }) => ({ address, power: 50n * ETHER, jailed: false }));
    const proof = { extra: NO_BYTES, seal: NO_BYTES };
    const genesis = buildGenesis(testGenesisSpec({ validators }), emptyState(), proof, staking);
    const { hash, state, consensus } = genesis;
    const parent = { header: genesis.block.header, hash, state, consensus };
    const evidence: Evidence[] = [{ kind: 'messages', offender: offender.address, first: NO_BYTES, second: NO_BYTES }];
    const transactions = [signed(reporter, {})];
    const input = testInput(parent, { transactions, evidence, author: reporter.address });
    await executeBlock(env, parent, input);
    const header = { ...parent.header, ...input, parentHash: hash };
    const block = { hash, header, author: reporter.address, transactions, evidence, state, consensus };
    const [trace] = await replayBlock(env, block, traceOptions({ tracer: 'prestateTracer' }));
    const balance = balanceOf(state, reporter.address) + ETHER;
    expect(trace?.result).toMatchObject({ [reporter.address]: { balance: `0x${balance.toString(16)}` } });
  });

  it('ends when there is no more time, also on the way to the transaction', async () => {
    const transfers = Array.from({ length: 600 }, (_, nonce) => signed(key(0), { nonce }));
    const { block } = await executed(testGenesis(), transfers);
    let turns = 0;
    const pause = async (): Promise<void> => {
      if (++turns > 2) throw new ParleyError('EXECUTION_TIMEOUT', 'enough');
    };
    const replay = (env: ExecutionEnv): Promise<unknown> => replayTransaction(env, block, 599, traceOptions());
    await expect(replay(testEnv({ pause }))).rejects.toMatchObject({ code: 'EXECUTION_TIMEOUT' });
    await expect(replay(testEnv())).resolves.toMatchObject({ gas: 21_000, structLogs: [] });
  });

  it('tells no more than was asked for, all transactions together', async () => {
    const { block } = await busyBlock(14);
    for (const tracer of [null, 'callTracer', 'flatCallTracer', 'prestateTracer'] as const) {
      const options = (sizeBytesMax: number) => traceOptions({ tracer, sizeBytesMax, config: { withLog: true } });
      const all = await replayBlock(testEnv(), block, options(2 ** 30));
      const sizes = all.map(({ result }) => JSON.stringify(result).length);
      const size = sizes.reduce((sum, one) => sum + one, 0);
      const refusal = { code: 'EXECUTION_TRACE_LIMIT', data: { sizeBytesMax: Math.floor(size / 2) } };
      await expect(replayBlock(testEnv(), block, options(Math.floor(size / 2)))).rejects.toMatchObject(refusal);
      // What is counted is near to what there is.
      const fitting: readonly TransactionTrace[] = await replayBlock(testEnv(), block, options(size * 2));
      expect(fitting).toEqual(all);
    }
  });
});

type Frame = { readonly logs?: readonly { readonly index: string }[]; readonly calls?: readonly Frame[] };

function logsOf({ logs = [], calls = [] }: Frame): { readonly index: string }[] {
  return [...logs, ...calls.flatMap(logsOf)];
}
