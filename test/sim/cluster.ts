import { MemoryHub, type HubOptions } from '../../p2p/memory-hub.ts';
import { keccak256Bytes } from '../../src/crypto/keccak.ts';
import { addressOf } from '../../src/crypto/secp256k1.ts';
import type { GenesisSpec } from '../../src/execution/genesis.ts';
import type { CoreSettings } from '../../src/node/core.ts';
import { engineRules } from '../../src/node/engine-rules.ts';
import type { Address, Bytes, JsonObject, Millis, PeerId } from '../../src/types/primitives.ts';
import { errorText } from '../../src/util/errors.ts';
import { Rng } from '../../src/util/rng.ts';
import { buildGenesis, genesisConsensus } from '../../src/execution/genesis.ts';
import { EMPTY_ROOT } from '../../src/types/account.ts';
import { EMPTY_STATE_STORE } from '../../src/state/empty-store.ts';
import { StateLayer } from '../../src/state/layer.ts';
import { candidateRole, rolesOf, type Adversary, type Role } from './adversaries.ts';
import { Checkers } from './checkers.ts';
import { Client } from './clients.ts';
import { EPOCH_MS, SimClock } from './clock.ts';
import { drawEngine, type SimEngine } from './engines.ts';
import { contextText } from './log.ts';
import { SimNode, WHOLE, type Ablation, type NodeWitness } from './node.ts';
import type { Fault } from './plan.ts';
import { Statements } from './statements.ts';
import { Supply } from './supply.ts';
import { Trace } from './trace.ts';

export type ClusterOptions = {
  readonly seed: number;
  readonly engine: string;
  /** Parameters of the engine that are not drawn from the seed. */
  readonly params?: JsonObject;
  readonly validators: number;
  readonly adversaries: readonly Adversary[];
  /** One more honest node, which may be voted in. */
  readonly candidate: boolean;
  readonly clients: number;
  /** Time between two things a client does. */
  readonly clientPauseMs: readonly [low: Millis, high: Millis];
  readonly hub: Partial<HubOptions>;
  readonly journalSync: boolean;
  /** Of honest validators. */
  readonly ablation: Ablation;
  /** Receives the timeline. */
  readonly tell: ((line: string) => void) | null;
};

const CHAIN_ID = 31_337;
const ETHER = 10n ** 18n;
const GWEI = 10n ** 9n;
const PERFECT_LINK = { loss: 0, duplicate: 0, delayMs: [2, 12] as const };

/** Nodes, clients, their network, and the checkers that watch them. */
export class Cluster {
  readonly clock = new SimClock();
  readonly trace: Trace;
  readonly hub: MemoryHub;
  readonly roles: readonly Role[];
  readonly nodes: readonly SimNode[];
  readonly clients: readonly Client[];
  readonly checkers: Checkers;
  readonly statements: Statements;
  readonly engine: SimEngine;
  readonly #downMs = new Map<PeerId, Millis>();
  readonly #images = new Map<PeerId, SimNode['contents']>();
  #mayRestart = true;

