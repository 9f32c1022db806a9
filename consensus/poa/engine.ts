import { encodeHeader } from '../../src/codec/block.ts';
import { VOTES_PER_BLOCK_MAX, type Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { assert, unreachable } from '../../src/util/assert.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { Engine, EngineEnv, HowReceived } from '../api/engine.ts';
import type { EngineEvent } from '../api/event.ts';
import type { EngineStatus } from '../api/status.ts';
import { ACCEPT, later, reject, type Verdict } from '../api/verdict.ts';
import { Alarm, shownAlarms } from '../common/alarm.ts';
import { Announcer } from '../common/announcer.ts';
import { BlockWeights, byWeight } from '../common/block-weights.ts';
import { CatchUp } from '../common/catch-up.ts';
import { EvidenceDesk } from '../common/evidence-desk.ts';
import { FailedBlocks } from '../common/failed-blocks.ts';
import { encodeJustification } from '../common/ffg-justification.ts';
import { voteEvidence } from '../common/ffg-offence.ts';
import { decodeLink, type Link } from '../common/ffg-vote.ts';
import { FfgVoter } from '../common/ffg-voter.ts';
import type { FfgState } from '../common/ffg.ts';
import { sealAuthor } from '../common/sealed-header.ts';
import { Sightings } from '../common/sightings.ts';
import { VotePool } from '../common/vote-pool.ts';
import { childBlock, encodeAnchor, rootBlock, type PoaBlock, type PoaTreeBlock } from './branch.ts';
import { encodeExtra } from './extra.ts';
import { checkHeader } from './header-check.ts';
import { slotOf, type PoaParams } from './params.ts';
import { Proposals } from './proposals.ts';
import { PoaSealer } from './sealer.ts';
import { describePoa } from './status.ts';
import { weightOf } from './turns.ts';
import { WantedBlock } from './wanted.ts';

/**
 * Proof of authority. How it works, what it keeps, and where it leaves EIP-225, is in README.md beside this file.
 *
 * States: silent (from `start` to `ready`, blocks are only taken in), then speaking. Every step takes the event in,
 * then settles: choose the head, vote for its checkpoint, plan the next block. All of these are functions of the tree,
 * the pool and the clock, so a lost answer is made good by the next step, whatever it is.
 */

const RECAST_MS_MIN = 500;

export class PoaEngine implements Engine {
  readonly #params: PoaParams;
  readonly #env: EngineEnv;
  readonly #proposals: Proposals;
  readonly #voter: FfgVoter | null;
  readonly #sealer: PoaSealer | null;
  readonly #pool = new VotePool();
  readonly #failed = new FailedBlocks();
  readonly #evidence = new EvidenceDesk();
  readonly #sightings = new Sightings();
  readonly #catchUp = new CatchUp();
  readonly #announcer = new Announcer();
  readonly #wanted: WantedBlock;
  readonly #recast = new Alarm('recast');
  #tree: BlockWeights<PoaBlock> | null = null;
  #head: PoaTreeBlock | null = null;
  #headSeenAt: Millis = 0;
  #now: Millis = 0;
  #isSpeaking = false;
  #isStopped = false;
  /** Who may have a say here: everybody else's messages are not kept. */
  #voters = new Set<Address>();
  #reorgs = 0;

  constructor(params: PoaParams, env: EngineEnv, saved: ReadonlyMap<string, Bytes>) {
    this.#params = params;
    this.#env = env;
    this.#proposals = new Proposals(saved);
    this.#wanted = new WantedBlock(params, this.#pool);
    const retryMs = Math.max(2 * params.blockTimeMs, RECAST_MS_MIN);
    this.#voter = env.self === null ? null : new FfgVoter(env.self, { retryMs, retryMsMax: 4 * retryMs }, saved);
    this.#sealer = env.self === null ? null : new PoaSealer(env.self, params, saved);
  }

  step(event: EngineEvent): readonly EngineEffect[] {
    if (this.#isStopped) return [];
    this.#now = event.now;
    if (event.type === 'stop') {
      this.#isStopped = true;
      return [];
    }
    const effects = this.#take(event);
    if (this.#isSpeaking) this.#settle(effects);
    return effects;
  }

  #take(event: Exclude<EngineEvent, { type: 'stop' }>): EngineEffect[] {
    switch (event.type) {
      case 'start':
        return this.#start(event);
      case 'imported':
        return this.#imported(event);
      case 'ready':
        return this.#ready();
      case 'message':
        return this.#message(event.message, event.peer);
      case 'built':
        return this.#mayAct() ? (this.#sealer?.built(event.job, event.header, this.#now) ?? []) : [];
      case 'failed':
        this.#sealer?.failed(event.job, this.#now);
        return [];
      case 'timer':
        return this.#timer(event.id);
      case 'demand':
        if (event.pendingTxs > 0) this.#wanted.demanded(this.#now);
        return [];
      case 'syncing':
        return this.#catchUp.syncing(event.behindBlocks, this.#now);
      case 'propose':
        return this.#proposals.set(event.subject, event.authorize);
      case 'invalid':
        this.#failed.note(event.author, event.header.number);
        return [];
      case 'justified':
      case 'worked':
        return [];
      default:
        return unreachable(event);
    }
  }

  checkHeader(header: Header, _parent: Header, author: Address, how: HowReceived): Verdict {
    if (this.#tree === null) return later('NOT_STARTED');
    const { chainId, shard } = this.#env;
    const context = { params: this.#params, chainId, shard, tree: this.#tree, failed: this.#failed };
    return checkHeader(context, header, author, how);
  }

  checkMessage(message: SignedMessage): Verdict {
    const vote = decodeLink(message.payload);
    if (vote === null) return reject('VOTE_MALFORMED');
    if (!this.#voters.has(message.from)) return later('VOTER_UNKNOWN');
    const finalizedEpoch = Math.floor(this.#started().root.number / this.#params.checkpointBlocks);
    return vote.target.epoch <= finalizedEpoch ? later('VOTE_OLD') : ACCEPT;
  }

  author(header: Header): Address {
    return sealAuthor(header, this.#env.crypto);
  }

  validatorsFor(block: Hash): ValidatorSet | undefined {
    return this.#tree?.get(block)?.data.validatorsBefore;
  }

  validatorsAfter(block: Hash): ValidatorSet | undefined {
    return this.#tree?.get(block)?.data.state.validators;
  }

  describe(): EngineStatus {
    return describePoa({
      params: this.#params,
      self: this.#env.self,
      now: this.#now,
      root: this.#tree?.root ?? null,
      head: this.#head,
      headSeenAt: this.#headSeenAt,
      safe: this.#head === null ? null : this.#safe(this.#head),
      pool: this.#pool,
      sightings: this.#sightings,
      proposals: this.#proposals,
      sealer: this.#sealer,
      timers: shownAlarms([this.#recast, ...(this.#sealer === null ? [] : [this.#sealer.alarm])]),
      counters: { reorgs: this.#reorgs, evidence: this.#evidence.count, pooledVotes: this.#pool.size },
      isLagging: this.#catchUp.isLagging(this.#now),
      isFinalityWanted: this.#isFinalityWanted(),
    });
  }

  // Taking in

  #start(event: Extract<EngineEvent, { type: 'start' }>): EngineEffect[] {
    assert(this.#tree === null, 'an engine is started once');
    const { finalized: header, finalizedHash: hash } = event;
    const data = rootBlock(event, this.#params);
    this.#tree = new BlockWeights({ hash, parentHash: header.parentHash, number: header.number, data });
    this.#head = this.#tree.root;
    this.#headSeenAt = this.#now;
    this.#learnVoters();
    return [];
  }

  #ready(): EngineEffect[] {
    this.#isSpeaking = true;
    this.#headSeenAt = this.#now;
    this.#sightings.begin(this.#now);
    return this.#voter?.resume() ?? [];
  }

  #imported(event: Extract<EngineEvent, { type: 'imported' }>): EngineEffect[] {
    const { hash, header, author, votes, state, origin } = event;
    const tree = this.#started();
    const parent = tree.get(header.parentHash);
    if (parent === undefined || tree.get(hash) !== undefined) return [];
    const data = childBlock(parent.data, { hash, header, author, votes, state }, this.#params);
    const effects = this.#sealedTwice(header, hash, author);
    const weight = weightOf(parent.data.authorities, header.number, author);
    tree.add({ hash, parentHash: header.parentHash, number: header.number, weight, data });

    const isFresh = origin === 'gossip' || origin === 'own';
    this.#sightings.note(author, header.number, this.#now, isFresh);
    if (author === this.#env.self) this.#sealer?.imported(header.timeMs);
    if (origin === 'sync') effects.push(...this.#catchUp.fetched(this.#now));
    for (const message of votes) effects.push(...this.#hear(message, isFresh));
    effects.push(...this.#finalize(data.ffg));
    this.#chooseHead();
    return effects;
  }

  #message(message: SignedMessage, peer: string | null): EngineEffect[] {
    const effects = this.#hear(message, true);
    const head = this.#head;
    if (peer === null || head === null) return effects;
    const view = { pool: this.#pool, distance: this.#params.checkpointBlocks, headNumber: head.number };
    return [...effects, ...this.#catchUp.lookAhead(head.data.authorities, view)];
  }

  /** Votes come by gossip and in blocks; all of them may be wanted in a block on another branch. */
  #hear(message: SignedMessage, isFresh: boolean): EngineEffect[] {
    const vote = decodeLink(message.payload);
    if (vote === null || !this.#voters.has(message.from)) return [];
    this.#sightings.note(message.from, this.#seenHeight(vote), this.#now, isFresh);
    if (message.from === this.#env.self) this.#voter?.heard(message, vote);
    const { conflict } = this.#pool.add(message, vote);
    if (conflict === null) return [];
    return this.#evidence.report(voteEvidence(conflict, message), vote.target.epoch * this.#params.checkpointBlocks);
  }

  /** A vote shows a validator at work at its target, but no higher than our head: heights are cheap to claim. */
  #seenHeight(vote: Link): number {
    return Math.min(vote.target.epoch * this.#params.checkpointBlocks, this.#head?.number ?? 0);
  }

  #sealedTwice(header: Header, hash: Hash, author: Address): EngineEffect[] {
    const slot = slotOf(this.#params, header.timeMs);
    for (const other of this.#started().all()) {
      if (other.hash === hash || other.data.author !== author) continue;
      if (slotOf(this.#params, other.data.header.timeMs) !== slot) continue;
      const [first, second] = [encodeHeader(other.data.header), encodeHeader(header)];
      return this.#evidence.report({ kind: 'headers', offender: author, first, second }, header.number);
    }
    return [];
  }

  #timer(id: string): EngineEffect[] {
    if (id === this.#sealer?.alarm.id) this.#sealer.alarm.fired();
    if (id !== this.#recast.id || this.#recast.at === null || this.#head === null) return [];
    this.#recast.fired();
    return this.#isFinalityWanted() ? (this.#voter?.repeat(this.#head.data.ffg) ?? []) : [];
  }

  // Deciding

  /** Takes over what a block's votes finalize, and forgets all that conflicts with it. */
  #finalize(ffg: FfgState): EngineEffect[] {
    const tree = this.#started();
    const block = tree.get(ffg.finalized.hash);
    if (block === undefined || block.number <= tree.root.number) return [];
    tree.reroot(block.hash);
    this.#announcer.prove({ justification: encodeJustification(ffg), anchor: encodeAnchor(block.data) });
    this.#learnVoters();
    this.#env.trace('finalized', { number: block.number, hash: block.hash });
    return this.#proposals.settle(block.data.state);
  }

  /**
   * The heaviest leaf among those whose own branch shows the highest justification. A validator that follows this
   * never has to vote from a source below one it voted from before, so never around its own vote.
   */
  #chooseHead(): void {
    const head = this.#started().best(
      (a, b) => b.data.ffg.justified.epoch - a.data.ffg.justified.epoch || byWeight(a, b),
    );
    if (head.hash === this.#head?.hash) return;
    if (this.#head !== null && head.parentHash !== this.#head.hash && this.#isSpeaking) this.#reorgs++;
    this.#head = head;
    this.#headSeenAt = this.#now;
    this.#wanted.headChanged(head.hash);
    this.#learnVoters();
  }

  /** The head's highest justified block, as far as the tree still reaches. */
  #safe(head: PoaTreeBlock): PoaTreeBlock {
    const tree = this.#started();
    const safe = tree.get(head.data.ffg.justified.hash);
    return safe !== undefined && tree.isAncestor(safe.hash, head.hash) ? safe : tree.root;
  }

  #learnVoters(): void {
    const known = [this.#tree?.root, this.#head ?? undefined].flatMap((block) => {
      if (block === undefined) return [];
      const eras = block.data.ffg.eras.flatMap((era) => era.validators.map(({ address }) => address));
      return [...eras, ...block.data.authorities];
    });
    this.#voters = new Set(known);
    const isKnown = (address: Address): boolean => this.#voters.has(address);
    this.#pool.retain(isKnown);
    this.#sightings.retain(isKnown);
  }

  // Speaking

  #settle(effects: EngineEffect[]): void {
    const head = this.#head;
    if (head === null) return;
    effects.push(...this.#announcer.announce(head.hash, this.#started().root.hash, () => this.#safe(head).hash));
    if (this.#mayAct()) {
      const said = this.#voter?.vote(head.data.ffg) ?? [];
      // A new vote starts the waiting anew.
      if (said.length > 0) this.#recast.fired();
      effects.push(...said);
    }
    effects.push(...this.#planRecast());
    effects.push(...(this.#sealer?.plan(this.#mayAct() ? this.#sealView(head) : null, this.#now) ?? []));
  }

  #planRecast(): EngineEffect[] {
    if (this.#voter?.last == null || this.#recast.at !== null || !this.#isFinalityWanted()) return [];
    return this.#recast.moveTo(this.#now + this.#voter.delayMs);
  }

  #sealView(head: PoaTreeBlock): Parameters<PoaSealer['plan']>[0] {
    return {
      head,
      headSeenAt: this.#headSeenAt,
      unfinalizedBlocks: head.number - this.#started().root.number,
      wantedSince: this.#wanted.since(head, {
        now: this.#now,
        headSeenAt: this.#headSeenAt,
        finalizedNumber: this.#started().root.number,
        hasFreshProposal: this.#proposal(head)?.isFresh === true,
      }),
      content: () => ({
        extra: encodeExtra({
          chainId: this.#env.chainId,
          shard: this.#env.shard,
          vote: this.#proposal(head)?.vote ?? null,
        }),
        votes: this.#pool.select(head.data.ffg, VOTES_PER_BLOCK_MAX),
      }),
    };
  }

  #proposal(head: PoaTreeBlock): ReturnType<Proposals['next']> {
    if (this.#env.self === null || (head.number + 1) % this.#params.epochBlocks === 0) return null;
    return this.#proposals.next(head.data.state, this.#env.self);
  }

  #isFinalityWanted(): boolean {
    const head = this.#head;
    if (head === null) return false;
    return this.#params.blockTimeMs > 0 || head.data.contentNumber > this.#started().root.number;
  }

  #mayAct(): boolean {
    return this.#isSpeaking && !this.#catchUp.isLagging(this.#now);
  }

  #started(): BlockWeights<PoaBlock> {
    assert(this.#tree !== null, 'the engine was started');
    return this.#tree;
  }
}
