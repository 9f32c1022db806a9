import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import type { Engine } from '../../../../consensus/api/engine.ts';
import type { EngineEvent, Origin } from '../../../../consensus/api/event.ts';
import type { EngineStatus } from '../../../../consensus/api/status.ts';
import { encodeExtra } from '../../../../consensus/pbft/extra.ts';
import { pbftFactory } from '../../../../consensus/pbft/factory.ts';
import { decodeStatement, encodeStatement, type Statement } from '../../../../consensus/pbft/messages.ts';
import type { PbftParams } from '../../../../consensus/pbft/params.ts';
import type { Header } from '../../../../src/types/block.ts';
import type { Evidence } from '../../../../src/types/evidence.ts';
import type { SignedMessage } from '../../../../src/types/message.ts';
import type { Address, Bytes, Hash, JsonObject } from '../../../../src/types/primitives.ts';
import type { ConsensusState } from '../../../../src/types/validator.ts';
import { guardDomain, ruleOn, type GuardRecord } from '../../../../src/wallet/guard.ts';
import { Agenda, fakeCrypto, fakeSign, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';

export const CHAIN = { chainId: 31337, shard: 0 };
export const crypto = fakeCrypto({ ...CHAIN, engineId: 'pbft' });
export const START_MS = 1_700_000_000_000;

export const validator = (index: number): Address => rigAddress(index);

export function signed(from: Address, statement: Statement): SignedMessage {
  const payload = encodeStatement(statement);
  return { from, payload, signature: fakeSign(crypto.messageDigest(payload), from) };
}

export type NetBlock = {
  readonly hash: Hash;
  readonly header: Header;
  readonly author: Address;
  readonly state: ConsensusState;
};
type EventBody = EngineEvent extends infer E ? (E extends EngineEvent ? Omit<E, 'now'> : never) : never;
type Kind = Statement['kind'] | 'block';

/** What is on its way from one node to another. */
export type Delivery = {
  readonly from: NetNode;
  readonly to: NetNode;
  readonly kind: Kind;
  readonly statement: Statement | null;
};

export type NetOptions = {
  readonly validators: number;
  readonly params?: JsonObject;
  readonly delayMs?: number;
};

/** A network in which every delay is the same and every loss is wanted. */
export class Net {
  readonly params: PbftParams;
  readonly agenda = new Agenda(START_MS);
  readonly delayMs: number;
  readonly genesis: NetBlock;
  readonly nodes: NetNode[];
  readonly delivered = new Map<Kind, number>();
  /** false: lost. */
  passes: (delivery: Delivery) => boolean = () => true;
  /** Runs when a statement is signed, before it is sent; may kill the node. */
  onCast: (node: NetNode, statement: Statement) => void = () => {};
  onPublish: (node: NetNode, hash: Hash) => void = () => {};

  constructor(options: NetOptions) {
    this.params = pbftFactory.parseParams(options.params ?? {});
    this.delayMs = options.delayMs ?? 10;
    const addresses = Array.from({ length: options.validators }, (_, i) => validator(i));
    const state = { validators: addresses.map((address) => ({ address, power: 1n, jailed: false })), votes: [] };
    const header = sealed(rigHeader({ number: 0, timeMs: START_MS - 60_000 }), new Uint8Array(0));
    this.genesis = { hash: crypto.headerHash(header), header, author: validator(0), state };
    this.nodes = addresses.map((address, i) => new NetNode(this, `v${i}`, address));
  }

  start(): this {
    for (const node of this.nodes) node.boot();
    return this;
  }

  run(forMs: number): this {
    this.agenda.runUntil(this.agenda.now + forMs);
    return this;
  }

  /** Runs until it is so; throws when it takes longer. */
  until(isSo: () => boolean, withinMs = 60_000): this {
    const end = this.agenda.now + withinMs;
    while (!isSo()) {
      if (this.agenda.now >= end) throw new Error(`not within ${withinMs} ms`);
      this.run(1);
    }
    return this;
  }

  node(index: number): NetNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`no node ${index}`);
    return node;
  }

  get alive(): NetNode[] {
    return this.nodes.filter((node) => node.engine !== null);
  }

  /** The least height that all living nodes have decided. */
  get decided(): number {
    return Math.min(...this.alive.map((node) => node.decided));
  }

  demand(): void {
    for (const node of this.alive) node.step({ type: 'demand', pendingTxs: 1 });
  }

  /** Every decision of every node; throws when two differ. */
  chain(): Hash[] {
    const chain: Hash[] = [];
    for (const node of this.nodes) {
      for (const [number, hash] of node.finals) {
        if ((chain[number] ?? hash) !== hash) throw new Error(`two decisions at ${number}`);
        chain[number] = hash;
      }
    }
    return chain;
  }

  send(from: NetNode, kind: Kind, statement: Statement | null, deliver: (to: NetNode) => void): void {
    for (const to of this.nodes) {
      if (to === from || !this.passes({ from, to, kind, statement })) continue;
      this.agenda.add(this.agenda.now + this.delayMs, () => {
        if (to.engine === null) return;
        this.delivered.set(kind, (this.delivered.get(kind) ?? 0) + 1);
        deliver(to);
      });
    }
  }
}

