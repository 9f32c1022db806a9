import { isDeepStrictEqual } from 'node:util';
import type { EngineEffect } from '../../consensus/api/effect.ts';
import type { Engine, EngineEnv } from '../../consensus/api/engine.ts';
import type { EngineEvent, Origin } from '../../consensus/api/event.ts';
import type { Header, UnsealedHeader } from '../../src/types/block.ts';
import type { Evidence } from '../../src/types/evidence.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash } from '../../src/types/primitives.ts';
import { keccak256 } from '../../src/crypto/keccak.ts';
import { errorCode } from '../../src/util/errors.ts';
import { fromHex } from '../../src/util/hex.ts';
import { Rng } from '../../src/util/rng.ts';
import { guardDomain, ruleOn } from '../../src/wallet/guard.ts';
import { fakeSign, findNonce, rigHeader, sealed } from './rig-parts.ts';
import type { KnownBlock, RigBlock, RigDisk } from './rig-disk.ts';
import type { Rig } from './rig.ts';

type EventBody = EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, 'now'> : never) : never;

const ORPHANS_MAX = 256;
const LOOK_AHEAD_MS = 250;

/** A host as small as one can be: a tree, an executor that takes no time, and the contract of consensus/README.md. */
export class RigNode {
  readonly name: string;
  readonly self: Address | null;
  readonly disk: RigDisk;
  engine: Engine | null = null;
  head: Hash;
  /** Bumped by each crash: what was under way before it no longer counts. */
  life = 0;
  readonly refused: string[] = [];
  readonly rejected: string[] = [];
  readonly reported: Evidence[] = [];
  readonly mempool = new Set<number>();
  /** A second engine on the same events: it must answer the same. */
  #shadow: Engine | null = null;
  readonly #rig: Rig;
  readonly #rng: Rng;
  readonly #jobs = new Set<number>();
  readonly #built = new Map<number, Omit<RigBlock, 'hash' | 'header'>>();
  readonly #timers = new Map<string, number>();
  /** Searches under way: job to the data that it is for. */
  readonly #searches = new Map<number, Bytes>();
  readonly #orphans = new Map<Hash, RigBlock>();
  /** Blocks written since the last write that was forced to disk; each such write takes all earlier ones along. */
  readonly #unsynced = new Set<Hash>();

  constructor(rig: Rig, options: { name: string; self: Address | null; isGuarded: boolean; rng: Rng }) {
    this.#rig = rig;
    this.#rng = options.rng;
    this.name = options.name;
    this.self = options.self;
    const genesis: KnownBlock = { ...rig.genesis, author: `0x${'00'.repeat(20)}`, state: rig.genesisState };
    this.disk = {
      saved: new Map(),
      guard: options.isGuarded ? new Map() : null,
      blocks: new Map([[genesis.hash, genesis]]),
      finalized: genesis.hash,
      anchor: null,
      proofs: new Map(),
    };
    this.head = genesis.hash;
  }

  block(hash: Hash): KnownBlock | undefined {
    return this.disk.blocks.get(hash);
  }

  get finalizedNumber(): number {
    return this.block(this.disk.finalized)?.header.number ?? -1;
  }

  get headNumber(): number {
    return this.block(this.head)?.header.number ?? -1;
  }

  isFinal(hash: Hash): boolean {
    return this.isAncestor(hash, this.disk.finalized);
  }

