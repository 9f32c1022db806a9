import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { EngineFactory } from '../../consensus/api/engine.ts';
import { Libp2pNetwork } from '../../p2p/network.ts';
import { loadPeerKey } from '../../p2p/peer-key.ts';
import type { Faulty } from '../ports/network.ts';
import { methodWeights } from '../../rpc/limiting/method-weights.ts';
import { RpcServer, type RpcServerModules } from '../../rpc/server.ts';
import { KeyValueGuardStore } from '../../storage/guard-store.ts';
import { LevelStore } from '../../storage/level.ts';
import { backendName } from '../crypto/secp256k1.ts';
import type { GenesisSpec } from '../execution/genesis.ts';
import type { Address, Hash, JsonValue } from '../types/primitives.ts';
import type { Log } from '../util/log.ts';
import type { NodeApi } from './api.ts';
import { engineOf } from './engine-loader.ts';
import { parseEngineParams } from './engine-params.ts';
import { openCore } from './core.ts';
import type { Machine } from './machine.ts';
import { Miner } from './miner.ts';
import { createNodeApi } from './node-api.ts';
import { PrometheusMetrics } from './prometheus.ts';
import { openNamespaces, rpcLimits } from './rpc-access.ts';
import { rateLimiter } from './rate-limit.ts';
import { validatorAddress, type NodeSettings } from './settings.ts';
import { systemClock, systemTimers } from './system-clock.ts';

export type Endpoints = {
  readonly rpc: string;
  readonly ws: string;
  readonly p2p: string;
  readonly validator: Address | null;
  readonly dataDir: string;
};

/** A real node: LevelDB, libp2p, the machine's clock, and the RPC. */
export class Node {
  readonly api: NodeApi;
  readonly #settings: NodeSettings;
  readonly #machine: Machine;
  readonly #rpc: RpcServer;
  readonly #guard: LevelStore;

  private constructor(
    settings: NodeSettings,
    parts: { machine: Machine; rpc: RpcServer; guard: LevelStore; api: NodeApi },
  ) {
    this.#settings = settings;
    this.#machine = parts.machine;
    this.#rpc = parts.rpc;
    this.#guard = parts.guard;
    this.api = parts.api;
  }

  /** Opens the data directory, starts the engine and the network, and listens. What was opened is closed again when it fails. */
  static async start(settings: NodeSettings, modules: { readonly log: Log }): Promise<Node> {
    const { config, dataDir } = settings;
    const { log } = modules;
    const metrics = new PrometheusMetrics();
    const opened: { close(): Promise<void> }[] = [];
    try {
      mkdirSync(dataDir, { recursive: true });
      const kv = await LevelStore.open(join(dataDir, 'chain'));
      opened.push(kv);
      const guard = await LevelStore.open(join(dataDir, 'guard'));
      opened.push(guard);
      const factory = await engineOf(config.consensus);
      const params = parseEngineParams(factory, config);
      const miner = factory.traits.usesWork && settings.validatorKey !== null ? createMiner({ log, metrics }) : null;
      const faulty: Faulty[] = [];
      const machine = await openCore(
        {
          factory,
          params,
          genesis: genesisSpec(settings, factory, params),
          validatorKey: settings.validatorKey,
          slashingProtection: config.node['slashing-protection'],
          mempool: {
            totalMax: config.mempool['transactions-max'],
            senderSlotsMax: config.mempool['sender-max'],
            senderSlotsLocalMax: config.mempool['sender-max'],
          },
          journalSync: config.mempool['journal-sync'],
        },
        {
          kv,
          guard: new KeyValueGuardStore(guard),
          work: miner,
          network: (genesisHash) => {
            const network = createNetwork(settings, genesisHash, { log, metrics });
            if (config.devnet) faulty.push(network);
            return network;
          },
          clock: systemClock,
          timers: systemTimers,
          random: Math.random,
          log,
          metrics,
          pause: () => new Promise((resolve) => setImmediate(resolve)),
        },
      );
      opened[0] = { close: () => machine.stop() };
      const api = createNodeApi(machine, settings, {
        log,
        hashRate: () => miner?.hashRate ?? 0,
        faults: faulty[0] ?? null,
      });
      const limits = await rateLimits(machine, settings, { log, metrics });
      const rpc = createRpc(settings, api, limits, { log, metrics });
      opened.push({ close: () => rpc.stop() });
      await machine.open();
      // Questions can be answered while the network library loads.
      await rpc.start();
      await machine.join();
      log
        .child('node')
        .info('listening', { rpc: rpc.url, p2p: machine.network.addresses()[0] ?? null, crypto: backendName() });
      return new Node(settings, { machine, rpc, guard, api });
    } catch (error) {
      for (const part of opened.toReversed()) await part.close().catch(() => {});
      throw error;
    }
  }

