import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { EngineCrypto, EngineFactory } from '../../consensus/api/engine.ts';
import type { EngineEvent } from '../../consensus/api/event.ts';
import type { SeenBlock } from '../../consensus/api/testing.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import type { ConsensusState } from '../../src/types/validator.ts';
import { Rng } from '../../src/util/rng.ts';
import { fakeCrypto, fakeSign, rigAddress, rigHeader, sealed, Agenda } from './rig-parts.ts';
import type { RigBlock } from './rig-disk.ts';
import { genesisOf, rigPower, settledBy } from './rig-stakes.ts';
import { RigNode } from './rig-node.ts';

export type RigOptions = {
  readonly factory: EngineFactory;
  readonly params: unknown;
  readonly seed: number;
  readonly validators: number;
  /** Nodes without a key. */
  readonly followers?: number;
  /** Indexes of validators that run twice, without a guard: the faulty ones. */
  readonly twins?: readonly number[];
  /** false: honest signers have no guard either. */
  readonly isGuarded?: boolean;
  /** Offenders proven in a block are jailed. */
  readonly isJailing?: boolean;
  readonly delayMs?: readonly [low: number, high: number];
  readonly loss?: number;
  /** Chance of a crash after an effect that speaks or persists, while `isRough`. */
  readonly crashChance?: number;
  readonly restartMs?: readonly [low: number, high: number];
  readonly failChance?: number;
  /** Hashes a second and node, for engines that use work. */
  readonly hashRate?: number;
  /** Every engine runs twice on the same events, and both must answer the same. */
  readonly isShadowed?: boolean;
  /** What faulty validators gossip besides, for each block they see. */
  readonly lies?: (block: SeenBlock) => readonly Bytes[];
};

const START_MS = 1_700_000_000_000;
const SYNC_EVERY_MS = 400;
const SYNC_BLOCKS_MAX = 64;

/**
 * A network of engines on the smallest hosts there can be, all from one seed: loss, delay, partitions, crashes between
 * any two effects, and twins. It checks what must hold for every engine at every step: nothing conflicting gets final,
 * finality does not move back or sideways, the head descends from it, and nobody honest is proven an offender.
 */
export class Rig {
  readonly options: RigOptions;
  readonly agenda = new Agenda(START_MS);
  readonly chainId = 31337;
  readonly crypto: EngineCrypto;
  readonly genesis: RigBlock;
  readonly genesisState: ConsensusState;
  readonly nodes: RigNode[] = [];
  readonly violations: string[] = [];
  /** Off: no loss, no crashes. Partitions are separate. */
  isRough = true;
  crashes = 0;
  readonly #rng: Rng;
  readonly #final = new Map<number, Hash>();
  readonly #evidence = new Map<Address, Evidence>();
  readonly #honest: ReadonlySet<Address>;
  #groups: readonly (readonly RigNode[])[] | null = null;
  #trace: readonly [number, number] = [0x811c9dc5, 0x9747b28c];
  #txs = 0;

  constructor(options: RigOptions) {
    this.options = options;
    this.#rng = new Rng(options.seed);
    const { factory, params, validators } = options;
    this.crypto = fakeCrypto({ chainId: this.chainId, shard: 0, engineId: factory.id });
    const addresses = Array.from({ length: validators }, (_, i) => rigAddress(i));
    const power = rigPower(factory, params);
    const timeMs = START_MS - 60_000;
    const set = addresses.map((address) => ({ address, power, jailed: false }));
    this.genesisState = genesisOf(factory, params, { timeMs, validators: set });
    const { extra, seal } = factory.genesis(params, this.genesisState);
    const header = sealed(rigHeader({ number: 0, timeMs, extra }), seal);
    this.genesis = { hash: this.crypto.headerHash(header), header, votes: [], evidence: [], txs: [] };
    this.#final.set(0, this.genesis.hash);
    const twins = new Set(options.twins);
    this.#honest = new Set(addresses.filter((_, i) => !twins.has(i)));
    for (let i = 0; i < validators; i++) {
      this.#addNode(`v${i}`, rigAddress(i), options.isGuarded !== false && !twins.has(i));
      if (twins.has(i)) this.#addNode(`v${i}'`, rigAddress(i), false);
    }
    for (let i = 0; i < (options.followers ?? 0); i++) this.#addNode(`f${i}`, null, true);
  }

  /** A node with a key of its own that is no validator yet. */
  addCandidate(index: number): RigNode {
    return this.#addNode(`c${index}`, rigAddress(index), true);
  }