  private constructor(options: ClusterOptions, engine: SimEngine) {
    const rng = new Rng(options.seed);
    this.engine = engine;
    this.trace = new Trace(this.clock, options.tell);
    this.hub = new MemoryHub(options.hub, { rng: rng.fork(), clock: this.clock, timers: this.clock });
    const { validators } = options;
    this.roles = [
      ...rolesOf(validators, options.adversaries),
      ...(options.candidate ? [candidateRole(validators)] : []),
    ];
    const keys = [...Array(validators + 1).keys()].map((i) => keyOf(options.seed, `validator ${i}`));
    const wallets = [...Array(options.clients).keys()].map((i) => keyOf(options.seed, `client ${i}`));
    const genesis = genesisOf(engine, keys.slice(0, validators), wallets);
    const honest = new Set(this.roles.filter(isHonestRole).map(({ validator }) => addressOf(keys[validator] as Bytes)));
    const parts = checkersOf({
      engine,
      genesis,
      honest,
      trace: this.trace,
      keys,
      isHonest: (name) => this.#isHonest(name),
    });
    this.statements = parts.statements;
    this.checkers = parts.checkers;
    const witness = this.#witness();
    this.nodes = this.roles.map(({ name, validator, kind }) => {
      const key = keys[validator] as Bytes;
      const isHonest = isHonestRole({ kind });
      const settings: CoreSettings = {
        factory: engine.factory,
        params: engine.factory.parseParams(engine.params),
        genesis,
        validatorKey: key,
        mempool: {},
        journalSync: options.journalSync,
      };
      const ablation = isHonest ? options.ablation : { ...WHOLE, guard: false };
      const modules = { clock: this.clock, hub: this.hub, rng: rng.fork(), witness };
      return new SimNode({ name, address: addressOf(key), isHonest, ablation, settings }, modules);
    });
    const recipients = wallets.map(addressOf);
    this.clients = wallets.map((privateKey, i) => {
      const about = { name: `c${i}`, privateKey, chainId: CHAIN_ID, recipients, pauseMs: options.clientPauseMs };
      return new Client(about, { clock: this.clock, rng: rng.fork(), trace: this.trace, nodes: () => this.#servers() });
    });
  }

  static async create(options: ClusterOptions): Promise<Cluster> {
    // The parameters have a generator of their own, so that a change there does not change everything else.
    return new Cluster(options, await drawEngine(options.engine, new Rng(options.seed ^ 0x5bd1e995), options.params));
  }

  get honest(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isHonest);
  }

  /** Throws for an unknown name. */
  node(name: PeerId): SimNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  start(): void {
    for (const node of this.nodes) node.start();
  }

  apply(fault: Fault): void {
    this.trace.tell('--', describe(fault));
    switch (fault.kind) {
      case 'links':
        return this.#setLinks(fault);
      case 'partition':
        return this.hub.partition(fault.groups);
      case 'cut':
        return this.hub.cut(fault.from, fault.to);
      case 'mend':
        return this.hub.heal();
      case 'crash': {
        this.#downMs.set(fault.node, fault.downMs);
        const { moment, count, disk } = fault;
        if (moment === 'now') return this.node(fault.node).crash(disk);
        return this.node(fault.node).planCrash({ moment, count, kind: disk });
      }
      case 'stop': {
        this.#downMs.set(fault.node, fault.downMs);
        const node = this.node(fault.node);
        node.stop().catch((error: unknown) => this.trace.violated('STOP_FAILED', `${node.name}: ${errorText(error)}`));
        return undefined;
      }
      case 'pause': {
        const node = this.node(fault.node);
        node.pause();
        this.clock.after(fault.forMs, () => node.resume());
        return undefined;
      }
      case 'skew':
        return this.node(fault.node).setSkew(fault.skewMs);
      case 'propose':
        return this.#propose(fault.authorize);
      case 'rollback':
        return this.#rollBack(this.node(fault.node), fault.downMs);
    }
  }

  /** Everybody is up and sane, the network whole and quick. Nodes that die from now on stay dead. */
  heal(skewMs: (node: SimNode) => Millis): void {
    this.trace.tell('--', 'heal');
    this.#mayRestart = false;
    this.hub.heal();
    this.#setLinks(PERFECT_LINK);
    for (const node of this.nodes) {
      node.setSkew(skewMs(node));
      node.cancelCrash();
      node.resume();
      node.start();
    }
  }

  #isHonest(name: PeerId): boolean {
    return this.roles.some((role) => role.name === name && isHonestRole(role));
  }

