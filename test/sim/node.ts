import { MemoryNetwork } from '../../p2p/memory.ts';
import type { MemoryHub } from '../../p2p/memory-hub.ts';
import { openCore, type CoreSettings } from '../../src/node/core.ts';
import type { Machine } from '../../src/node/machine.ts';
import type { BatchOp } from '../../src/ports/kv.ts';
import type { GossipTopic, GossipVerdict } from '../../src/ports/network.ts';
import type { Address, Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { LogContext } from '../../src/util/log.ts';
import type { Rng } from '../../src/util/rng.ts';
import { KeyValueGuardStore } from '../../storage/guard-store.ts';
import { KEYSPACE } from '../../storage/keyspace.ts';
import type { MemoryContent } from '../../storage/memory.ts';
import { ProcessTime, type SimClock } from './clock.ts';
import { SimDisk, type CrashKind, type WriteMoment } from './disk.ts';
import { simLog, type LogLevel } from './log.ts';
import { SimMetrics } from './metrics.ts';
import { SimMiner } from './miner.ts';
import { SimNetwork } from './network.ts';
import type { VoiceMaker } from './voice.ts';

/** What is taken from a node, to see whether the checkers notice. */
export type Ablation = {
  /** The signer signs whatever it is asked to. */
  readonly guard: boolean;
  /** The guard's database is empty after each restart. */
  readonly guardLost: boolean;
  /** The engine's saved votes are gone after each restart. */
  readonly votesLost: boolean;
};

export const WHOLE: Ablation = { guard: true, guardLost: false, votesLost: false };

export type NodeOptions = {
  readonly name: PeerId;
  readonly address: Address;
  readonly isHonest: boolean;
  readonly ablation: Ablation;
  readonly settings: CoreSettings;
  /** null: it does no work. */
  readonly hashesPerSecond: number | null;
  /** Speaks in its place; null on those that say what they mean. */
  readonly voice: VoiceMaker | null;
  readonly isDiskInstant: boolean;
};

/** Everything a node does that others may want to know. Never called by a dead process. */
export type NodeWitness = {
  readonly opened: (node: SimNode, machine: Machine) => void;
  readonly started: (node: SimNode, machine: Machine) => void;
  readonly failed: (node: SimNode, error: unknown) => void;
  readonly faulted: (node: SimNode, reason: string) => void;
  readonly died: (node: SimNode, why: string) => void;
  readonly published: (node: SimNode, topic: GossipTopic, data: Bytes) => void;
  readonly heard: (node: SimNode, topic: GossipTopic, data: Bytes, from: PeerId, verdict: GossipVerdict) => void;
  readonly blamed: (node: SimNode, peer: PeerId, code: string) => void;
  readonly wrote: (node: SimNode, ops: readonly BatchOp[], moment: WriteMoment) => void;
  readonly logged: (node: SimNode, level: LogLevel, component: string, message: string, context: LogContext) => void;
};

export type NodeModules = {
  readonly clock: SimClock;
  readonly hub: MemoryHub;
  readonly rng: Rng;
  /** For what not every node has: a miner, a voice. */
  readonly spareRng: Rng;
  readonly witness: NodeWitness;
};

export type CrashMoment = WriteMoment | 'spoken';
/** The process dies at the `count`-th such moment from now. */
export type CrashPlan = { readonly moment: CrashMoment; count: number; readonly kind: CrashKind };

type Life = {
  readonly time: ProcessTime;
  readonly chain: SimDisk;
  readonly guard: SimDisk;
  readonly metrics: SimMetrics;
  machine: Machine | null;
  isStarted: boolean;
  plan: CrashPlan | null;
};

/** A machine with two disks, and the process that runs on it, or does not. */
export class SimNode {
  readonly options: NodeOptions;
  readonly #modules: NodeModules;
  #life: Life | null = null;
  #chainContent: MemoryContent = new Map();
  #guardContent: MemoryContent = new Map();
  #skewMs: Millis = 0;
  /** For the next life, when there is none now. */
  #plan: CrashPlan | null = null;

  constructor(options: NodeOptions, modules: NodeModules) {
    this.options = options;
    this.#modules = modules;
  }

  get name(): PeerId {
    return this.options.name;
  }

  get isHonest(): boolean {
    return this.options.isHonest;
  }

  get isUp(): boolean {
    return this.#life !== null;
  }

  get isPaused(): boolean {
    return this.#life?.time.isPaused === true;
  }

  /** From when it has replayed its database and listens. */
  get machine(): Machine | null {
    return this.#life?.isStarted === true ? this.#life.machine : null;
  }

  start(): void {
    if (this.#life !== null) return;
    const { clock, rng, witness } = this.#modules;
    const time = new ProcessTime(clock, this.#skewMs);
    const isInstant = this.options.isDiskInstant;
    const wrote = (ops: readonly BatchOp[], moment: WriteMoment): void => {
      witness.wrote(this, ops, moment);
      this.#reached(moment, life);
    };
    const life: Life = {
      time,
      chain: new SimDisk(this.#chainContent, { time, rng: rng.fork(), isInstant, wrote }),
      guard: new SimDisk(this.#guardContent, { time, rng: rng.fork(), isInstant, wrote }),
      metrics: new SimMetrics(),
      machine: null,
      isStarted: false,
      plan: this.#plan,
    };
    this.#plan = null;
    this.#life = life;
    this.#open(life).catch((error: unknown) => {
      if (!life.time.isDead) witness.failed(this, error);
    });
  }

  /** Dies here and now. */
  crash(kind: CrashKind, why: string = kind): void {
    const life = this.#life;
    if (life === null) return;
    this.#life = null;
    life.time.die();
    this.#modules.hub.crash(this.name);
    this.#keep(life.chain.crash(kind), life.guard.crash(kind));
    this.#modules.witness.died(this, why);
  }

  /** Dies at a moment that is still to come, in this life or the next. */
  planCrash(plan: CrashPlan): void {
    if (this.#life === null) this.#plan = plan;
    else this.#life.plan = plan;
  }

  cancelCrash(): void {
    this.#plan = null;
    if (this.#life !== null) this.#life.plan = null;
  }

  /** Stops in order, which takes time; the node is up until then. */
  async stop(): Promise<void> {
    const life = this.#life;
    if (life === null || life.machine === null || !life.isStarted) return;
    life.isStarted = false;
    await life.machine.stop();
    if (life.time.isDead) return;
    this.crash('kill', 'stopped in order');
  }

  pause(): void {
    this.#life?.time.pause();
  }

  resume(): void {
    this.#life?.time.resume();
  }

  /** Until it is called with 0, or the process dies. */
  setLate(lateMs: Millis): void {
    this.#life?.time.setLate(lateMs);
  }

  /** Of the node's metrics; 0 while it is down. */
  gauge(name: string): number {
    return this.#life?.metrics.value(name) ?? 0;
  }

  setSkew(skewMs: Millis): void {
    this.#skewMs = skewMs;
    this.#life?.time.setOffset(skewMs);
  }

  /** The disks as they are, for a machine that is down. */
  get contents(): { readonly chain: MemoryContent; readonly guard: MemoryContent } {
    return { chain: this.#chainContent, guard: this.#guardContent };
  }

  /** Puts an older copy of the disks back. */
  restore(contents: SimNode['contents']): void {
    this.#chainContent = contents.chain;
    this.#guardContent = contents.guard;
  }

  /** A client's transaction, as the RPC would take it. Never settles when the process dies first. */
  submit(raw: Bytes): Promise<Hash> {
    const life = this.#life;
    return new Promise((resolve, reject) => {
      life?.time.enter(() => {
        const ledger = life.isStarted ? life.machine?.ledger : undefined;
        if (ledger === undefined) return reject(new ParleyError('NODE_NOT_READY', 'the node is not ready'));
        const added = Promise.resolve().then(() => ledger.pool.add(ledger.transactions.resolve(raw), 'local'));
        added.then(
          ({ hash }) => life.time.enter(() => resolve(hash)),
          (error: Error) => life.time.enter(() => reject(error)),
        );
      });
    });
  }

  async #open(life: Life): Promise<void> {
    const { settings, ablation, hashesPerSecond } = this.options;
    const { rng, spareRng, witness } = this.#modules;
    const { time } = life;
    const random = rng.fork();
    const work =
      hashesPerSecond === null ? null : new SimMiner({ hashesPerSecond }, { timers: time, rng: spareRng.fork() });
    const machine = await openCore(settings, {
      kv: life.chain,
      guard: ablation.guard ? new KeyValueGuardStore(life.guard) : null,
      work,
      network: (genesisHash) => this.#network(life, genesisHash),
      clock: time,
      timers: time,
      random: () => random.next(),
      log: simLog((level, component, message, context) => {
        if (!time.isDead) witness.logged(this, level, component, message, context);
      }),
      metrics: life.metrics,
    });
    if (time.isDead) return;
    life.machine = machine;
    witness.opened(this, machine);
    machine.onFault((reason) => {
      if (!time.isDead) witness.faulted(this, reason);
    });
    await machine.start();
    if (time.isDead) return;
    life.isStarted = true;
    witness.started(this, machine);
  }

  #network(life: Life, genesisHash: Hash): SimNetwork {
    const { hub, spareRng, witness } = this.#modules;
    const inner = new MemoryNetwork({ name: this.name, networkName: genesisHash }, { hub });
    const make = this.options.voice;
    return new SimNetwork(inner, {
      time: life.time,
      voice: make === null ? null : { make, rng: spareRng.fork(), genesisHash },
      witness: {
        published: (topic, data) => {
          witness.published(this, topic, data);
          if (topic !== 'transactions') this.#reached('spoken', life);
        },
        heard: (topic, data, from, verdict) => {
          if (!life.time.isDead) witness.heard(this, topic, data, from, verdict);
        },
        blamed: (peer, code) => witness.blamed(this, peer, code),
      },
    });
  }

  #reached(moment: CrashMoment, life: Life): void {
    const { plan } = life;
    if (plan === null || plan.moment !== moment || life.time.isDead) return;
    plan.count--;
    if (plan.count <= 0)
      this.crash(plan.kind, `${plan.kind}, ${moment === 'spoken' ? 'having spoken' : `a write ${moment}`}`);
  }

  #keep(chain: MemoryContent, guard: MemoryContent): void {
    const { guardLost, votesLost } = this.options.ablation;
    const isVote = (key: string): boolean => key.charCodeAt(0) === KEYSPACE.vote;
    this.#chainContent = votesLost ? new Map([...chain].filter(([key]) => !isVote(key))) : chain;
    this.#guardContent = guardLost ? new Map() : guard;
  }
}