  start(): void {
    for (const node of this.nodes) this.agenda.add(START_MS + this.#rng.between(0, 300), () => node.boot());
  }

  run(forMs: number): void {
    this.agenda.runUntil(this.agenda.now + forMs);
  }

  get hashRate(): number {
    return this.options.hashRate ?? 64;
  }

  /** Whoever can be heard and has the block sends it. */
  fetch(node: RigNode, hash: Hash): void {
    const { life } = node;
    const delay = this.#delay() * 2;
    const holders = this.nodes.filter((peer) => peer !== node && peer.engine !== null && this.#canHear(peer, node));
    const block = holders.map((peer) => peer.block(hash)).find((found) => found !== undefined);
    if (block === undefined) return;
    this.agenda.add(this.agenda.now + delay, () => {
      if (node.life === life) node.receiveBlock(block, 'gossip');
    });
  }

  /** Each list of nodes hears only itself; null heals. */
  partition(groups: readonly (readonly RigNode[])[] | null): void {
    this.#groups = groups;
  }

  /** A random cut of all nodes in two. */
  randomCut(): void {
    const nodes = this.#rng.shuffle(this.nodes);
    const at = this.#rng.between(1, nodes.length - 1);
    this.partition([nodes.slice(0, at), nodes.slice(at)]);
  }

  /** The cut that faulty validators would choose: the honest in two halves, and one of each pair of twins with either. */
  twinCut(): void {
    const isTwin = (node: RigNode): boolean => node.self !== null && !this.#honest.has(node.self);
    const twins = this.nodes.filter(isTwin);
    const honest = this.#rng.shuffle(this.nodes.filter((node) => !isTwin(node)));
    const groups: RigNode[][] = [[], []];
    [...honest, ...twins].forEach((node, i) => groups[i % 2]?.push(node));
    this.partition(groups);
  }

  heal(): void {
    this.isRough = false;
    this.partition(null);
    for (const node of this.nodes) if (node.engine === null) node.boot();
  }

  kill(node: RigNode): void {
    node.crash();
  }

  submitTx(): void {
    const id = this.#txs++;
    const first = this.#rng.pick(this.nodes);
    this.agenda.add(this.agenda.now, () => {
      first.receiveTx(id);
      this.gossip(first, (node) => node.receiveTx(id));
    });
  }

  gossip(from: RigNode, deliver: (to: RigNode) => void): void {
    for (const to of this.nodes) {
      if (to === from || !this.#canHear(from, to)) continue;
      const isLost = this.#rng.chance(this.options.loss ?? 0);
      const delay = this.#delay();
      if (isLost && this.isRough) continue;
      const { life } = to;
      this.agenda.add(this.agenda.now + delay, () => {
        if (to.life === life) deliver(to);
      });
    }
  }

  execute(before: ConsensusState, block: RigBlock, author: Address): ConsensusState {
    const { factory, params } = this.options;
    const jailed = new Set(
      block.evidence.flatMap((evidence) => {
        const offence = factory.judge(params, evidence, this.crypto, { chainId: this.chainId, shard: 0 });
        return offence === null ? [] : [offence.offender];
      }),
    );
    const jailing = (state: ConsensusState): ConsensusState =>
      jailed.size === 0
        ? state
        : { ...state, validators: state.validators.map((v) => (jailed.has(v.address) ? { ...v, jailed: true } : v)) };
    const { staking } = factory;
    if (staking === undefined) return jailing(factory.advance(params, before, block.header, author));
    return settledBy(staking, params, jailing(before), { ...block.header, author, votes: block.votes }, this.crypto);
  }

  evidenceFor(state: ConsensusState): readonly Evidence[] {
    if (this.options.isJailing !== true) return [];
    return state.validators.flatMap(({ address, jailed }) => {
      const evidence = jailed ? undefined : this.#evidence.get(address);
      return evidence === undefined ? [] : [evidence];
    });
  }

  reported(evidence: Evidence): void {
    const { factory, params } = this.options;
    const offence = factory.judge(params, evidence, this.crypto, { chainId: this.chainId, shard: 0 });
    if (offence === null) this.violations.push('evidence that proves nothing');
    if (this.#honest.has(evidence.offender)) this.violations.push(`honest ${evidence.offender} accused`);
    this.#evidence.set(evidence.offender, evidence);
  }

  /** Two blocks of one author over the same parent differ by this, as they would by their transactions. */
  marker(node: RigNode): Hash {
    return keccak256(Buffer.from(node.name));
  }

  decided(
    node: RigNode,
    { head, safe, finalized, anchor, justification }: Extract<EngineEffect, { type: 'forkchoice' }>,
  ): void {
    const before = node.disk.finalized;
    const complain = (what: string): void => void this.violations.push(`${node.name}: ${what}`);
    if (!node.isAncestor(before, finalized)) return complain('finality moved back or sideways');
    if (!node.isAncestor(finalized, safe)) complain('safe does not descend from finality');
    if (!node.isAncestor(safe, head)) complain('the head does not descend from safe');
    if (finalized !== before && anchor === undefined) complain('finality without an anchor');
    node.head = head;
    if (justification !== undefined) node.disk.proofs.set(finalized, justification);
    if (finalized === before) return;
    for (const { hash, header } of node.chain(finalized, (known) => known === before)) {
      const other = this.#final.get(header.number) ?? hash;
      if (other !== hash) complain(`conflicting finality at ${header.number}`);
      this.#final.set(header.number, hash);
    }
    node.disk.finalized = finalized;
    node.disk.anchor = anchor ?? null;
  }

  maybeCrash(node: RigNode, effect: EngineEffect): void {
    const chance = this.options.crashChance ?? 0;
    const isSpot = effect.type === 'persist' || effect.type === 'cast' || effect.type === 'publish';
    if (chance === 0 || !isSpot || !this.isRough || !this.#rng.chance(chance)) return;
    this.crashes++;
    node.crash();
    const [low, high] = this.options.restartMs ?? [100, 3000];
    this.agenda.add(this.agenda.now + this.#rng.between(low, high), () => {
      if (node.engine === null) node.boot();
    });
  }

  record(node: RigNode, what: EngineEvent | EngineEffect): void {
    this.#fold(`${this.agenda.now} ${node.name} ${toText(what)}`);
  }

  /** Digest of every event and effect so far. */
  trace(): string {
    return this.#trace.map((half) => half.toString(16)).join('-');
  }

  /** A node has taken a block in; a faulty one then says what the test makes it say. */
  took(node: RigNode, block: RigBlock): void {
    const { self } = node;
    if (self === null || this.#honest.has(self)) return;
    for (const payload of this.options.lies?.(seen(node, block)) ?? []) {
      const message = { from: self, payload, signature: fakeSign(this.crypto.messageDigest(payload), self) };
      this.gossip(node, (to) => to.receiveMessage(message, node));
    }
  }

  isHonest({ self }: RigNode): boolean {
    return self === null || this.#honest.has(self);
  }

  alive(): RigNode[] {
    return this.nodes.filter((node) => node.engine !== null);
  }

  #addNode(name: string, self: Address | null, isGuarded: boolean): RigNode {
    const node = new RigNode(this, { name, self, isGuarded, rng: this.#rng.fork() });
    this.nodes.push(node);
    this.agenda.add(this.agenda.now + this.#rng.between(0, SYNC_EVERY_MS), () => this.#syncLoop(node));
    return node;
  }

  /** The host's part of catching up: ask somebody now and then, take what is missing. */
  #syncLoop(node: RigNode): void {
    this.agenda.add(this.agenda.now + SYNC_EVERY_MS, () => this.#syncLoop(node));
    const peer = this.#rng.pick(this.nodes);
    const delay = this.#delay() * 2;
    if (peer === node || node.engine === null || peer.engine === null || !this.#canHear(peer, node)) return;
    const { life } = node;
    const behind = peer.headNumber - node.headNumber;
    // Where a block needs a proof, having it without one is not having it.
    const { needsJustification } = this.options.factory.traits;
    const has = (hash: Hash): boolean => (needsJustification ? node.isFinal(hash) : node.block(hash) !== undefined);
    const missing = peer.chain(peer.head, has).slice(0, SYNC_BLOCKS_MAX);
    if (missing.length === 0 && behind <= 0) return;
    this.agenda.add(this.agenda.now + delay, () => {
      if (node.life !== life) return;
      node.step({ type: 'syncing', behindBlocks: Math.max(behind, 0) });
      for (const block of missing) node.receiveBlock(block, 'sync', peer.disk.proofs.get(block.hash) ?? null);
      node.step({ type: 'syncing', behindBlocks: Math.max(peer.headNumber - node.headNumber, 0) });
    });
  }

  #canHear(from: RigNode, to: RigNode): boolean {
    if (this.#groups === null) return true;
    return this.#groups.some((group) => group.includes(from) && group.includes(to));
  }

  #delay(): number {
    const [low, high] = this.options.delayMs ?? [5, 60];
    return this.#rng.between(low, high);
  }

  /** Two multiplicative hashes (FNV-1a): a trace is compared, not defended. */
  #fold(line: string): void {
    let [a, b] = this.#trace;
    for (let i = 0; i < line.length; i++) {
      a = Math.imul(a ^ line.charCodeAt(i), 0x01000193) >>> 0;
      b = Math.imul(b ^ line.charCodeAt(i), 0x85ebca6b) >>> 0;
    }
    this.#trace = [a, b];
  }
}

/** With its ancestors, as the node has them. */
function seen(node: RigNode, { hash, header }: RigBlock): SeenBlock {
  return {
    hash,
    number: header.number,
    get parent() {
      const parent = node.block(header.parentHash);
      return parent === undefined ? undefined : seen(node, parent);
    },
  };
}

/** Hashes and times tell blocks apart, so long fields need not be spelled out. */
function toText(what: EngineEvent | EngineEffect): string {
  const parts: unknown[] = [];
  for (const [key, value] of Object.entries(what)) {
    if (value instanceof Uint8Array) parts.push(key, value.length, value[0], value.at(-1));
    else if (typeof value !== 'object') parts.push(key, value);
    else if (value !== null && 'payload' in value)
      parts.push(Buffer.from(value.payload as Uint8Array).toString('latin1'));
    else if (Array.isArray(value)) parts.push(key, value.length);
  }
  return parts.join(' ');
}
