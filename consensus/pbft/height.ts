import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Hash, Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { bytesEqual } from '../../src/util/hex.ts';
import type { EngineCrypto } from '../api/engine.ts';
import { activeValidators, hasQuorum, powerOf, quorumPower, totalPower } from '../common/quorum.ts';
import { Ballots } from './ballots.ts';
import type { PbftBlock } from './blocks.ts';
import { preparedFault } from './certificate.ts';
import { CheckedProofs } from './checked-proofs.ts';
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
  /** The highest view that each validator takes part in, by its word. */
  readonly #views = new Map<Address, number>();
  readonly #params: PbftParams;
  readonly #crypto: EngineCrypto;
  readonly #proofs = new CheckedProofs();
  /** Whose second NEW-VIEW of one view was taken in. */
  readonly #contradicted = new Set<Address>();

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
    const { isNew, conflict } = this.ballots.add(message, statement, this.view);
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
    return this.#proofs.fault(message, statement, () => {
      const primaryOf = (view: number): Address | null => this.primary(view);
      if (statement.kind === 'new-view') return newViewFault(this.validators, statement, primaryOf, this.#crypto);
      const { certificate, view } = statement;
      return preparedFault(this.validators, this.number, certificate, this.primary(view), this.#crypto);
    });
  }

  /** A certificate or NEW-VIEW whose sender has had its check at this height. */
  isSpent(message: SignedMessage, statement: CertificateMessage | NewView): boolean {
    return this.#proofs.isSpent(message, statement);
  }

  /** Another NEW-VIEW than the one that opened this view, of the same primary, and the first such. */
  contradictsEntry({ from, payload }: SignedMessage, { view }: NewView): boolean {
    if (this.entry === null || view !== this.view || this.entry.from !== from || this.#contradicted.has(from))
      return false;
    return !bytesEqual(this.entry.payload, payload);
  }

  contradicted(from: Address): void {
    this.#contradicted.add(from);
  }

  /** A validator takes part in this view, by its word. */
  spokeIn(view: number, from: Address): void {
    this.#views.set(from, Math.max(view, this.#views.get(from) ?? 0));
  }

  // What follows from it

  /** The highest view that an honest validator takes part in or is beyond: so many say so. */
  get furthestView(): number {
    const views = [...new Set(this.#views.values())].sort((a, b) => b - a);
    return views.find((view) => this.hasWeakQuorum((who) => (this.#views.get(who) ?? 0) >= view)) ?? 0;
  }

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