export class NetNode {
  readonly name: string;
  readonly address: Address;
  engine: Engine | null = null;
  readonly effects: EngineEffect[] = [];
  readonly evidence: Evidence[] = [];
  readonly rejected: string[] = [];
  readonly refused: string[] = [];
  readonly finals = new Map<number, Hash>();
  readonly blocks = new Map<Hash, NetBlock>();
  readonly proofs = new Map<Hash, Bytes>();
  readonly saved = new Map<string, Bytes>();
  /** Blocks come in and nothing goes out. */
  isMute = false;
  /** What the next blocks of this node carry. */
  gasUsed = 0;
  #final: Hash;
  #anchor: Bytes | null = null;
  #life = 0;
  readonly #net: Net;
  readonly #guard = new Map<string, GuardRecord>();
  readonly #timers = new Map<string, number>();
  readonly #built = new Set<number>();

  constructor(net: Net, name: string, address: Address) {
    this.#net = net;
    this.name = name;
    this.address = address;
    this.blocks.set(net.genesis.hash, net.genesis);
    this.#final = net.genesis.hash;
  }

  get decided(): number {
    return this.blocks.get(this.#final)?.header.number ?? -1;
  }

  get status(): EngineStatus {
    if (this.engine === null) throw new Error(`${this.name} is dead`);
    return this.engine.describe();
  }

  boot(): void {
    const env = {
      ...CHAIN,
      self: this.address,
      tree: { header: (hash: Hash) => this.blocks.get(hash)?.header, isAncestor: () => false },
      crypto,
      secret: null,
      random: () => 0.5,
      trace: () => {},
    };
    this.engine = pbftFactory.create(this.#net.params, env, new Map(this.saved));
    const { header: finalized, hash: finalizedHash, state } = this.#block(this.#final);
    this.step({ type: 'start', finalized, finalizedHash, state, anchor: this.#anchor });
    const above = [...this.blocks.values()].filter(({ header }) => header.number > finalized.number);
    for (const block of above.sort((a, b) => a.header.number - b.header.number)) this.#tell(block, 'replay', null);
    this.step({ type: 'ready' });
  }

  kill(): void {
    this.#life++;
    this.engine = null;
    this.#timers.clear();
    this.#built.clear();
  }

  step(event: EventBody): EngineEffect[] {
    if (this.engine === null) return [];
    const life = this.#life;
    const effects = [...this.engine.step({ ...event, now: this.#net.agenda.now })];
    this.effects.push(...effects);
    for (const effect of effects) if (this.#life === life) this.#carryOut(effect);
    return effects;
  }

  /** As from a peer: through the check. */
  hear(message: SignedMessage): EngineEffect[] {
    const verdict = this.engine?.checkMessage(message);
    if (verdict?.kind === 'reject') this.rejected.push(verdict.code);
    return verdict?.kind === 'accept' || verdict?.kind === 'later'
      ? this.step({ type: 'message', message, peer: 'peer' })
      : [];
  }

  /** As from a peer: through the check. */
  take(block: Omit<NetBlock, 'state'>, origin: Origin = 'gossip', justification: Bytes | null = null): void {
    const { engine } = this;
    const parent = this.blocks.get(block.header.parentHash);
    if (engine === null || parent === undefined) return;
    if (this.blocks.has(block.hash)) {
      if (justification !== null) this.step({ type: 'justified', hash: block.hash, justification, peer: null });
      return;
    }
    const how = { origin, now: this.#net.agenda.now, votes: [], justification, peer: null };
    const verdict = engine.checkHeader(block.header, parent.header, block.author, how);
    if (verdict.kind === 'reject') this.rejected.push(verdict.code);
    if (verdict.kind !== 'accept') return;
    const known = { ...block, state: parent.state };
    this.blocks.set(block.hash, known);
    this.#tell(known, origin, justification);
  }

  /** A block of this node's, as it would seal one: for tests that play the primary. */
  seal(parent: NetBlock, timeMs: number, mark = 0): NetBlock {
    const unsealed = rigHeader({
      parentHash: parent.hash,
      number: parent.header.number + 1,
      timeMs,
      extra: encodeExtra(CHAIN),
      gasLimit: 30_000_000 + mark,
    });
    const header = sealed(unsealed, fakeSign(crypto.sealHash(unsealed), this.address));
    return { hash: crypto.headerHash(header), header, author: this.address, state: parent.state };
  }

  /** Takes over all that a peer has decided. */
  syncFrom(peer: NetNode): void {
    for (const [, hash] of [...peer.finals].sort(([a], [b]) => a - b)) {
      const block = peer.blocks.get(hash);
      if (block !== undefined && block.header.number > this.decided) {
        this.take(block, 'sync', peer.proofs.get(hash) ?? null);
      }
    }
  }

  #block(hash: Hash): NetBlock {
    const block = this.blocks.get(hash);
    if (block === undefined) throw new Error(`${this.name} has no block ${hash}`);
    return block;
  }

  #tell(block: NetBlock, origin: Origin, justification: Bytes | null): void {
    const { hash, header, author, state } = block;
    this.step({ type: 'imported', hash, header, author, votes: [], state, origin, justification });
  }

  #carryOut(effect: EngineEffect): void {
    const { agenda } = this.#net;
    switch (effect.type) {
      case 'persist':
        if (effect.value !== null) this.saved.set(effect.key, effect.value);
        return;
      case 'cast':
        return this.#cast(effect.payload, effect.guard);
      case 'recast':
        return this.#send(effect.message);
      case 'build':
        this.#built.add(effect.job);
        return this.#soon(effect.timeMs, () => this.#answer(effect));
      case 'drop':
        this.#built.delete(effect.job);
        return;
      case 'publish':
        return this.#publish(effect);
      case 'fetch':
        return this.#fetch(effect.hash);
      case 'forkchoice':
        this.#final = effect.finalized;
        this.#anchor = effect.anchor ?? null;
        this.finals.set(this.decided, effect.finalized);
        if (effect.justification !== undefined) this.proofs.set(effect.finalized, effect.justification);
        return;
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
        this.evidence.push(effect.evidence);
        return;
      case 'fault':
        throw new Error(`fault: ${effect.reason}`);
      case 'work':
      case 'behind':
      case 'blame':
      case 'note':
        return;
      default:
        throw new Error('unknown effect');
    }
  }

  #cast(payload: Bytes, guard: Parameters<typeof ruleOn>[1]): void {
    const digest = crypto.messageDigest(payload);
    if (!this.#mayBeSigned(guard, digest)) return;
    const message = { from: this.address, payload, signature: fakeSign(digest, this.address) };
    const statement = decodeStatement(payload);
    if (statement !== null) this.#net.onCast(this, statement);
    if (this.engine === null) return;
    this.#soon(0, () => this.step({ type: 'message', message, peer: null }));
    this.#send(message);
  }

  #send(message: SignedMessage): void {
    const statement = decodeStatement(message.payload);
    if (statement === null || this.isMute) return;
    this.#net.send(this, statement.kind, statement, (to) => void to.hear(message));
  }

  #answer({ job, parent, timeMs, extra }: Extract<EngineEffect, { type: 'build' }>): void {
    const on = this.blocks.get(parent);
    if (!this.#built.delete(job) || on === undefined) return;
    const { gasUsed } = this;
    const fields = { parentHash: parent, number: on.header.number + 1, timeMs, extra, gasUsed };
    this.step({ type: 'built', job, header: rigHeader({ ...fields, beneficiary: this.address }) });
  }

  #publish({ header: unsealed, seal }: Extract<EngineEffect, { type: 'publish' }>): void {
    const digest = crypto.sealHash(unsealed);
    if (seal.by !== 'signature' || !this.#mayBeSigned(seal.guard, digest)) return;
    const header = sealed(unsealed, fakeSign(digest, this.address));
    const block = { hash: crypto.headerHash(header), header, author: this.address };
    this.#net.onPublish(this, block.hash);
    if (this.engine === null) return;
    this.#soon(0, () => this.take(block, 'own'));
    if (!this.isMute) this.#net.send(this, 'block', null, (to) => to.take(block));
  }

  #fetch(hash: Hash): void {
    const block = this.#net.alive.map((node) => node.blocks.get(hash)).find((found) => found !== undefined);
    if (block !== undefined) this.#soon(this.#net.agenda.now + 2 * this.#net.delayMs, () => this.take(block));
  }

  #mayBeSigned(guard: Parameters<typeof ruleOn>[1], digest: Hash): boolean {
    const domain = guardDomain(guard);
    try {
      const ruling = ruleOn(this.#guard.get(domain) ?? null, guard, digest);
      if (ruling.kind === 'advance') this.#guard.set(domain, ruling.record);
      return true;
    } catch {
      this.refused.push(domain);
      return false;
    }
  }

  #soon(at: number, act: () => void): void {
    const life = this.#life;
    this.#net.agenda.add(at, () => {
      if (this.#life === life) act();
    });
  }
}
