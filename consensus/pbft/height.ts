import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { activeValidators, hasQuorum, powerOf, quorumPower, totalPower } from '../common/quorum.ts';
import { Ballots } from './ballots.ts';
import type { PbftBlock } from './blocks.ts';
import { preparedFault } from './certificate.ts';
import {
  decodeStatement,
  type Certificate,
  type CertificateMessage,
  type Claim,
  type NewView,
  type SignedChange,
  type Vote,
} from './messages.ts';
import { isCovered, newViewFault } from './new-view.ts';
import type { PbftParams } from './params.ts';
import { primaryOf } from './primary.ts';
import type { HeightRecord } from './saved.ts';

/** Statements about views this far above ours are not kept, unless they prove themselves. */
export const VIEW_AHEAD_MAX = 1000;

/**
 * One height under way: who has a say, what was heard, and in which view this node is. Whoever hears the same comes to the
 * same; what a validator itself says on it is in voter.ts.
 */
export class Height {
  readonly number: number;
  readonly parent: PbftBlock;
  /** The active ones after the parent, by address. */
  readonly validators: ValidatorSet;
  readonly ballots = new Ballots();
  /** Of whom anything was heard about this height. */
  readonly heard = new Set<Address>();
  readonly startedAt: Millis;
  /** The view that this node takes part in, … */
  view = 0;
  /** … or, above that, the one it waits for. */
  target = 0;
  /** The NEW-VIEW that opened the view. */
  entry: SignedMessage | null = null;
  enteredAt: Millis;
  /** The only block that may be proposed in this view; null: whichever. */
  required: Hash | null = null;
  /** What this node has prepared. */
  prepared: Certificate | null = null;
  /** The highest certificate known of anybody. */
  best: Certificate | null = null;
  /** A quorum has committed this. */
  committed: Claim | null = null;
  /** The highest view that anybody takes part in, by their word. */
  furthestView = 0;
  readonly #params: PbftParams;
  readonly #crypto: EngineCrypto;
  /** Proofs that were checked before, by the bytes they came in. */
  readonly #checked = new WeakMap<Bytes, { readonly fault: string | null }>();

  constructor(
    parent: PbftBlock,
    modules: { readonly params: PbftParams; readonly crypto: EngineCrypto },
    now: Millis,
    record: HeightRecord | null,
  ) {
    this.number = parent.header.number + 1;
    this.parent = parent;
    this.validators = activeValidators(parent.state.validators);
    this.startedAt = now;
    this.enteredAt = now;
    this.#params = modules.params;
    this.#crypto = modules.crypto;
    if (record !== null) this.#restore(record);
  }

