import type { Address, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { EngineEnv } from '../api/engine.ts';
import { activeValidators } from '../common/quorum.ts';
import { Alarm } from '../common/alarm.ts';
import type { Blocks, PbftBlock } from './blocks.ts';
import { encodeExtra } from './extra.ts';
import type { Height } from './height.ts';
import type { Statement } from './messages.ts';
import { Neglect } from './neglect.ts';
import { blockDistanceMs, type PbftParams } from './params.ts';
import { primaryOf } from './primary.ts';
import { Proposer, type Wish } from './proposer.ts';
import { Talk, TALK_GAP_MS } from './talk.ts';
import type { Voter } from './voter.ts';
import { WantedBlock } from './wanted.ts';

/** What a node knows when it speaks. */
export type Scene = {
  readonly height: Height;
  readonly blocks: Blocks;
  /** null: this node has no say at this height. */
  readonly voter: Voter | null;
  readonly isLagging: boolean;
  readonly now: Millis;
};

/** All that a validator does of its own accord, at any height: gives views up, makes blocks, repeats, answers and asks. */
export class Speaker {
  readonly proposer: Proposer;
  readonly talk: Talk;
  readonly #wanted: WantedBlock;
  /** null: every block has another primary anyway. */
  readonly #neglect: Neglect | null;
  readonly #params: PbftParams;
  readonly #self: Address | null;
  readonly #viewAlarm = new Alarm('view');
  /** A quorum was heard since the start, so others know of us. */
  #isIntroduced = false;
  #wasLagging = false;

  constructor(params: PbftParams, env: EngineEnv) {
    this.#params = params;
    this.#self = env.self;
    this.proposer = new Proposer(params, encodeExtra(env));
    this.talk = new Talk(params);
    this.#wanted = new WantedBlock(params);
    this.#neglect = params.proposers === 'sticky' ? new Neglect(params.viewTimeoutMs) : null;
  }

  get alarms(): readonly Alarm[] {
    return [this.#viewAlarm, this.talk.alarm, this.proposer.alarm];
  }

  /** Transactions wait. */
  demanded(now: Millis): void {
    this.#wanted.demanded(now);
    this.#neglect?.demanded(now);
  }

  /** `isLive`: by votes that came here. */
  decided({ author, header }: PbftBlock, isLive: boolean): void {
    this.#wanted.headChanged();
    this.talk.heightChanged();
    this.#neglect?.decided(author, header, isLive);
  }

  /** Who is behind us gets an answer; where we are behind, we ask. `statement`: of somebody else, about this height. */
  heed(height: Height, from: Address, statement: Statement, now: Millis): void {
    const { kind, view } = statement;
    // A COMMIT is repeated long after its view, and a certificate is older than what it is sent with.
    if (kind === 'commit' || kind === 'certificate' || kind === 'new-view') return;
    const isBehind = kind === 'view-change' ? view <= height.view : view < height.view;
    const isAsking = kind === 'status' && (statement.asks || isBehind);
    // What crossed our way into the view is no sign of being behind.
    if (isAsking || (isBehind && now >= height.enteredAt + TALK_GAP_MS)) this.talk.wantAnswer(from, now);
    if (kind === 'view-change' || view <= height.view) return;
    height.spokeIn(view, from);
    // A single one may be lying, and everybody would ask everybody.
    if (height.furthestView > height.view) this.talk.wantAsk(now);
  }

  /** Since (or from) when this node waits for something at this height; null: it does not. */
  pendingFrom(height: Height, voter: Voter | null): Millis | null {
    const isAtWork = voter?.isAtWork === true || height.committed !== null || height.proposal() !== null;
    const wantedFrom = this.#wanted.from(height.parent.header);
    if (isAtWork) return Math.min(height.enteredAt, wantedFrom ?? Infinity);
    return voter !== null && !this.#isIntroduced ? height.enteredAt : wantedFrom;
  }

  /** At the end of a step, after all votes; `said`: its effects so far. */
  speak(scene: Scene, said: readonly EngineEffect[]): EngineEffect[] {
    const { voter, height, isLagging, now } = scene;
    if (voter === null) {
      return [...this.proposer.plan(null, now), ...this.alarms.flatMap((alarm) => alarm.moveTo(null))];
    }
    const effects: EngineEffect[] = [];
    const wantedFrom = this.#wanted.from(height.parent.header);
    // Far behind, votes do no harm, but views and blocks would be about what is long decided.
    if (isLagging || this.#wasLagging) height.enteredAt = now;
    this.#wasLagging = isLagging;
    if (!isLagging) effects.push(...this.#changeView(scene, voter, wantedFrom));
    effects.push(...this.#viewAlarm.moveTo(isLagging ? null : voter.deadline(wantedFrom)));
    const made = this.proposer.plan(isLagging ? null : this.#wish(scene, voter), now);
    if (made.some(({ type }) => type === 'publish')) voter.sealed();
    effects.push(...made);
    if ([...said, ...effects].some(({ type }) => type === 'cast')) this.talk.renew(now);
    effects.push(...this.#talk(height, voter, now), ...this.talk.plan());
    return effects;
  }

  #changeView({ height, now }: Scene, voter: Voter, wantedFrom: Millis | null): EngineEffect[] {
    const primary = height.primary(0);
    const isNeglected = primary !== this.#self && this.#neglect?.isDue(primary, now) === true;
    const isFirst = height.target === 0;
    const effects = voter.changeView(wantedFrom, isNeglected, now);
    if (!isNeglected || !isFirst || height.isTakingPart) return effects;
    this.#neglect?.protested();
    const message = 'the primary leaves waiting transactions out: another one is asked for';
    return [...effects, { type: 'note', level: 'info', message, fields: { height: height.number, primary } }];
  }

  #talk(height: Height, voter: Voter, now: Millis): EngineEffect[] {
    const effects: EngineEffect[] = [];
    const isAlone = !height.hasQuorum((address) => address === this.#self || height.heard.has(address));
    if (!isAlone) this.#isIntroduced = true;
    const due = this.talk.takeDue(this.pendingFrom(height, voter), now);
    if (due.repeat || due.answer) effects.push(...voter.repeat());
    const isBehind = height.furthestView > height.view;
    const asks = (due.repeat && isAlone) || (due.ask && (isBehind || !this.#isIntroduced));
    if (asks || due.answer) {
      effects.push(...this.talk.status({ height: height.number, view: height.view, now, asks }));
    }
    return effects;
  }

  /** The block to make now: the next one, or in good time the one after a block of which we are to make the successor. */
  #wish({ height, blocks }: Scene, voter: Voter): Wish | null {
    const distanceMs = blockDistanceMs(this.#params);
    if (voter.isToBuild) {
      const { hash, header } = height.parent;
      return {
        parent: hash,
        height: height.number,
        view: height.view,
        notBefore: header.timeMs + distanceMs,
        wantedFrom: this.#wanted.from(header),
        emptyFrom: this.#wanted.emptyFrom(header),
        mayPublish: true,
      };
    }
    const next = height.prepared === null ? undefined : blocks.candidate(height.prepared.hash);
    if (next === undefined) return null;
    const { hash, header, author, state } = next;
    const primary = primaryOf(activeValidators(state.validators), author, 0, this.#params.proposers);
    if (primary !== this.#self) return null;
    const notBefore = header.timeMs + distanceMs;
    const ahead = { wantedFrom: null, emptyFrom: null, mayPublish: false };
    return { parent: hash, height: header.number + 1, view: 0, notBefore, ...ahead };
  }
}
