import type { Engine, EngineFactory } from '../../consensus/api/engine.ts';
import { KeyValueBlockStore } from '../../storage/block-store.ts';
import { KeyValueJournalStore } from '../../storage/journal-store.ts';
import { migrate } from '../../storage/migrate.ts';
import { LevelStateStore } from '../../storage/state-store.ts';
import { KeyValueVoteStore } from '../../storage/vote-store.ts';
import { Chain } from '../chain/chain.ts';
import { TransactionCache } from '../chain/transaction-cache.ts';
import type { MessageContext } from '../codec/message.ts';
import { executeBlock } from '../execution/execute-block.ts';
import { minimumGasLimit, nextBaseFee } from '../execution/fees.ts';
import { buildGenesis, genesisConsensus, type Genesis, type GenesisSpec } from '../execution/genesis.ts';
import type { ExecutionEnv } from '../execution/rules.ts';
import { stakingContracts } from '../execution/staking/contract.ts';
import type { MempoolLimits } from '../mempool/limits.ts';
import { Mempool } from '../mempool/mempool.ts';
import type { Clock, Timers } from '../ports/clock.ts';
import type { KeyValueStore } from '../ports/kv.ts';
import type { Network } from '../ports/network.ts';
import type { GuardedSigner } from '../ports/signer.ts';
import type { GuardStore } from '../ports/stores.ts';
import type { WorkSearch } from '../ports/work.ts';
import { EMPTY_STATE_STORE } from '../state/empty-store.ts';
import { StateLayer } from '../state/layer.ts';
import { EMPTY_ACCOUNT, EMPTY_ROOT } from '../types/account.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { KeyedLock } from '../util/keyed-lock.ts';
import type { Log } from '../util/log.ts';
import type { Metrics } from '../util/metrics.ts';
import { LocalSigner, type GuardStrategy } from '../wallet/local-signer.ts';
import { engineCrypto, engineRules, stakingRules } from './engine-rules.ts';
import { Machine } from './machine.ts';
import { MessageVerifier } from './message-verifier.ts';

export type CoreSettings = {
  readonly factory: EngineFactory;
  /** As `factory.parseParams` returned them. */
  readonly params: unknown;
  readonly genesis: GenesisSpec;
  /** null: follow only. */
  readonly validatorKey: Bytes | null;
  /** Default: minimal. */
  readonly slashingProtection?: GuardStrategy;
  readonly mempool: Partial<MempoolLimits>;
  readonly journalSync: boolean;
};

export type CoreModules = {
  readonly kv: KeyValueStore;
  /** null takes the guard out; only simulated adversaries do that. */
  readonly guard: GuardStore | null;
  /** Where the engine uses work and this node is to do some. */
  readonly work: WorkSearch | null;
  /** Made when the genesis hash, the network's name, is known. */
  readonly network: (genesisHash: Hash) => Network;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly log: Log;
  readonly metrics: Metrics;
  /** A turn of the event loop: lets other work run while bytecode runs for long, and submissions of one turn share a write. */
  readonly pause?: () => Promise<void>;
};

/** The parts of an opened node that do not move by themselves. */
export type Ledger = {
  readonly settings: CoreSettings;
  readonly context: MessageContext;
  readonly chain: Chain;
  readonly pool: Mempool;
  readonly transactions: TransactionCache;
  readonly verifier: MessageVerifier;
  readonly votes: KeyValueVoteStore;
  readonly signer: GuardedSigner | null;
  readonly engine: Engine;
};

const LOCK_TIMEOUT_MS = 10_000;

/**
 * Opens a node over its ports: database, chain, pool, signer, engine. Nothing moves until `Machine.start`. Throws DATA_DIR_OTHER_GENESIS,
 * DATA_DIR_NEWER or DATA_DIR_DAMAGED, and leaves the data as they were.
 */
