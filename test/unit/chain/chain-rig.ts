import type { HowReceived } from '../../../consensus/api/engine.ts';
import { ACCEPT, type Verdict } from '../../../consensus/api/verdict.ts';
import type { BlockNode } from '../../../src/chain/block-node.ts';
import { Chain, type ChainOptions } from '../../../src/chain/chain.ts';
import type { ImportHow, ImportOutcome } from '../../../src/chain/import.ts';
import { TransactionCache } from '../../../src/chain/transaction-cache.ts';
import { headerHash } from '../../../src/codec/block.ts';
import { signTransaction } from '../../../src/codec/transaction.ts';
import { addressOf } from '../../../src/crypto/secp256k1.ts';
import { buildBlock, type BuiltBlock } from '../../../src/execution/build-block.ts';
import { executeBlock } from '../../../src/execution/execute-block.ts';
import { buildGenesis, type GenesisSpec } from '../../../src/execution/genesis.ts';
import type { KeyValueStore } from '../../../src/ports/kv.ts';
import type { Block, Header } from '../../../src/types/block.ts';
import type { SignedMessage } from '../../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../../src/types/primitives.ts';
import type { Transaction } from '../../../src/types/transaction.ts';
import { CodecError } from '../../../src/util/errors.ts';
import { toHex } from '../../../src/util/hex.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { KeyValueBlockStore } from '../../../storage/block-store.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { LevelStateStore } from '../../../storage/state-store.ts';

export const KEY: Bytes = Buffer.alloc(32, 7);
export const RICH: Address = addressOf(KEY);
export const PAYEE: Address = `0x${'ee'.repeat(20)}`;
export const SEALER: Address = `0x${'aa'.repeat(20)}`;
const GAS_LIMIT = 30_000_000;

export const SPEC: GenesisSpec = {
  chainId: 31337,
  shard: 0,
  timeMs: 1_000,
  gasLimit: GAS_LIMIT,
  baseFee: 1_000_000_000n,
  alloc: new Map([[RICH, { balance: 10n ** 24n }]]),
  validators: [{ address: SEALER, power: 1n, jailed: false }],
  engine: { id: 'test', params: {} },
};

/** The seal is the author's address; what it says of headers can be set. */
export class TestJudge {
  verdict: (header: Header, how: HowReceived) => Verdict = () => ACCEPT;

  author(header: Header): Address {
    if (header.seal.length !== 20) throw new CodecError('SEAL_MALFORMED', 'not a seal');
    return toHex(header.seal);
  }

  checkHeader(header: Header, _parent: Header, _author: Address, how: HowReceived): Verdict {
    return this.verdict(header, how);
  }
}

export type Rig = {
  readonly chain: Chain;
  readonly kv: KeyValueStore;
  readonly judge: TestJudge;
  readonly transactions: TransactionCache;
  /** Blocks executed so far. */
  readonly executions: () => number;
};

export type RigOptions = {
  readonly kv?: KeyValueStore;
  readonly spec?: GenesisSpec;
  readonly verifyMessage?: (message: SignedMessage) => boolean;
} & Partial<Pick<ChainOptions, 'limits' | 'fingerprint'>>;

/** A real chain over a real store and the real execution; only the engine is a stand-in. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const kv = options.kv ?? new MemoryStore();
  const spec = options.spec ?? SPEC;
  const transactions = new TransactionCache();
  let executions = 0;
  const chain = await Chain.open(
    {
      env: {
        config: {
          chainId: spec.chainId,
          shard: spec.shard,
          blockGasLimit: spec.gasLimit,
          baseFeeInitial: spec.baseFee,
        },
        rules: { advance: (before) => before, judge: () => null, blockReward: () => 5n },
      },
      genesis: (empty) => buildGenesis(spec, empty, { extra: new Uint8Array(0), seal: new Uint8Array(0) }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
      ...(options.fingerprint === undefined ? {} : { fingerprint: options.fingerprint }),
    },
    {
      blocks: new KeyValueBlockStore(kv),
      state: new LevelStateStore(kv),
      transactions,
      execute: (env, parent, input) => {
        executions += 1;
        return executeBlock(env, parent, input);
      },
      verifyMessage: options.verifyMessage ?? (() => true),
      log: silentLog,
      metrics: noMetrics,
    },
  );
  const judge = new TestJudge();
  chain.setJudge(judge);
  return { chain, kv, judge, transactions, executions: () => executions };
}

export type BlockSpec = {
  readonly transactions?: readonly Transaction[];
  readonly votes?: readonly SignedMessage[];
  /** Makes siblings differ. */
  readonly extra?: string;
  readonly timeMs?: number;
  readonly seal?: Bytes;
};

