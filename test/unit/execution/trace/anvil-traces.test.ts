import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { creationAddress } from '../../../../src/execution/apply-transaction.ts';
import type { ParentState } from '../../../../src/execution/execute-block.ts';
import { nextBaseFee } from '../../../../src/execution/fees.ts';
import { replayBlock, type ReplayedBlock } from '../../../../src/execution/trace/replay.ts';
import type { Bytes, Hex, JsonValue } from '../../../../src/types/primitives.ts';
import type { Receipt } from '../../../../src/types/receipt.ts';
import type { TraceOptions } from '../../../../src/types/trace.ts';
import type { Transaction } from '../../../../src/types/transaction.ts';
import { fromHex, toHex } from '../../../../src/util/hex.ts';
import { Anvil } from '../anvil.ts';
import { bytecode, callOf, createOf } from '../bytecode.ts';
import {
  advance,
  BENEFICIARY,
  CHAIN_ID,
  deployer,
  ETHER,
  GAS_LIMIT,
  GWEI,
  key,
  KEYS,
  signed,
  testEnv,
  testGenesis,
} from '../support.ts';
import { Traffic } from '../traffic.ts';
import {
  comparableFrames,
  comparablePrestate,
  comparableSteps,
  selectorsOf,
  type Frame,
  type StepTrace,
} from './anvil-differences.ts';
import { traceOptions } from './trace-options.ts';

/** The same transactions here and in Anvil, traced: step by step, call by call, account by account. */

const SEEDS = [5, 6];
const BLOCKS = 3;
const TRANSACTIONS_PER_BLOCK = 25;
const TIMEOUT_MS = 240_000;

type Judge = (ours: JsonValue, theirs: JsonValue, tx: Transaction, receipt: Receipt) => void;
type Tracing = { readonly options: TraceOptions; readonly asked: object; readonly judge: Judge };

const CALL_TRACER = { tracer: 'callTracer', tracerConfig: { withLog: true } } as const;

const TRACINGS: readonly Tracing[] = [
  {
    options: traceOptions(),
    asked: { enableMemory: true, enableReturnData: true },
    judge(ours, theirs, _, receipt) {
      const [{ structLogs, ...own }, other] = [ours, theirs] as unknown as [StepTrace, StepTrace];
      expect(comparableSteps({ ...own, structLogs })).toEqual(comparableSteps(other));
      // Anvil's gas is all that was used in the block so far.
      expect(own).toEqual({ gas: receipt.gasUsed, failed: other.failed, returnValue: other.returnValue });
    },
  },
  {
    options: traceOptions({ tracer: 'callTracer', config: { withLog: true } }),
    asked: CALL_TRACER,
    judge(ours, theirs, { gasLimit }, { gasUsed }) {
      const frame = ours as unknown as Frame;
      expect(comparableFrames(frame)).toEqual(comparableFrames(theirs as unknown as Frame));
      expect([Number(frame.gas), Number(frame.gasUsed)]).toEqual([gasLimit, gasUsed]);
    },
  },
  {
    options: traceOptions({ tracer: 'prestateTracer' }),
    asked: { tracer: 'prestateTracer' },
    judge: (ours, theirs) => expect(comparablePrestate(ours as never)).toEqual(comparablePrestate(theirs as never)),
  },
  {
    options: traceOptions({ tracer: 'prestateTracer', config: { diffMode: true } }),
    asked: { tracer: 'prestateTracer', tracerConfig: { diffMode: true } },
    judge: (ours, theirs) => expect(ours).toEqual(theirs),
  },
  {
    options: traceOptions({ tracer: '4byteTracer' }),
    asked: CALL_TRACER,
    judge: (ours, theirs) => expect(ours).toEqual(selectorsOf(theirs as unknown as Frame)),
  },
];

let anvil: Anvil | null = null;

beforeAll(async () => {
  const fees = ['--gas-limit', String(GAS_LIMIT), '--block-base-fee-per-gas', String(GWEI)];
  anvil = await Anvil.start(['--hardfork', 'prague', '--chain-id', String(CHAIN_ID), '--steps-tracing', ...fees]);
  if (anvil === null) return;
  const balance = `0x${(10_000n * ETHER).toString(16)}`;
  for (const { address } of KEYS) await anvil.call('anvil_setBalance', [address, balance]);
  await anvil.call('anvil_setCoinbase', [BENEFICIARY]);
}, TIMEOUT_MS);

afterAll(() => anvil?.stop());

describe('the same transactions in Anvil have the same traces', () => {
  it.for(SEEDS)('of all kinds (seed %i)', { timeout: TIMEOUT_MS }, async (seed, context) => {
    if (anvil === null) return context.skip('anvil does not start here');
    const traffic = new Traffic(seed);
    await compare(anvil, BLOCKS, (number) =>
      number === 1 ? traffic.deployments() : traffic.next(TRANSACTIONS_PER_BLOCK),
    );
  });

  it('of code by hand', { timeout: TIMEOUT_MS }, async (context) => {
    if (anvil === null) return context.skip('anvil does not start here');
    const codes = handmade();
    const from = key(1);
    await compare(anvil, 2, (number) =>
      codes.map((code, index) => {
        const to = creationAddress(from.address, index);
        const nonce = (number - 1) * codes.length + index;
        if (number === 2) return signed(from, { nonce, to, value: 100n, gasLimit: 400_000 });
        return signed(from, { nonce, to: null, data: deployer(toHex(code).slice(2)), gasLimit: 500_000 });
      }),
    );
  });
});

