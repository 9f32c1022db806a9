import { createAccessList, estimateGas, simulate, type CallState } from '../execution/call.ts';
import { overridden } from '../execution/overrides.ts';
import type { ExecutionEnv } from '../execution/rules.ts';
import { simulateBlocks } from '../execution/simulation/simulate-blocks.ts';
import type { Faulty } from '../ports/network.ts';
import { KeyedLock } from '../util/keyed-lock.ts';
import { noMetrics } from '../util/metrics.ts';
import { errorText } from '../util/errors.ts';
import type { Log } from '../util/log.ts';
import { VERSION } from '../version.ts';
import { NodeAccounts } from './accounts.ts';
import type { BlockView, Health, NetworkApi, NodeApi, Overrides } from './api.ts';
import { LedgerChainApi } from './chain-api.ts';
import { chainRules } from './chain-rules.ts';
import { EngineConsensusApi } from './consensus-api.ts';
import { deadline } from './deadline.ts';
import { NodeEventHub } from './events.ts';
import { fillTransaction } from './fill-transaction.ts';
import type { Machine } from './machine.ts';
import { NodeWallet } from './node-wallet.ts';
import { LedgerPoolApi } from './pool-api.ts';
import type { NodeSettings } from './settings.ts';
import { systemClock, systemTimers } from './system-clock.ts';
import { LedgerTraceApi } from './trace-api.ts';

const ACCOUNT_LOCK = { name: 'accounts', timeoutMs: 30_000, waitersPerKeyMax: 10_000, waitersMax: 20_000 } as const;
/** As geth's: what a call may cost everybody else. */
const CALL_TIMEOUT_MS = 5_000;
/** A head older than this many block times, and at least HEAD_AGE_MS_MIN, means that something is wrong. */
const HEAD_AGE_BLOCKS_MAX = 10;
const HEAD_AGE_MS_MIN = 10_000;

/** What the RPC may ask, over a running machine. */
export function createNodeApi(
  machine: Machine,
  settings: Pick<NodeSettings, 'config' | 'devAccounts' | 'wallet'>,
  modules: { readonly log: Log; readonly hashRate: () => number; readonly faults: Faulty | null },
): NodeApi {
  const { ledger } = machine;
  const { chain, pool, transactions } = ledger;
  const { env } = chain;
  const chainApi = new LedgerChainApi({ chain, transactions, sync: machine.sync });
  const poolApi = new LedgerPoolApi({ pool, transactions, chain });
  const events = new NodeEventHub((error) =>
    modules.log.child('node').error('a listener failed', { reason: errorText(error) }),
  );
  chain.onHead(({ added, removed }) => {
    const views = (nodes: typeof added) => nodes.map((node) => chainApi.view(node.hash, node.block));
    events.emit('head', { added: views(added), removed: views(removed) });
  });
  chain.onFinalized(() => events.emit('finalized', { hash: chain.finalized.hash, number: chain.finalized.number }));
  pool.onPending((transaction) => events.emit('pendingTransaction', transaction));
  machine.onFault((reason) => events.emit('fault', { reason }));
  const callState = (at: BlockView, overrides: Overrides = {}): CallState =>
    overridden({ header: at.block.header, hash: at.hash, state: chain.stateAt(at.hash) }, overrides);
  const chainId = ledger.context.chainId;
  const { factory, params } = ledger.settings;
  const idles = factory.idles(params);
  const bounded = (): ExecutionEnv => ({ ...env, pause: deadline(CALL_TIMEOUT_MS) });
  const estimate: NodeApi['estimateGas'] = (call, at, overrides) =>
    estimateGas(bounded(), callState(at, overrides), call);
  const filling = { chainId, chain: chainApi, pool: poolApi, estimateGas: estimate };
  const wallet =
    settings.wallet === null
      ? null
      : new NodeWallet(settings.wallet, { clock: systemClock, timers: systemTimers, log: modules.log });
  const accounts =
    settings.devAccounts === null && wallet === null
      ? null
      : new NodeAccounts(
          { dev: settings.devAccounts ?? [], wallet },
          {
            node: filling,
            lock: new KeyedLock(ACCOUNT_LOCK, { clock: systemClock, timers: systemTimers, metrics: noMetrics }),
          },
        );
  return {
    chainId,
    clientVersion: `Parley/v${VERSION}/${process.platform}-${process.arch}/node${process.version}`,
    accounts,
    wallet,
    chain: chainApi,
    pool: poolApi,
    network: networkApi(machine),
    consensus: new EngineConsensusApi(machine, modules.hashRate),
    events,
    execute: (call, at, overrides) => simulate(bounded(), callState(at, overrides), call),
    createAccessList: (call, at, overrides) => createAccessList(bounded(), callState(at, overrides), call),
    estimateGas: estimate,
    simulateBlocks: (request, at) =>
      simulateBlocks(bounded(), { header: at.block.header, hash: at.hash, state: chain.layerAt(at.hash) }, request),
    faults: modules.faults,
    trace: new LedgerTraceApi({ chain, engine: ledger.engine, callState }),
    fillTransaction: (request) => fillTransaction(filling, request),
    rules: chainRules(chain.genesis.hash, env.systemContracts),
    badBlocks: () => machine.badBlocks.list(),
    health: () => health(machine, idles ? 0 : settings.config['block-time']),
  };
}

function networkApi(machine: Machine): NetworkApi {
  const { network, sync } = machine;
  return {
    peerId: network.self,
    addresses: () => network.addresses(),
    peers: () =>
      network.peers().map(({ id, addresses, direction, score }) => {
        const status = sync.peerStatus(id);
        return { id, addresses, direction, score, head: status?.head ?? null, finalized: status?.finalized ?? null };
      }),
    connect: (address) => network.dial(address),
  };
}

function health(machine: Machine, blockTimeMs: number): Health {
  const { head } = machine.ledger.chain;
  const headAgeMs = Math.max(0, systemClock.now() - head.header.timeMs);
  const reasons: string[] = [];
  if (machine.driver.fault !== null) reasons.push(`the engine stopped: ${machine.driver.fault}`);
  const syncing = machine.sync.progress();
  if (syncing !== null) reasons.push(`catching up: ${syncing.currentBlock} of ${syncing.highestBlock}`);
  const apart = machine.sync.peersApart().length;
  if (apart > 0) {
    const { number } = machine.ledger.chain.finalized;
    reasons.push(`${apart} of our peers follow a chain that left ours at or below finalized block ${number}`);
  }
  if (blockTimeMs > 0 && headAgeMs > Math.max(HEAD_AGE_MS_MIN, blockTimeMs * HEAD_AGE_BLOCKS_MAX)) {
    reasons.push(`no block for ${Math.round(headAgeMs / 1000)} s`);
  }
  return {
    status: machine.driver.fault !== null ? 'faulted' : reasons.length > 0 ? 'degraded' : 'ok',
    head: { hash: head.hash, number: head.number },
    headAgeMs,
    peers: machine.network.peers().length,
    reasons,
  };
}