  boot(): void {
    const { factory, params } = this.#rig.options;
    const seed = this.#rng.between(0, 2 ** 31);
    const env = (random: Rng): EngineEnv => ({
      chainId: this.#rig.chainId,
      shard: 0,
      self: this.self,
      tree: {
        header: (hash: Hash) => this.block(hash)?.header,
        isAncestor: (ancestor: Hash, descendant: Hash) => this.isAncestor(ancestor, descendant),
      },
      crypto: this.#rig.crypto,
      secret:
        this.self === null ? null : (label) => fromHex(keccak256(Buffer.concat([Buffer.from(this.self ?? ''), label]))),
      random: () => random.next(),
      trace: () => {},
    });
    this.engine = factory.create(params, env(new Rng(seed)), new Map(this.disk.saved));
    const isShadowed = this.#rig.options.isShadowed === true;
    this.#shadow = isShadowed ? factory.create(params, env(new Rng(seed)), new Map(this.disk.saved)) : null;
    const root = this.block(this.disk.finalized);
    if (root === undefined) throw new Error('the finalized block is on disk');
    this.head = root.hash;
    this.step({
      type: 'start',
      finalized: root.header,
      finalizedHash: root.hash,
      state: root.state,
      anchor: this.disk.anchor,
    });
    const above = [...this.disk.blocks.values()].filter(({ header }) => header.number > root.header.number);
    const replayed = new Set<Hash>([root.hash]);
    for (const block of above.sort((a, b) => a.header.number - b.header.number)) {
      if (!replayed.has(block.header.parentHash)) continue;
      replayed.add(block.hash);
      this.#tell(block, 'replay');
    }
    this.disk.blocks = new Map(
      [...this.disk.blocks].filter(([hash, { header }]) => replayed.has(hash) || header.number < root.header.number),
    );
    this.step({ type: 'ready' });
    this.#demand();
  }