/** What Solidity does not do by itself. The first is called by others, as the first that the key creates. */
function handmade(): readonly Bytes[] {
  const [library, creator] = [creationAddress(key(1).address, 0), creationAddress(key(1).address, 1)];
  return [
    bytecode(0x2a, 1, 'sstore', 7, 0, 0, 'log1', 0xbeef, 0, 'mstore', 32, 0, 'return'),
    // Init code that looks like an object of EIP-3540, which Prague has not; also where nothing may change.
    bytecode(...createOf('create2', fromHex('0xef000101'), 3), 'gas'),
    bytecode(...callOf('staticcall', creator), 'gas'),
    bytecode(...createOf('create', fromHex('0xef00'), 3), 'gas'),
    bytecode(...callOf('delegatecall', library), ...callOf('callcode', library, { value: 1 })),
    bytecode(...callOf('staticcall', library), ...callOf('call', library, { value: 5 }), 'gas'),
    // Refused: too little money.
    bytecode(...callOf('call', library, { value: 10n ** 30n }), ...createOf('create', bytecode('stop'), 10n ** 30n)),
    bytecode(...createOf('create', bytecode(1, 0, 'return'), 3), ...createOf('create2', bytecode(0, 0, 'revert'))),
    bytecode(...createOf('create2', bytecode(library, 'selfdestruct'), 9), ...callOf('call', library, { gas: 3000 })),
    // Creations that fail after their code has run: it may not begin with 0xef (EIP-3541), nor be larger than EIP-170 allows.
    bytecode(...createOf('create', bytecode(0xef, 0, { hex: '53' }, 1, 0, 'return'))),
    bytecode(...createOf('create', bytecode(0x6001, 0, 'return'))),
    bytecode(...callOf('call', library), library, 'selfdestruct'),
    bytecode(0, 0, 'log1'),
    bytecode(1, 2, 'sstore', 0, 2, 'sstore', 2, 'sload'),
    bytecode(5, 0, 0, 'log1', 0, 0, 'revert'),
    bytecode('invalid'),
    bytecode({ hex: '0c' }),
    bytecode(3, 'jump', 'jumpdest', { hex: 'ef' }),
    bytecode(9, 'jump'),
    bytecode(1, 2 ** 32, 'mstore'),
    bytecode(2 ** 32, 0, 'revert'),
    bytecode('revert'),
    bytecode({ hex: '61ff' }),
  ];
}

/** Blocks from `make`, one after another, on a chain that begins anew. */
async function compare(node: Anvil, blocks: number, make: (number: number) => readonly Transaction[]): Promise<void> {
  const snapshot = await node.call<Hex>('evm_snapshot', []);
  const first = await node.call<{ timestamp: Hex; baseFeePerGas: Hex }>('eth_getBlockByNumber', ['0x0', false]);
  let parent = testGenesis({ timeMs: Number(first.timestamp) * 1000, baseFee: BigInt(first.baseFeePerGas) });
  try {
    for (let number = 1; number <= blocks; number++) parent = await compareBlock(node, parent, make(number));
  } finally {
    await node.call('evm_revert', [snapshot]);
  }
}

async function compareBlock(
  node: Anvil,
  parent: ParentState,
  transactions: readonly Transaction[],
): Promise<ParentState> {
  const seconds = parent.header.timeMs / 1000 + 7;
  for (const tx of transactions) await node.call('eth_sendRawTransaction', [toHex(tx.raw)]);
  await node.call('evm_setNextBlockTimestamp', [seconds]);
  await node.call('evm_mine', []);
  const theirs = await node.call<{ baseFeePerGas: Hex }>('eth_getBlockByNumber', ['latest', false]);
  // Anvil's first block has the same base fee as its genesis.
  const baseFeePerGas = parent.header.number === 0 ? BigInt(theirs.baseFeePerGas) : nextBaseFee(parent.header);
  const { after, executed } = await advance(testEnv(), parent, { transactions, baseFeePerGas, timeMs: seconds * 1000 });
  const { hash, header } = after;
  const { state, consensus } = parent;
  const block = { hash, header, author: key(0).address, transactions, evidence: [], state, consensus };
  for (const tracing of TRACINGS) await compareTraces(node, block, executed.receipts, tracing);
  return after;
}

async function compareTraces(
  node: Anvil,
  block: ReplayedBlock,
  receipts: readonly Receipt[],
  { options, asked, judge }: Tracing,
): Promise<void> {
  const traces = await replayBlock(testEnv(), block, options);
  for (const [index, { transactionHash, result }] of traces.entries()) {
    const [tx, receipt] = [block.transactions[index], receipts[index]];
    expect(transactionHash).toBe(tx?.hash);
    const theirs = await node.call<JsonValue>('debug_traceTransaction', [transactionHash, asked]);
    if (tx !== undefined && receipt !== undefined) judge(result, theirs, tx, receipt);
  }
}