export type MadeBlock = { readonly block: Block; readonly hash: Hash; readonly built: BuiltBlock };

/** A valid block on a block of the tree. */
export async function makeBlock({ chain }: Rig, parent: Hash, spec: BlockSpec = {}): Promise<MadeBlock> {
  const state = chain.parentState(parent);
  if (state === undefined) throw new Error(`no parent ${parent}`);
  const queue = [...(spec.transactions ?? [])];
  const built = await buildBlock(
    chain.env,
    state,
    {
      timeMs: spec.timeMs ?? state.header.timeMs + 1000,
      beneficiary: SEALER,
      author: SEALER,
      extra: Buffer.from(spec.extra ?? ''),
      votes: spec.votes ?? [],
      evidence: [],
      isLate: () => false,
      sizeBytesMax: 1_000_000,
    },
    { next: () => queue.shift() ?? null, skipSender: () => {} },
  );
  if (built.skipped.length > 0) throw new Error(`skipped: ${JSON.stringify(built.skipped)}`);
  const header = { ...built.header, seal: spec.seal ?? Buffer.from(SEALER.slice(2), 'hex') };
  return { block: { header, body: built.body }, hash: headerHash(header), built };
}

export const from = (origin: ImportHow['origin'], more: Partial<ImportHow> = {}): ImportHow => ({
  origin,
  justification: null,
  peer: origin === 'gossip' || origin === 'sync' ? 'peer' : null,
  now: 0,
  ...more,
});

export async function importOk(rig: Rig, block: Block, how: ImportHow = from('gossip')): Promise<BlockNode> {
  const outcome = await rig.chain.import(block, how);
  if (outcome.kind !== 'imported') throw new Error(JSON.stringify(outcome));
  return outcome.node;
}

/** Makes and imports a row of blocks; the last parameter gives each one's contents. */
export async function grow(
  rig: Rig,
  parent: Hash,
  count: number,
  spec: (i: number) => BlockSpec = () => ({}),
): Promise<BlockNode[]> {
  const nodes: BlockNode[] = [];
  let at = parent;
  for (let i = 0; i < count; i++) {
    const { block } = await makeBlock(rig, at, spec(i));
    const node = await importOk(rig, block);
    nodes.push(node);
    at = node.hash;
  }
  return nodes;
}

export function transfer(rig: Rig, nonce: number, value = 1n, to: Address = PAYEE): Transaction {
  const raw = signTransaction(
    {
      type: 2,
      chainId: SPEC.chainId,
      nonce,
      gasLimit: 21_000,
      maxFeePerGas: 5_000_000_000n,
      maxPriorityFeePerGas: 1n,
      to,
      value,
      data: new Uint8Array(0),
      accessList: [],
    },
    KEY,
  );
  return rig.transactions.resolve(raw);
}

/** Everything at once: head, safe and finalized. */
export async function decide(rig: Rig, head: Hash, finalized: Hash, safe: Hash = finalized): Promise<void> {
  await rig.chain.applyForkchoice({ head, safe, finalized });
}

/** A failing import's code and the rest of the outcome. */
export async function refusal(rig: Rig, block: Block, how: ImportHow = from('gossip')): Promise<ImportOutcome> {
  return rig.chain.import(block, how);
}