  /** Loses all that was not on disk, and maybe the newest blocks, which are stored without being forced to disk. */
  crash(): void {
    this.life++;
    this.engine = null;
    this.#jobs.clear();
    this.#built.clear();
    this.#timers.clear();
    this.#searches.clear();
    this.#orphans.clear();
    const lost = this.#rng.between(0, 3);
    for (const hash of lost === 0 ? [] : [...this.#unsynced].slice(-lost)) this.disk.blocks.delete(hash);
    this.#unsynced.clear();
    this.head = this.disk.finalized;
  }

  step(event: EventBody): void {
    if (this.engine === null) return;
    const life = this.life;
    const full = { ...event, now: this.#rig.agenda.now } as EngineEvent;
    this.#rig.record(this, full);
    const effects = this.engine.step(full);
    if (this.#shadow !== null && !isDeepStrictEqual(this.#shadow.step(full), effects)) {
      this.#rig.violations.push(`${this.name}: two engines differ after ${event.type}`);
    }
    for (const effect of effects) {
      // A crash may come between any two effects.
      if (this.life !== life) return;
      this.#rig.record(this, effect);
      this.#carryOut(effect);
      this.#rig.maybeCrash(this, effect);
    }
  }

  receiveMessage(message: SignedMessage, from: RigNode | null): void {
    if (this.engine === null) return;
    if (from !== null) {
      const verdict = this.engine.checkMessage(message);
      // What is refused of a liar is its own affair.
      if (verdict.kind === 'reject' && this.#rig.isHonest(from)) this.rejected.push(verdict.code);
      // What may still become of use is given to the engine, as the node does; it is only not passed on.
      if (verdict.kind === 'reject' || verdict.kind === 'ignore') return;
    }
    this.step({ type: 'message', message, peer: from?.name ?? null });
  }

  receiveBlock(block: RigBlock, origin: Origin, justification: Bytes | null = null): void {
    if (this.engine === null) return;
    if (this.block(block.hash) !== undefined) {
      if (justification !== null) this.step({ type: 'justified', hash: block.hash, justification, peer: null });
      return;
    }
    const parent = this.block(block.header.parentHash);
    if (parent === undefined) {
      if (this.#orphans.size < ORPHANS_MAX) this.#orphans.set(block.hash, block);
      return;
    }
    if (!this.isAncestor(this.disk.finalized, parent.hash)) return;
    const author = this.engine.author(block.header);
    const how = { origin, now: this.#rig.agenda.now, votes: block.votes, justification, peer: null };
    const verdict = this.engine.checkHeader(block.header, parent.header, author, how);
    if (verdict.kind === 'reject') {
      this.rejected.push(verdict.code);
      return;
    }
    if (verdict.kind === 'ignore') return;
    if (verdict.kind === 'later') {
      if (verdict.retryAt !== undefined)
        this.#soon(verdict.retryAt, () => this.receiveBlock(block, origin, justification));
      return;
    }
    const known: KnownBlock = { ...block, author, state: this.#rig.execute(parent.state, block, author) };
    this.disk.blocks.set(block.hash, known);
    this.#unsynced.add(block.hash);
    this.#tell(known, origin, justification);
    this.#rig.took(this, block);
    this.#demand();
    for (const orphan of this.#orphans.values()) {
      if (orphan.header.parentHash !== block.hash) continue;
      this.#orphans.delete(orphan.hash);
      this.receiveBlock(orphan, origin);
    }
  }

  receiveTx(id: number): void {
    const wasEmpty = this.#pending(this.head).length === 0;
    this.mempool.add(id);
    if (wasEmpty) this.step({ type: 'demand', pendingTxs: 1 });
  }

  isAncestor(ancestor: Hash, descendant: Hash): boolean {
    const low = this.block(ancestor);
    if (low === undefined) return false;
    let at = this.block(descendant);
    while (at !== undefined && at.header.number > low.header.number) at = this.block(at.header.parentHash);
    return at === low;
  }

  /** From the block down to (without) the first one for which `isKnown` holds, oldest first. */
  chain(from: Hash, isKnown: (hash: Hash) => boolean): RigBlock[] {
    const blocks: RigBlock[] = [];
    for (let at = this.block(from); at !== undefined && !isKnown(at.hash); at = this.block(at.header.parentHash)) {
      blocks.push(at);
    }
    return blocks.reverse();
  }

  #tell(block: KnownBlock, origin: Origin, justification: Bytes | null = null): void {
    const { hash, header, author, votes, state } = block;
    this.step({ type: 'imported', hash, header, author, votes, state, origin, justification });
  }

  #carryOut(effect: EngineEffect): void {
    const { agenda } = this.#rig;
    switch (effect.type) {
      case 'persist':
        this.#unsynced.clear();
        if (effect.value === null) this.disk.saved.delete(effect.key);
        else this.disk.saved.set(effect.key, effect.value);
        return;
      case 'cast':
        return this.#cast(effect);
      case 'recast':
        return this.#rig.gossip(this, (node) => node.receiveMessage(effect.message, this));
      case 'build':
        this.#jobs.add(effect.job);
        return this.#soon(effect.timeMs, () => this.#answerBuild(effect));
      case 'work':
        return this.#work(effect);
      case 'fetch':
        return this.#rig.fetch(this, effect.hash);
      case 'drop':
        this.#jobs.delete(effect.job);
        this.#built.delete(effect.job);
        this.#searches.delete(effect.job);
        return;
      case 'publish':
        return this.#publish(effect);
      case 'forkchoice':
        return this.#decided(effect);
      case 'timer':
        this.#timers.set(effect.id, effect.at);
        return this.#soon(effect.at, () => {
          if (this.#timers.get(effect.id) !== effect.at || agenda.now < effect.at) return;
          this.#timers.delete(effect.id);
          this.step({ type: 'timer', id: effect.id });
        });
      case 'drop-timer':
        this.#timers.delete(effect.id);
        return;
      case 'evidence':
        this.reported.push(effect.evidence);
        this.#rig.reported(effect.evidence);
        return;
      case 'fault':
        throw new Error(`fault: ${effect.reason}`);
      case 'behind':
      case 'blame':
      case 'note':
        return;
      default:
        throw new Error('unknown effect');
    }
  }

  /** A pool follows the head, and says again that transactions wait. */
  #decided(effect: Extract<EngineEffect, { type: 'forkchoice' }>): void {
    const before = this.head;
    // Finality is forced to disk, with all that was written before.
    if (effect.finalized !== this.disk.finalized) this.#unsynced.clear();
    this.#rig.decided(this, effect);
    if (this.head !== before) this.#soon(0, () => this.#demand());
  }

  #cast(effect: Extract<EngineEffect, { type: 'cast' }>): void {
    const { self } = this;
    if (self === null) throw new Error('a follower casts nothing');
    const digest = this.#rig.crypto.messageDigest(effect.payload);
    if (!this.#mayBeSigned(effect.guard, digest)) return;
    const message = { from: self, payload: effect.payload, signature: fakeSign(digest, self) };
    this.#soon(0, () => this.receiveMessage(message, null));
    this.#rig.gossip(this, (node) => node.receiveMessage(message, this));
  }

  /** Looks no more than a moment ahead of what a miner of so many hashes a second has tried: most searches end before. */
  #work({ job, data, target }: Extract<EngineEffect, { type: 'work' }>, from = this.#rng.between(0, 2 ** 31)): void {
    this.#searches.set(job, data);
    const { hashRate, agenda } = this.#rig;
    const { nonce, tries } = findNonce(data, target, from, Math.ceil((hashRate * LOOK_AHEAD_MS) / 1000));
    this.#soon(agenda.now + Math.ceil((tries * 1000) / hashRate), () => {
      if (this.#searches.get(job) !== data) return;
      if (nonce === null) return this.#work({ type: 'work', job, data, target }, from + tries);
      this.#searches.delete(job);
      this.step({ type: 'worked', job, value: nonce });
    });
  }

  #answerBuild({ job, parent, timeMs, extra, votes }: Extract<EngineEffect, { type: 'build' }>): void {
    const on = this.block(parent);
    if (!this.#jobs.delete(job) || on === undefined) return;
    if (this.#rng.chance(this.#rig.options.failChance ?? 0)) return this.step({ type: 'failed', job, code: 'TEST' });
    const txs = this.#pending(parent).slice(0, 10);
    const evidence = this.#rig.evidenceFor(on.state);
    const beneficiary = this.self ?? rigHeader({ number: 0, timeMs: 0 }).beneficiary;
    const fields = {
      beneficiary,
      parentHash: parent,
      number: on.header.number + 1,
      timeMs,
      extra,
      gasUsed: 21_000 * txs.length,
    };
    this.#built.set(job, { votes, evidence, txs });
    this.step({ type: 'built', job, header: rigHeader({ ...fields, stateRoot: this.#rig.marker(this) }) });
  }

  #publish(effect: Extract<EngineEffect, { type: 'publish' }>): void {
    const body = this.#built.get(effect.job);
    this.#built.delete(effect.job);
    if (this.self === null || body === undefined) throw new Error('publish follows built');
    const block = { ...body, ...this.#seal(effect.header, effect.seal) };
    if (block.hash === null) return;
    const own: RigBlock = { ...block, hash: block.hash };
    this.#soon(0, () => this.receiveBlock(own, 'own'));
    this.#rig.gossip(this, (node) => node.receiveBlock(own, 'gossip'));
  }

  #seal(
    header: UnsealedHeader,
    seal: Extract<EngineEffect, { type: 'publish' }>['seal'],
  ): { header: Header; hash: Hash | null } {
    if (seal.by === 'value') {
      const full = sealed(header, seal.value);
      return { header: full, hash: this.#rig.crypto.headerHash(full) };
    }
    const digest = this.#rig.crypto.sealHash(header);
    const full = sealed(header, fakeSign(digest, this.self ?? '0x'));
    return { header: full, hash: this.#mayBeSigned(seal.guard, digest) ? this.#rig.crypto.headerHash(full) : null };
  }

  #mayBeSigned(guard: Parameters<typeof ruleOn>[1], digest: Hash): boolean {
    if (this.disk.guard === null) return true;
    const domain = guardDomain(guard);
    try {
      const ruling = ruleOn(this.disk.guard.get(domain) ?? null, guard, digest);
      if (ruling.kind === 'advance') this.disk.guard.set(domain, ruling.record);
      return true;
    } catch (error) {
      this.refused.push(errorCode(error));
      return false;
    }
  }

  #demand(): void {
    const pendingTxs = this.#pending(this.head).length;
    if (pendingTxs > 0) this.step({ type: 'demand', pendingTxs });
  }

  #pending(on: Hash): number[] {
    const used = new Set(this.chain(on, () => false).flatMap(({ txs }) => txs));
    return [...this.mempool].filter((id) => !used.has(id));
  }

  #soon(at: number, act: () => void): void {
    const { life } = this;
    this.#rig.agenda.add(at, () => {
      if (this.life === life) act();
    });
  }
}