  primary(view: number): Address | null {
    return primaryOf(this.validators, this.parent.author, view, this.#params.proposers);
  }

  isValidator(address: Address | null): boolean {
    return this.validators.some((validator) => validator.address === address);
  }

  /** Not waiting for another view. */
  get isTakingPart(): boolean {
    return this.target === this.view;
  }

  hasQuorum(has: (address: Address) => boolean): boolean {
    return hasQuorum(this.validators, has);
  }

  /** So many that one of them is honest. */
  hasWeakQuorum(has: (address: Address) => boolean): boolean {
    const total = totalPower(this.validators);
    return powerOf(this.validators, has) > total - quorumPower(total);
  }

  // Taking in

  /** A PRE-PREPARE, PREPARE, COMMIT or VIEW-CHANGE of a validator; gives the message that it contradicts. */
  vote(message: SignedMessage, statement: Vote): SignedMessage | null {
    if (statement.view > this.view + VIEW_AHEAD_MAX) return null;
    const { isNew, conflict } = this.ballots.add(message, statement);
    if (isNew && statement.kind === 'commit') this.#countCommits(statement);
    return conflict;
  }

  /** A certificate that has been checked. */
  learn(certificate: Certificate): void {
    if (this.best === null || certificate.view > this.best.view) this.best = certificate;
  }

  prepare(certificate: Certificate): void {
    this.prepared = certificate;
    this.learn(certificate);
  }

  /** A NEW-VIEW that has been checked. False when this node has moved past that view, or wants to. */
  enter(message: SignedMessage, { view, certificate }: NewView, now: Millis): boolean {
    if (view <= this.view || view < this.target) return false;
    this.view = view;
    this.target = view;
    this.entry = message;
    this.enteredAt = now;
    this.required = certificate?.hash ?? null;
    if (certificate !== null) this.learn(certificate);
    return true;
  }

  /** What is wrong with a certificate or NEW-VIEW of this height. Costs signatures, once. */
  faultOf(message: SignedMessage, statement: CertificateMessage | NewView): string | null {
    const known = this.#checked.get(message.payload);
    if (known !== undefined) return known.fault;
    const fault =
      statement.kind === 'new-view'
        ? newViewFault(this.validators, statement, (view) => this.primary(view), this.#crypto)
        : preparedFault(
            this.validators,
            this.number,
            statement.certificate,
            this.primary(statement.view),
            this.#crypto,
          );
    this.#checked.set(message.payload, { fault });
    return fault;
  }

  // What follows from it

  /** The block that the primary of this view has proposed and that may be prepared. */
  proposal(): Hash | null {
    const primary = this.primary(this.view);
    const ballot = primary === null ? null : this.ballots.vote('pre-prepare', primary, this.view);
    if (ballot === null || (this.required !== null && ballot.statement.hash !== this.required)) return null;
    return ballot.statement.hash;
  }

  /** PREPAREs for a block in this view, with the PRE-PREPARE, which counts as the primary's. */
  preparers(hash: Hash): readonly SignedMessage[] {
    const primary = this.primary(this.view);
    const own = primary === null ? null : this.ballots.vote('pre-prepare', primary, this.view);
    const others = this.ballots.votesFor('prepare', this.view, hash).filter(({ from }) => from !== primary);
    return own?.statement.hash === hash ? [own.message, ...others] : others;
  }

  /** Proof that a quorum has prepared this block in this view; null while it has not. */
  certificateFor(hash: Hash): Certificate | null {
    const messages = this.preparers(hash);
    const voters = new Set(messages.map(({ from }) => from));
    const primary = this.primary(this.view);
    if (primary === null || !voters.has(primary) || !this.hasQuorum((address) => voters.has(address))) return null;
    const signers = messages.map(({ from, signature }) => ({ from, signature }));
    return { view: this.view, hash, signers: signers.sort((a, b) => (a.from < b.from ? -1 : 1)) };
  }

  /** The block that is needed to go on, here or not; `isVouched`: at least one honest validator has executed it. */
  neededBlock(): { readonly hash: Hash; readonly isVouched: boolean } | null {
    const vouched = this.committed?.hash ?? (this.isTakingPart ? this.required : null);
    if (vouched !== null) return { hash: vouched, isVouched: true };
    const proposal = this.isTakingPart ? this.proposal() : null;
    return proposal === null ? null : { hash: proposal, isVouched: false };
  }

  /** Those who want a view at least as high as this. */
  wantsView(view: number): (address: Address) => boolean {
    return (address) => this.ballots.newestChange(address) >= view;
  }

  /** The view to join because a weak quorum has given up ours; null: none. */
  viewToJoin(): number | null {
    const views = this.validators
      .map(({ address }) => this.ballots.newestChange(address))
      .filter((view) => view > this.target);
    if (views.length === 0 || !this.hasWeakQuorum(this.wantsView(this.target + 1))) return null;
    return Math.min(...views);
  }

  /** VIEW-CHANGEs to this view that may be counted. */
  countedChanges(view: number): readonly SignedChange[] {
    return this.ballots
      .changesTo(view)
      .filter(({ statement }) => isCovered(statement.prepared, this.best))
      .map(({ statement: { prepared }, message: { from, signature } }) => ({ from, prepared, signature }));
  }

  #countCommits({ view, hash }: Claim): void {
    if (this.committed !== null) return;
    const voters = new Set(this.ballots.votesFor('commit', view, hash).map(({ from }) => from));
    if (this.hasQuorum((address) => voters.has(address))) this.committed = { view, hash };
  }

  #restore(record: HeightRecord): void {
    this.view = record.view;
    this.target = record.target;
    this.entry = record.entry;
    if (record.prepared !== null) this.prepare(record.prepared);
    const opened = record.entry === null ? null : decodeStatement(record.entry.payload);
    if (opened?.kind !== 'new-view' || opened.certificate === null) return;
    this.required = opened.certificate.hash;
    this.learn(opened.certificate);
  }
}
