import { MemoryHub, type HubOptions } from '../../p2p/memory-hub.ts';
import { addressOf } from '../../src/crypto/secp256k1.ts';
import type { GenesisSpec } from '../../src/execution/genesis.ts';
import type { CoreSettings } from '../../src/node/core.ts';
import type { Bytes, Millis, PeerId } from '../../src/types/primitives.ts';
import { errorText } from '../../src/util/errors.ts';
import { Rng } from '../../src/util/rng.ts';
import { candidateRole, isHonestRole, rolesOf, type Adversary, type Role } from './adversaries.ts';
import type { Checkers } from './checkers.ts';
import { Client } from './clients.ts';
import { SimClock } from './clock.ts';
import type { SimEngine } from './engines.ts';
import type { LogContext } from '../../src/util/log.ts';
import { contextText } from './log.ts';
import { SimNode, WHOLE, type Ablation, type NodeWitness } from './node.ts';
import type { Fault } from './plan.ts';
import { CHAIN_ID, checkersOf, genesisOf, hashesPerSecondOf, keyOf, voiceOf } from './setup.ts';
import type { Statements } from './statements.ts';
import { Trace } from './trace.ts';

export type ClusterOptions = {
  readonly seed: number;
  readonly engine: SimEngine;
  /** Validators, or miners where work counts. */
  readonly validators: number;
  readonly adversaries: readonly Adversary[];
  /** One more honest node: it may be voted in where the engine knows that, and follows otherwise. */
  readonly candidate: boolean;
  readonly clients: number;
  /** Time between two things a client does. */
  readonly clientPauseMs: readonly [low: Millis, high: Millis];
  readonly hub: Partial<HubOptions>;
  readonly journalSync: boolean;
  /** Of honest validators. */
  readonly ablation: Ablation;
  /** Writes take no time, so that time is the network's alone. */
  readonly isDiskInstant?: boolean;
  /** Longest time that a withholding adversary keeps a thing to itself. */
  readonly holdMsMax?: Millis;
  /** Told what the checkers are told, for measurements. */
  readonly observer?: Partial<Pick<NodeWitness, 'published' | 'heard' | 'opened'>>;
  /** Receives the timeline. */
  readonly tell: ((line: string) => void) | null;
};

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

  constructor(options: ClusterOptions) {
    const { seed, engine, validators } = options;
    const rng = new Rng(seed);
    // For what is not in every cluster, so that its draws do not shift the others'.
    const spareRng = new Rng(seed ^ 0x27d4eb2f);
    this.engine = engine;
    this.trace = new Trace(this.clock, options.tell);
    this.hub = new MemoryHub(options.hub, { rng: rng.fork(), clock: this.clock, timers: this.clock });
    this.roles = [
      ...rolesOf(validators, options.adversaries),
      ...(options.candidate ? [candidateRole(validators)] : []),
    ];
    const keys = [...Array(validators + 1).keys()].map((i) => keyOf(seed, `validator ${i}`));
    const wallets = [...Array(options.clients).keys()].map((i) => keyOf(seed, `client ${i}`));
    const genesis = genesisOf(engine, keys.slice(0, validators), wallets);
    const honest = new Set(this.roles.filter(isHonestRole).map(({ validator }) => addressOf(keys[validator] as Bytes)));
    const isHonest = (name: PeerId): boolean => this.#isHonest(name);
    const parts = checkersOf({ engine, genesis, honest, trace: this.trace, keys, isHonest });
    this.statements = parts.statements;
    this.checkers = parts.checkers;
    const witness = this.#witness(options.observer ?? {});
    const rngs = keys.map((_, i) => (i < validators ? rng.fork() : spareRng.fork()));
    const spareRngs = keys.map(() => [spareRng.fork(), spareRng.fork(), spareRng.fork()] as const);
    this.nodes = this.roles.map((role) => {
      const [first, second, third] = spareRngs[role.validator] as (typeof spareRngs)[number];
      const isSecond = role.kind === 'twin' && role.name.endsWith('b');
      return new SimNode(nodeOptions(role, { ...options, key: keys[role.validator] as Bytes, genesis }), {
        clock: this.clock,
        hub: this.hub,
        rng: isSecond ? first : (rngs[role.validator] as Rng),
        spareRng: isSecond ? second : third,
        witness,
      });
    });
    const recipients = wallets.map(addressOf);
    this.clients = wallets.map((privateKey, i) => {
      const about = { name: `c${i}`, privateKey, chainId: CHAIN_ID, recipients, pauseMs: options.clientPauseMs };
      return new Client(about, { clock: this.clock, rng: rng.fork(), trace: this.trace, nodes: () => this.#servers() });
    });
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

  /** A fault of a node that there is not, as in a scenario without its adversary, is none. */
  apply(fault: Fault): void {
    if ('node' in fault && !this.nodes.some(({ name }) => name === fault.node)) return;
    this.trace.tell('--', describe(fault));
    switch (fault.kind) {
      case 'links':
        return this.#setLinks(fault);
      case 'partition':
        this.#mendAfter(fault.forMs);
        return this.hub.partition(fault.groups);
      case 'cut':
        this.#mendAfter(fault.forMs);
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
      case 'slow': {
        const node = this.node(fault.node);
        node.setLate(fault.lateMs);
        this.clock.after(fault.forMs, () => node.setLate(0));
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
      node.setLate(0);
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
    if (candidate === undefined || !this.engine.factory.traits.takesProposals) return;
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

  #mendAfter(forMs: Millis | null): void {
    if (forMs === null) return;
    this.clock.after(forMs, () => {
      this.trace.tell('--', 'mends by itself');
      this.hub.heal();
    });
  }

  #rollBack(node: SimNode, downMs: Millis): void {
    if (node.isHonest) return;
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

  /** Whoever remembers what it said never asks for a signature that its guard must refuse. */
  #isUndue({ options }: SimNode, { guard }: LogContext): boolean {
    const domain = (guard as { readonly domain?: string } | undefined)?.domain ?? '';
    const isClock = this.engine.testing.clockDomains?.includes(domain) === true;
    return options.isHonest && !options.ablation.votesLost && !isClock;
  }

  #witness(observer: Exclude<ClusterOptions['observer'], undefined>): NodeWitness {
    const { trace, checkers } = this;
    return {
      opened: (node, machine) => {
        checkers.opened(node, machine);
        observer.opened?.(node, machine);
      },
      started: (node) => trace.tell(node.name, 'is up'),
      failed: (node, error) => {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        trace.violated('START_FAILED', `${node.name}: ${text}`);
      },
      faulted: (node, reason) => trace.violated('ENGINE_FAULT', `${node.name}: ${reason}`),
      died: (node, why) => {
        checkers.died(node);
        this.#died(node, why);
      },
      published: (node, topic, data) => {
        trace.note(node.name, topic, data);
        checkers.published(node, topic, data);
        observer.published?.(node, topic, data);
      },
      heard: (node, topic, data, from, verdict) => {
        trace.note(node.name, topic, from, verdict, data);
        checkers.heard(node, topic, from, verdict);
        observer.heard?.(node, topic, data, from, verdict);
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
        const { peer } = context;
        // Of an adversary a node may say what it likes, and an adversary of everybody: whoever keeps its blocks to itself ends on a chain of
        // its own.
        const isOfAdversary = typeof peer === 'string' && !(this.#isHonest(peer) && this.#isHonest(node.name));
        if (level === 'error' && !isOfAdversary)
          trace.violated('ERROR_LOGGED', `${node.name} ${component}: ${message} ${contextText(context)}`);
        else if (message === 'not signed' && this.#isUndue(node, context))
          trace.violated('GUARD_REFUSED', `${node.name}: ${contextText(context)}`);
        else if (level === 'warn') trace.remark(node.name, `warns: ${component}: ${message} ${contextText(context)}`);
      },
    };
  }
}

function describe({ kind, ...details }: Fault): string {
  return `${kind} ${JSON.stringify(details)}`;
}

type NodeParts = ClusterOptions & { readonly key: Bytes; readonly genesis: GenesisSpec };

function nodeOptions({ name, kind }: Role, parts: NodeParts): SimNode['options'] {
  const { engine, genesis, key, validators, journalSync, isDiskInstant, holdMsMax } = parts;
  const { factory, parsed } = engine;
  // Where nobody can be voted in, who is no validator only follows.
  const isFollower = kind === 'candidate' && !factory.traits.takesProposals;
  const settings: CoreSettings = {
    factory,
    params: parsed,
    genesis,
    validatorKey: isFollower ? null : key,
    mempool: {},
    journalSync,
  };
  const isHonest = isHonestRole({ kind });
  return {
    name,
    address: addressOf(key),
    isHonest,
    ablation: isHonest ? parts.ablation : { ...WHOLE, guard: false },
    settings,
    hashesPerSecond: hashesPerSecondOf(engine, validators, kind),
    voice: voiceOf(kind, { engine, genesis, privateKey: key, holdMsMax: holdMsMax ?? Infinity }),
    isDiskInstant: isDiskInstant === true,
  };
}
