import type { Address, Hash, Millis } from '../../src/types/primitives.ts';
import type { EngineEffect } from '../api/effect.ts';
import type { Blocks } from './blocks.ts';
import type { Height } from './height.ts';
import type { BlockVote } from './messages.ts';
import { composeNewView } from './new-view.ts';
import { OwnWords } from './own-words.ts';
import { viewTimeoutMs, type PbftParams } from './params.ts';
import type { HeightRecord } from './saved.ts';

/**
 * A validator's part at one height: what to say to what was heard, and when to give a view up. Every method may be called
 * again at any time: it says what is due and was not said.
 */
export class Voter {
  readonly words: OwnWords;
  readonly #self: Address;
  readonly #params: PbftParams;
  readonly #height: Height;
  readonly #blocks: Blocks;
  /** The first view in which no block was sealed, by what is saved; the signer gives no second one in a view. */
  #unsealedView: number;
  #isSealDirty = false;
  /** Since when there is something to decide in this view, beyond the wish for a block. */
  #workSince: Millis | null = null;
  /** Since when a quorum wants the view we wait for. */
  #quorumSince: Millis | null = null;

  constructor(
    self: Address,
    params: PbftParams,
    modules: { readonly height: Height; readonly blocks: Blocks },
    record: HeightRecord | null,
  ) {
    this.#self = self;
    this.#params = params;
    this.#height = modules.height;
    this.#blocks = modules.blocks;
    this.words = new OwnWords(self, record?.said ?? []);
    this.#unsealedView = record?.unsealedView ?? 0;
  }

  /** What is to be saved in this step; null: nothing new. */
  takeRecord(): HeightRecord | null {
    if (!this.words.isDirty && !this.#isSealDirty) return null;
    this.words.isDirty = false;
    this.#isSealDirty = false;
    const { number: height, view, target, entry, prepared } = this.#height;
    return { height, view, target, entry, prepared, unsealedView: this.#unsealedView, said: this.words.list() };
  }

  /** A block is published in this view. To be saved in the same step: whatever becomes of that block, there is no other. */
  sealed(): void {
    this.#unsealedView = this.#height.view + 1;
    this.#isSealDirty = true;
  }

  /** The three phases. */
  vote(): EngineEffect[] {
    const height = this.#height;
    if (!height.isTakingPart) return [];
    const effects = this.#propose();
    const hash = height.proposal();
    if (hash === null || this.#blocks.candidate(hash) === undefined) return effects;
    if (height.primary(height.view) !== this.#self) effects.push(...this.#say('prepare', hash));
    if ((height.prepared?.view ?? -1) < height.view) {
      const certificate = height.certificateFor(hash);
      if (certificate !== null) height.prepare(certificate);
    }
    if (height.prepared?.view === height.view) effects.push(...this.#say('commit', height.prepared.hash));
    return effects;
  }

  /** The block to make is one of our own, none is here yet nor under way, and it is our turn. */
  get isToBuild(): boolean {
    const { isTakingPart, required, view } = this.#height;
    if (!isTakingPart || required !== null || view < this.#unsealedView || !this.#isLeading()) return false;
    return this.#blocks.candidateBy(this.#self) === undefined;
  }

  /**
   * Gives the view up when its time is over or others have, and opens the next one when that is ours to open. `isNeglected`:
   * the first view is not to be taken part in.
   */
  changeView(wantedFrom: Millis | null, isNeglected: boolean, now: Millis): EngineEffect[] {
    const height = this.#height;
    const effects: EngineEffect[] = [];
    const joined = height.viewToJoin();
    if (joined !== null) effects.push(...this.#giveUp(joined));
    else if (isNeglected && height.target === 0 && height.committed === null) effects.push(...this.#giveUp(1));
    this.#observe(now);
    const dueAt = this.deadline(wantedFrom);
    if (dueAt !== null && now >= dueAt) effects.push(...this.#giveUp(height.target + 1));
    this.#observe(now);
    return [...effects, ...this.#open()];
  }

  /** When the view (or the wait for the next one) is given up; null: there is nothing to wait for. */
  deadline(wantedFrom: Millis | null): Millis | null {
    const height = this.#height;
    if (!height.isTakingPart) {
      return this.#quorumSince === null ? null : this.#quorumSince + viewTimeoutMs(this.#params, height.target);
    }
    const from = Math.min(this.#workSince ?? Infinity, wantedFrom ?? Infinity);
    return from === Infinity ? null : Math.max(from, height.enteredAt) + viewTimeoutMs(this.#params, height.view);
  }

  /** Something was begun at this height that must come to an end. */
  get isAtWork(): boolean {
    return !this.#height.isTakingPart || this.#hasWork();
  }

  /** Once more, what still matters. */
  repeat(): EngineEffect[] {
    const { view, target, entry } = this.#height;
    const effects: EngineEffect[] = entry === null ? [] : [{ type: 'recast', message: entry }];
    const isChanging = target > view;
    const said = this.words.repeat((statement) => {
      if (statement.kind === 'commit') return true;
      if (statement.kind === 'view-change' || statement.kind === 'certificate') return isChanging;
      // Ours may be said and not be back yet.
      if (statement.kind === 'new-view') return statement.view > view;
      return statement.view === view;
    });
    return [...effects, ...said];
  }

  #isLeading(): boolean {
    const height = this.#height;
    return height.primary(height.view) === this.#self && this.words.newestView('pre-prepare') < height.view;
  }

  #propose(): EngineEffect[] {
    if (!this.#isLeading()) return [];
    const { required } = this.#height;
    const block = required === null ? this.#blocks.candidateBy(this.#self) : this.#blocks.candidate(required);
    return block === undefined ? [] : this.#say('pre-prepare', block.hash);
  }

  #say(kind: BlockVote['kind'], hash: Hash): EngineEffect[] {
    const { number: height, view } = this.#height;
    return this.words.newestView(kind) >= view ? [] : this.words.say({ kind, height, view, hash });
  }

  #giveUp(target: number): EngineEffect[] {
    const height = this.#height;
    height.target = target;
    this.#quorumSince = null;
    const { prepared } = height;
    const claim = prepared === null ? null : { view: prepared.view, hash: prepared.hash };
    const effects = this.words.say({ kind: 'view-change', height: height.number, view: target, prepared: claim });
    if (prepared === null) return effects;
    const { view } = prepared;
    return [...effects, ...this.words.say({ kind: 'certificate', height: height.number, view, certificate: prepared })];
  }

  /** NEW-VIEW, if we are to lead the view we wait for and a quorum wants it. */
  #open(): EngineEffect[] {
    const height = this.#height;
    const { number, target, best } = height;
    if (height.isTakingPart || height.primary(target) !== this.#self) return [];
    if (this.words.newestView('new-view') >= target || (best !== null && best.view >= target)) return [];
    const changes = height.countedChanges(target);
    const newView = composeNewView(height.validators, { height: number, view: target }, changes, best);
    return newView === null ? [] : this.words.say(newView);
  }

  /** From when on the clock runs. */
  #observe(now: Millis): void {
    const height = this.#height;
    if (!height.isTakingPart || !this.#hasWork()) this.#workSince = null;
    else this.#workSince ??= now;
    // Whoever wants a later view still has given up the ones before it.
    if (height.isTakingPart) this.#quorumSince = null;
    else if (height.hasQuorum(height.wantsView(height.target))) this.#quorumSince ??= now;
  }

  #hasWork(): boolean {
    const { required, prepared, committed } = this.#height;
    return required !== null || prepared !== null || committed !== null || this.#height.proposal() !== null;
  }
}