  #servers(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isHonest && node.machine !== null && !node.isPaused);
  }

  #propose(authorize: boolean): void {
    const candidate = this.nodes.find((_, i) => this.roles[i]?.kind === 'candidate');
    if (candidate === undefined || !this.engine.takesProposals) return;
    const subject = candidate.options.address;
    for (const node of this.honest) {
      if (node.isPaused) continue;
      node.machine?.driver.post({ type: 'propose', subject, authorize });
    }
  }

  #setLinks(link: Parameters<MemoryHub['setLink']>[2]): void {
    for (const from of this.nodes) {
      for (const to of this.nodes) if (from !== to) this.hub.setLink(from.name, to.name, link);
    }
  }

  #rollBack(node: SimNode, downMs: Millis): void {
    this.#downMs.set(node.name, downMs);
    node.crash('kill', 'goes back in time');
    const image = this.#images.get(node.name) ?? { chain: new Map(), guard: new Map() };
    this.#images.set(node.name, node.contents);
    node.restore(image);
  }

  #died(node: SimNode, why: string): void {
    this.trace.tell(node.name, `dies (${why})`);
    const downMs = this.#downMs.get(node.name);
    if (!this.#mayRestart || downMs === undefined) return;
    this.clock.after(downMs, () => {
      if (!node.isUp) node.start();
    });
  }

  #witness(): NodeWitness {
    const { trace, checkers } = this;
    return {
      opened: (node, machine) => checkers.opened(node, machine),
      started: (node) => trace.tell(node.name, 'is up'),
      failed: (node, error) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        trace.violated('START_FAILED', `${node.name}: ${text}`);
      },
      faulted: (node, reason) => trace.violated('ENGINE_FAULT', `${node.name}: ${reason}`),
      died: (node, why) => this.#died(node, why),
      published: (node, topic, data) => {
        trace.note(node.name, topic, data);
        checkers.published(topic, data);
      },
      heard: (node, topic, data, from, verdict) => {
        trace.note(node.name, topic, from, verdict, data);
        checkers.heard(node, topic, from, verdict);
      },
      blamed: (node, peer, code) => {
        trace.tell(node.name, `blames ${peer}: ${code}`);
        checkers.blamed(node, peer, code);
      },
      wrote: (node, ops, moment) => {
        trace.note(node.name, moment, ops.length);
        if (moment !== 'issued') return;
        for (const { key, value } of ops) trace.note(key, value ?? 'deleted');
        checkers.wrote(ops);
      },
      logged: (node, level, component, message, context) => {
        if (level === 'error')
          trace.violated('ERROR_LOGGED', `${node.name} ${component}: ${message} ${contextText(context)}`);
        else if (level === 'warn') trace.remark(node.name, `warns: ${component}: ${message} ${contextText(context)}`);
      },
    };
  }
}

function isHonestRole({ kind }: Pick<Role, 'kind'>): boolean {
  return kind === 'honest' || kind === 'candidate';
}

function describe({ kind, ...details }: Fault): string {
  return `${kind} ${JSON.stringify(details)}`;
}

function keyOf(seed: number, what: string): Bytes {
  return keccak256Bytes(Buffer.from(`simulated ${what} of seed ${seed}`));
}

function genesisOf(engine: SimEngine, keys: readonly Bytes[], wallets: readonly Bytes[]): GenesisSpec {
  return {
    chainId: CHAIN_ID,
    shard: 0,
    timeMs: EPOCH_MS,
    gasLimit: 30_000_000,
    baseFee: GWEI,
    alloc: new Map(wallets.map((key) => [addressOf(key), { balance: 1_000n * ETHER }])),
    validators: keys.map((key) => ({ address: addressOf(key), power: 1n, jailed: false })),
    engine: { id: engine.factory.id, params: engine.params },
  };
}

type CheckersInput = {
  readonly engine: SimEngine;
  readonly genesis: GenesisSpec;
  readonly honest: ReadonlySet<Address>;
  readonly trace: Trace;
  readonly keys: readonly Bytes[];
  readonly isHonest: (name: PeerId) => boolean;
};

function checkersOf(input: CheckersInput): { readonly checkers: Checkers; readonly statements: Statements } {
  const { engine, genesis, honest, trace, keys, isHonest } = input;
  const { factory } = engine;
  const params = factory.parseParams(engine.params);
  const { hash } = buildGenesis(
    genesis,
    StateLayer.base(EMPTY_STATE_STORE, EMPTY_ROOT),
    factory.genesis(params, genesisConsensus(genesis)),
  );
  const { chainId, shard } = genesis;
  const rules = engineRules(factory, params, { chainId, shard, engineId: factory.id, genesisHash: hash });
  const violated = trace.violated.bind(trace);
  const addresses = keys.map(addressOf);
  const candidate = addresses[genesis.validators.length] as Address;
  const statements = new Statements({ engine, judge: rules.judge, honest, violated });
  const supply = new Supply({ genesis, genesisHash: hash, accounts: addresses }, { rules, violated });
  const nameOf = (author: Address): string => {
    const index = addresses.indexOf(author);
    return index === genesis.validators.length ? 'x' : `n${index}`;
  };
  return { statements, checkers: new Checkers({ trace, statements, supply, honest, candidate, isHonest, nameOf }) };
}