  endpoints(): Endpoints {
    const { url } = this.#rpc;
    return {
      rpc: url,
      ws: url.replace(/^http/, 'ws'),
      p2p: this.#machine.network.addresses()[0] ?? '',
      validator: validatorAddress(this.#settings),
      dataDir: this.#settings.dataDir,
    };
  }

  async stop(): Promise<void> {
    await this.#rpc.stop();
    this.api.wallet?.lockAll();
    await this.#machine.stop();
    await this.#guard.close();
  }
}

function genesisSpec(settings: NodeSettings, factory: EngineFactory, params: JsonValue): GenesisSpec {
  const { config } = settings;
  const validators = factory.traits.usesWork ? [] : settings.validators;
  // One vote each; where coins vote, the stake that a newcomer would need.
  const power = factory.staking?.rules(params).stakeMinWei ?? 1n;
  return {
    chainId: config['chain-id'],
    shard: 0,
    timeMs: settings.genesisTimeMs,
    gasLimit: config['gas-limit'],
    baseFee: BigInt(config['base-fee']),
    alloc: new Map([...settings.alloc].map(([address, balance]) => [address, { balance }])),
    validators: validators.map((address) => ({ address, power, jailed: false })),
    engine: { id: factory.id, params },
  };
}

type Watched = { readonly log: Log; readonly metrics: PrometheusMetrics };

function createMiner({ log, metrics }: Watched): Miner {
  return new Miner({ timers: systemTimers, random: Math.random, log: log.child('miner'), metrics });
}

function createNetwork(settings: NodeSettings, genesisHash: Hash, { log, metrics }: Watched): Libp2pNetwork {
  const { config, dataDir, p2pPort, bootstrap } = settings;
  return new Libp2pNetwork(
    {
      listen: [`/ip4/${config.p2p.host}/tcp/${p2pPort}`],
      privateKey: loadPeerKey(join(dataDir, 'peer.key')),
      bootstrap,
      networkName: genesisHash.slice(2, 10),
      peersMax: config.p2p['peers-max'],
      optionalTopics: config.rpc['rate-limit'].scope === 'gossip' ? ['limits'] : [],
    },
    { log, metrics, timers: systemTimers, random: Math.random },
  );
}

/** Counted by client and by what their calls weigh. */
type RateLimits = Pick<RpcServerModules, 'limiter' | 'weightOf'>;

async function rateLimits(machine: Machine, settings: NodeSettings, { log, metrics }: Watched): Promise<RateLimits> {
  const { config } = settings;
  const { ledger, network, rateExchange: exchange } = machine;
  const place = { genesisHash: ledger.chain.genesis.hash, self: network.self };
  return {
    limiter: await rateLimiter(settings, place, { exchange, log: log.child('limits'), metrics }),
    weightOf: methodWeights(config.rpc['rate-limit'].weights),
  };
}

function createRpc(settings: NodeSettings, api: NodeApi, limits: RateLimits, { log, metrics }: Watched): RpcServer {
  const { config, rpcPort, rpcAccess } = settings;
  return new RpcServer(
    {
      host: config.rpc.host,
      port: rpcPort,
      corsOrigins: config.rpc['cors-origins'],
      hostAllow: ['localhost', '127.0.0.1', '::1', ...config.rpc.hosts],
      namespaces: openNamespaces(config),
      apiKeys: rpcAccess.apiKeys,
      jwt: rpcAccess.jwt,
      requireKey: config.rpc['require-key'],
      trustedProxies: config.rpc['trusted-proxies'],
      limits: rpcLimits(config.rpc),
      extraRoutes: {
        '/metrics': async () => ({ status: 200, ...(await metrics.text()) }),
        '/health': async () => {
          const health = api.health();
          return {
            status: health.status === 'faulted' ? 503 : 200,
            contentType: 'application/json',
            body: JSON.stringify(health),
          };
        },
      },
    },
    { node: api, log: log.child('rpc'), metrics, ...limits },
  );
}