export async function openCore(settings: CoreSettings, modules: CoreModules): Promise<Machine> {
  const { kv, clock, timers, log, metrics } = modules;
  const { factory, params, genesis } = settings;
  await migrate(kv);
  const { chainId, shard } = genesis;
  const genesisHash = makeGenesis(settings, StateLayer.base(EMPTY_STATE_STORE, EMPTY_ROOT)).hash;
  const context: MessageContext = { chainId, shard, engineId: factory.id, genesisHash };
  const transactions = new TransactionCache();
  const rules = engineRules(factory, params, context);
  const env: Omit<ExecutionEnv, 'blockHash'> = {
    config: {
      chainId,
      shard,
      blockGasLimit: genesis.gasLimit,
      baseFeeInitial: genesis.baseFee,
    },
    rules,
    systemContracts: stakingContracts(genesis, rules),
    ...(modules.pause === undefined ? {} : { pause: modules.pause }),
  };
  const verifier = new MessageVerifier(context);
  const chain = await openChain(settings, { env, kv, transactions, verifier, log, metrics });
  const signer = openSigner(settings, genesisHash, modules.guard);
  const votes = new KeyValueVoteStore(kv);
  const engine = factory.create(
    params,
    {
      chainId,
      shard,
      self: signer?.address ?? null,
      tree: chain.tree,
      crypto: engineCrypto(context),
      secret: signer === null ? null : (label) => signer.secret(label),
      random: modules.random,
      trace: (name, fields) => log.debug(name, fields),
    },
    await votes.load(),
  );
  chain.setJudge(engine);
  const poolLock = new KeyedLock(
    { name: 'mempool', timeoutMs: LOCK_TIMEOUT_MS, waitersPerKeyMax: 10_000, waitersMax: 50_000 },
    { clock, timers, metrics },
  );
  const pool = openPool(settings, { chain, kv, transactions, poolLock, clock, log, metrics, pause: modules.pause });
  const ledger: Ledger = { settings, context, chain, pool, transactions, verifier, votes, signer, engine };
  return new Machine(ledger, { ...modules, network: modules.network(genesisHash) });
}

type ChainModules = {
  readonly env: Omit<ExecutionEnv, 'blockHash'>;
  readonly kv: KeyValueStore;
  readonly transactions: TransactionCache;
  readonly verifier: MessageVerifier;
  readonly log: Log;
  readonly metrics: Metrics;
};

function makeGenesis({ factory, params, genesis }: CoreSettings, empty: StateLayer): Genesis {
  const staking = stakingRules(factory, params);
  return buildGenesis(genesis, empty, factory.genesis(params, genesisConsensus(genesis, staking)), staking);
}

function openChain(settings: CoreSettings, modules: ChainModules): Promise<Chain> {
  const { kv, env, transactions, verifier, log, metrics } = modules;
  return Chain.open(
    { env, genesis: (empty) => makeGenesis(settings, empty), fingerprint: `consensus ${settings.factory.id}` },
    {
      blocks: new KeyValueBlockStore(kv),
      state: new LevelStateStore(kv),
      transactions,
      execute: executeBlock,
      verifyMessage: (message) => verifier.verify(message),
      log: log.child('chain'),
      metrics,
    },
  );
}

function openSigner(settings: CoreSettings, genesisHash: Hash, guard: GuardStore | null): GuardedSigner | null {
  const { validatorKey, slashingProtection: strategy = 'minimal' } = settings;
  if (validatorKey === null) return null;
  return new LocalSigner({ privateKey: validatorKey, genesisHash, strategy }, { store: guard });
}

type PoolModules = {
  readonly chain: Chain;
  readonly kv: KeyValueStore;
  readonly transactions: TransactionCache;
  readonly poolLock: KeyedLock;
  readonly pause: (() => Promise<void>) | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
};

function openPool(settings: CoreSettings, modules: PoolModules): Mempool {
  const { chain, kv, transactions, poolLock, pause, clock, log, metrics } = modules;
  const { chainId, gasLimit } = settings.genesis;
  return new Mempool(
    { ...settings.mempool, chainId, blockGasLimit: gasLimit },
    {
      state: {
        account: (address) => chain.head.executed.state.account(address) ?? EMPTY_ACCOUNT,
        nextBaseFee: () => nextBaseFee(chain.head.header),
        headNumber: () => chain.head.number,
      },
      journal: new KeyValueJournalStore(kv, {
        sync: settings.journalSync,
        ...(pause === undefined ? {} : { gather: pause }),
      }),
      lock: poolLock,
      clock,
      log: log.child('mempool'),
      metrics,
      intrinsicGas: minimumGasLimit,
      resolve: (raw) => transactions.resolve(raw),
    },
  );
}
