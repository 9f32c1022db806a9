import type { Header } from '../../src/types/block.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis, PeerId } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { assert, unreachable } from '../../src/util/assert.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { Engine, EngineEnv, HowReceived } from '../api/engine.ts';
import type { EngineEvent } from '../api/event.ts';
import type { EngineStatus } from '../api/status.ts';
import { later, reject, type Verdict } from '../api/verdict.ts';
import { shownAlarms, type Alarm } from '../common/alarm.ts';
import { CatchUp } from '../common/catch-up.ts';
import { EvidenceDesk } from '../common/evidence-desk.ts';
import { sealAuthor } from '../common/sealed-header.ts';
import { Sightings } from '../common/sightings.ts';
import { Ahead } from './ahead.ts';
import { Blocks, decodeAnchor, encodeAnchor, type PbftBlock } from './blocks.ts';
import { encodeJustification, type CertificateFault } from './certificate.ts';
import { Decisions } from './decisions.ts';
import { Fetcher } from './fetcher.ts';
import { checkHeader } from './header-check.ts';
import { Height } from './height.ts';
import { evidenceOf } from './judge.ts';
import { Justifications } from './justifications.ts';
import { checkMessage } from './message-check.ts';
import { decodeStatement, type Statement } from './messages.ts';
import type { PbftParams } from './params.ts';
import { SavedRecords } from './saved.ts';
import { describePbft } from './status.ts';
import { Speaker } from './speaker.ts';
import { Voter } from './voter.ts';

/**
 * Practical Byzantine fault tolerance. The rules, what is kept, and where it leaves the paper, is in README.md beside this
 * file.
 *
 * States: silent (from `start` to `ready`, blocks are only taken in), then speaking. Every step takes the event in, then
 * settles: vote, decide, and at the next height again; then give up the view, plan a block, repeat. All of these follow
 * from what is here and from the clock, so a lost answer is made good by the next step, whatever it is.
 */
export class PbftEngine implements Engine {
  readonly #params: PbftParams;
  readonly #env: EngineEnv;
  readonly #saved: SavedRecords;
  readonly #evidence = new EvidenceDesk();
  readonly #sightings = new Sightings();
  readonly #catchUp = new CatchUp();
  readonly #decisions = new Decisions();
  readonly #ahead = new Ahead();
  readonly #speaker: Speaker;
  readonly #fetcher: Fetcher;
  readonly #justifications: Justifications;
  #blocks: Blocks | null = null;
  #height: Height | null = null;
  /** null: this node has no say at this height. */
  #voter: Voter | null = null;
  #now: Millis = 0;
  #isSpeaking = false;
  #isStopped = false;
  #isToPersist = false;
  /** Who last spoke of a block. */
  #teller: PeerId | null = null;
  #viewChanges = 0;

  constructor(params: PbftParams, env: EngineEnv, saved: ReadonlyMap<string, Bytes>) {
    this.#params = params;
    this.#env = env;
    this.#saved = new SavedRecords(saved);
    this.#justifications = new Justifications(env.crypto);
    this.#speaker = new Speaker(params, env);
    this.#fetcher = new Fetcher(params.viewTimeoutMs);
  }

  step(event: EngineEvent): readonly EngineEffect[] {
    if (this.#isStopped) return [];
    this.#now = event.now;
    if (event.type === 'stop') {
      this.#isStopped = true;
      return [];
    }
    const floor = this.#height?.number ?? 0;
    const effects = this.#take(event);
    if (!this.#isSpeaking) return effects;
    this.#settle(effects);
    this.#keepWords();
    if (!this.#isToPersist) return effects;
    this.#isToPersist = false;
    return [this.#saved.persist(floor), ...effects];
  }

  #take(event: Exclude<EngineEvent, { type: 'stop' }>): EngineEffect[] {
    switch (event.type) {
      case 'start':
        return this.#start(event);
      case 'imported':
        return this.#imported(event);
      case 'justified':
        return this.#justified(event.hash, event.justification, event.peer);
      case 'ready':
        return this.#ready();
      case 'message':
        return this.#message(event.message, event.peer);
      case 'built':
        this.#speaker.proposer.built(event.job, event.header, this.#now);
        return [];
      case 'failed':
        this.#speaker.proposer.failed(event.job, this.#now);
        return [];
      case 'timer':
        this.#alarms()
          .find(({ id }) => id === event.id)
          ?.fired();
        return [];
      case 'demand':
        if (event.pendingTxs > 0) this.#speaker.demanded(this.#now);
        return [];
      case 'syncing':
        return this.#catchUp.syncing(event.behindBlocks, this.#now);
      case 'invalid':
        return this.#invalid(event);
      case 'worked':
      case 'propose':
        return [];
      default:
        return unreachable(event);
    }
  }

  checkHeader(header: Header, _parent: Header, author: Address, how: HowReceived): Verdict {
    const [blocks, height] = [this.#blocks, this.#height];
    if (blocks === null || height === null) return later('NOT_STARTED');
    const { chainId, shard, crypto } = this.#env;
    const context = { params: this.#params, chainId, shard, crypto, blocks, height };
    const certificateFault = (block: Header, justification: Bytes): CertificateFault | null =>
      this.#justifications.fault(height, crypto.headerHash(block), justification);
    return checkHeader({ ...context, certificateFault }, header, author, how);
  }

  checkMessage(message: SignedMessage): Verdict {
    const statement = decodeStatement(message.payload);
    if (statement === null) return reject('STATEMENT_MALFORMED');
    if (this.#height === null) return later('NOT_STARTED');
    return checkMessage({ height: this.#height, decisions: this.#decisions, ahead: this.#ahead }, message, statement);
  }

  author(header: Header): Address {
    return sealAuthor(header, this.#env.crypto);
  }

  validatorsFor(block: Hash): ValidatorSet | undefined {
    return this.#blocks?.get(block)?.validatorsBefore;
  }

  validatorsAfter(block: Hash): ValidatorSet | undefined {
    return this.#blocks?.get(block)?.state.validators;
  }

  describe(): EngineStatus {
    const height = this.#height;
    const pendingFrom = height === null ? null : this.#speaker.pendingFrom(height, this.#voter);
    return describePbft({
      params: this.#params,
      self: this.#env.self,
      now: this.#now,
      decided: this.#blocks?.decided ?? null,
      height,
      decisions: this.#decisions,
      sightings: this.#sightings,
      pendingFrom,
      timers: shownAlarms(this.#alarms()),
      counters: {
        decided: this.#decisions.count,
        viewChanges: this.#viewChanges,
        evidence: this.#evidence.count,
        pooledMessages: (height?.ballots.size ?? 0) + this.#ahead.size,
      },
      isLagging: this.#catchUp.isLagging(this.#now),
    });
  }

  // Taking in

  #start(event: Extract<EngineEvent, { type: 'start' }>): EngineEffect[] {
    assert(this.#blocks === null, 'an engine is started once');
    const { finalized: header, finalizedHash: hash, state, anchor } = event;
    const author = header.number === 0 ? null : this.author(header);
    const validatorsBefore = anchor === null ? undefined : decodeAnchor(anchor);
    const decided = { hash, header, author, state, validatorsBefore };
    this.#blocks = new Blocks(decided);
    this.#begin(decided, this.#blocks);
    return [];
  }

  #ready(): EngineEffect[] {
    this.#isSpeaking = true;
    this.#sightings.begin(this.#now);
    this.#speaker.talk.begin(this.#now);
    const { height } = this.#started();
    height.enteredAt = this.#now;
    return [];
  }

  #imported(event: Extract<EngineEvent, { type: 'imported' }>): EngineEffect[] {
    const { hash, header, author, state, origin, justification } = event;
    const { blocks } = this.#started();
    if (!blocks.add({ hash, header, author, state })) return [];
    const isFresh = origin === 'gossip' || origin === 'own';
    this.#sightings.note(author, header.number, this.#now, isFresh);
    if (author === this.#env.self) this.#speaker.proposer.imported();
    // The check of the header has seen to it that the proof is none of a liar.
    return justification === null ? [] : this.#justified(hash, justification, null);
  }

  /** Execution failed here. Where a quorum has decided the block nevertheless, it is we who are wrong. */
  #invalid({ hash, header, author, justification }: Extract<EngineEvent, { type: 'invalid' }>): EngineEffect[] {
    const { blocks, height } = this.#started();
    blocks.fail(hash, { author, number: header.number });
    if (justification === null || header.parentHash !== height.parent.hash) return [];
    return this.#justifications.fault(height, hash, justification) === null ? this.#diverged(hash) : [];
  }

  #diverged(hash: Hash): EngineEffect[] {
    this.#isStopped = true;
    const { number } = this.#started().height;
    const reason = `a quorum has decided block ${hash} at height ${number}, whose execution fails here: the state of this node differs from theirs`;
    return [{ type: 'fault', reason }];
  }

  /** A decision that others have made; a candidate without proof is no progress, however it came. */
  #justified(hash: Hash, justification: Bytes, peer: PeerId | null): EngineEffect[] {
    const { blocks, height } = this.#started();
    if (blocks.candidate(hash) === undefined) return [];
    const fault = this.#justifications.fault(height, hash, justification);
    if (fault === null) return [...this.#catchUp.fetched(this.#now), ...this.#decide(hash, justification)];
    return peer === null ? [] : [{ type: 'blame', peer, code: `PBFT_CERTIFICATE_${fault}` }];
  }

  #message(message: SignedMessage, peer: PeerId | null): EngineEffect[] {
    const { height } = this.#started();
    const statement = decodeStatement(message.payload);
    if (statement === null || !height.isValidator(message.from)) return [];
    this.#sightings.note(message.from, Math.min(statement.height, height.number), this.#now, true);
    if (statement.height < height.number) {
      this.#decisions.late(message, statement);
      return [];
    }
    if (peer !== null && 'hash' in statement) this.#teller = peer;
    if (statement.height === height.number) return this.#hear(message, statement);
    this.#ahead.add(message, statement, height.number);
    return this.#ahead.lookAhead(height.validators, height.number, this.#now);
  }

  /** A statement of a validator about the height under way. */
  #hear(message: SignedMessage, statement: Statement): EngineEffect[] {
    const { height } = this.#started();
    const isOwn = message.from === this.#env.self;
    height.heard.add(message.from);
    if (isOwn) this.#voter?.words.heard(message, statement);
    else this.#speaker.heed(height, message.from, statement, this.#now);
    switch (statement.kind) {
      case 'status':
        return [];
      case 'certificate':
        if (height.faultOf(message, statement) === null) height.learn(statement.certificate);
        return [];
      case 'new-view':
        return this.#newView(height, message, statement);
      case 'view-change':
      case 'pre-prepare':
      case 'prepare':
      case 'commit': {
        const conflict = height.vote(message, statement);
        return conflict === null ? [] : this.#report(conflict, message);
      }
      default:
        return unreachable(statement);
    }
  }

  #newView(
    height: Height,
    message: SignedMessage,
    statement: Extract<Statement, { kind: 'new-view' }>,
  ): EngineEffect[] {
    const { entry } = height;
    if (entry !== null && height.contradictsEntry(message, statement)) {
      height.contradicted(message.from);
      return this.#report(entry, message);
    }
    if (height.primary(statement.view) !== message.from || height.faultOf(message, statement) !== null) return [];
    if (!height.enter(message, statement, this.#now)) return [];
    this.#viewChanges++;
    this.#speaker.talk.renew(this.#now);
    this.#env.trace('view', { height: height.number, view: height.view });
    return [];
  }

  #report(first: SignedMessage, second: SignedMessage): EngineEffect[] {
    const evidence = evidenceOf(first, second);
    return evidence === null ? [] : this.#evidence.report(evidence, this.#started().height.number);
  }

  // Deciding

  /** A quorum has committed a block that is here. */
  #decideCommitted(): EngineEffect[] {
    const { blocks, height } = this.#started();
    const { committed } = height;
    if (committed === null || blocks.candidate(committed.hash) === undefined) return [];
    const commits = height.ballots.votesFor('commit', committed.view, committed.hash);
    return this.#decide(committed.hash, encodeJustification(committed.view, commits));
  }

  #decide(hash: Hash, justification: Bytes | null): EngineEffect[] {
    const { blocks, height } = this.#started();
    const commits = height.ballots.votesFor('commit', height.committed?.view ?? height.view, hash);
    const committers = new Set(commits.map(({ from }) => from));
    const { number, validators } = height;
    this.#decisions.add({ number, hash, at: this.#now, validators, committers });
    this.#keepWords();
    const block = blocks.decide(hash);
    this.#speaker.decided(block, height.committed?.hash === hash);
    this.#begin(block, blocks);
    this.#speaker.talk.renew(this.#now);
    this.#env.trace('decided', { number, hash });
    const anchor = encodeAnchor(block);
    const proof = justification === null ? {} : { justification };
    return [
      { type: 'forkchoice', head: hash, safe: hash, finalized: hash, anchor, ...proof },
      ...this.#ahead
        .reach(number + 1, (who) => this.#started().height.isValidator(who))
        .flatMap(({ message, statement }) => this.#hear(message, statement)),
    ];
  }

  #begin(parent: PbftBlock, blocks: Blocks): void {
    const { self, crypto } = this.#env;
    const record = this.#saved.at(parent.header.number + 1);
    const height = new Height(parent, { params: this.#params, crypto }, this.#now, record);
    this.#height = height;
    this.#voter = null;
    if (self !== null && height.isValidator(self)) {
      this.#voter = new Voter(self, this.#params, { height, blocks }, record);
      for (const message of this.#voter.words.signed()) {
        const statement = decodeStatement(message.payload);
        if (statement !== null) this.#hear(message, statement);
      }
    }
    const isKnown = (who: Address): boolean => parent.state.validators.some(({ address }) => address === who);
    this.#sightings.retain(isKnown);
  }

  // Speaking

  #settle(effects: EngineEffect[]): void {
    for (;;) {
      if (this.#voter !== null) effects.push(...this.#voter.vote());
      const decided = this.#decideCommitted();
      if (decided.length === 0) break;
      effects.push(...decided);
    }
    const { blocks, height } = this.#started();
    const { committed } = height;
    if (committed !== null && blocks.hasFailed(committed.hash)) {
      effects.push(...this.#diverged(committed.hash));
      return;
    }
    const needed = height.neededBlock()?.hash ?? null;
    const isHere = needed === null || blocks.candidate(needed) !== undefined || blocks.hasFailed(needed);
    const missing = isHere ? null : needed;
    effects.push(...this.#fetcher.plan(missing, this.#teller, this.#now));
    const isLagging = this.#catchUp.isLagging(this.#now);
    const scene = { height, blocks, voter: this.#voter, isLagging, now: this.#now };
    effects.push(...this.#speaker.speak(scene, effects));
  }

  #keepWords(): void {
    const record = this.#voter?.takeRecord() ?? null;
    if (record === null) return;
    this.#saved.put(record);
    this.#isToPersist = true;
  }

  #alarms(): readonly Alarm[] {
    return [...this.#speaker.alarms, this.#fetcher.alarm];
  }

  #started(): { readonly blocks: Blocks; readonly height: Height } {
    assert(this.#blocks !== null && this.#height !== null, 'the engine was started');
    return { blocks: this.#blocks, height: this.#height };
  }
}
