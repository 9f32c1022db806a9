import { messageToRlp, readMessage } from '../../src/codec/message.ts';
import { encodeRlp } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Millis } from '../../src/types/primitives.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { EngineEffect } from '../api/effect.ts';
import { readList } from './ffg-codec.ts';
import { setsFor, type FfgState } from './ffg.ts';
import { decodeVote, encodeVote, type FfgVote } from './ffg-vote.ts';

/** Own signed votes kept beside the newest one. */
const EARLIER_VOTES_MAX = 3;
const SAVED_KEY = 'ffg';

/**
 * A validator's own finality votes: what to say, what was said (saved before it is said), and saying it again.
 *
 * The newest payload is saved with the cast. The signed messages of the votes before it are saved along: should a
 * crash lose a block that carried them, nobody else may have them, and without them the source of our newest vote
 * might never be justified again on the branch that lives on, where we could then never vote.
 */
export class FfgVoter {
  readonly #self: Address;
  readonly #retryMs: Millis;
  readonly #retryMsMax: Millis;
  #last: { readonly vote: FfgVote; readonly payload: Bytes } | null = null;
  #message: SignedMessage | null = null;
  #earlier: readonly SignedMessage[] = [];
  #delayMs: Millis;

  /** Throws ParleyError SAVED_VOTES_DAMAGED: a validator that cannot read what it said must not speak. */
  constructor(
    self: Address,
    options: { readonly retryMs: Millis; readonly retryMsMax: Millis },
    saved: ReadonlyMap<string, Bytes>,
  ) {
    this.#self = self;
    this.#retryMs = options.retryMs;
    this.#retryMsMax = options.retryMsMax;
    this.#delayMs = options.retryMs;
    const bytes = saved.get(SAVED_KEY);
    if (bytes !== undefined) this.#restore(bytes);
  }

  /** The newest vote, said or about to be said. */
  get last(): FfgVote | null {
    return this.#last?.vote ?? null;
  }

  /**
   * Votes for the newest checkpoint of the head's branch when the rules allow it; else says nothing. `attested`: what an
   * attestation says besides; it is made even where enough others have voted.
   */
  vote(head: FfgState, attested?: NonNullable<FfgVote['attested']>): EngineEffect[] {
    const target = head.targets.at(-1);
    if (target === undefined || (target.justified && attested === undefined)) return [];
    const last = this.#last?.vote;
    if (last !== undefined && target.checkpoint.epoch <= last.target.epoch) return [];
    // The other branch's justification is not visible here yet; voting now would surround the last vote.
    if (last !== undefined && target.source.epoch < last.source.epoch) return [];
    if (!setsFor(head, target).some((set) => set.some(({ address }) => address === this.#self))) return [];

    if (this.#message !== null) this.#earlier = [this.#message, ...this.#earlier].slice(0, EARLIER_VOTES_MAX);
    this.#message = null;
    const link = { source: target.source, target: target.checkpoint };
    const vote: FfgVote = attested === undefined ? link : { ...link, attested };
    this.#last = { vote, payload: encodeVote(vote) };
    this.#delayMs = this.#retryMs;
    return [this.#persist(this.#last.payload), this.#cast(this.#last.vote, this.#last.payload)];
  }

  /** After a restart: says the saved vote again, which gives the same signature. */
  resume(): EngineEffect[] {
    if (this.#last === null || this.#message !== null) return [];
    return [this.#cast(this.#last.vote, this.#last.payload)];
  }

  /**
   * A vote signed with our key: ours coming back, or, when it is not the newest we know of, proof that the key spoke
   * elsewhere (a copy of this node, lost saved votes). We then go on from there and contradict neither.
   */
  heard(message: SignedMessage, vote: FfgVote): void {
    const last = this.#last?.vote;
    if (last === undefined || vote.target.epoch > last.target.epoch) {
      const source = last !== undefined && last.source.epoch > vote.source.epoch ? last.source : vote.source;
      this.#last = { vote: { source, target: vote.target }, payload: message.payload };
      this.#message = message;
    } else if (vote.target.epoch === last.target.epoch && this.#message === null) {
      this.#message = message;
    }
  }

  /** Own votes that this branch does not carry yet, once more; each time the pause before the next one doubles. */
  repeat(head: FfgState): EngineEffect[] {
    this.#delayMs = Math.min(this.#delayMs * 2, this.#retryMsMax);
    const messages = this.#message === null ? this.#earlier : [this.#message, ...this.#earlier];
    return messages.filter((message) => isMissing(head, message)).map((message) => ({ type: 'recast', message }));
  }

  /** How long to wait before `repeat`. */
  get delayMs(): Millis {
    return this.#delayMs;
  }

  #cast(vote: FfgVote, payload: Bytes): EngineEffect {
    return { type: 'cast', payload, guard: { kind: 'ffg', source: vote.source.epoch, target: vote.target.epoch } };
  }

  /** RLP [payload of the newest vote, earlier signed messages]. */
  #persist(payload: Bytes): EngineEffect {
    return { type: 'persist', key: SAVED_KEY, value: encodeRlp([payload, this.#earlier.map(messageToRlp)]) };
  }

  #restore(bytes: Bytes): void {
    try {
      const reader = new RlpReader(bytes);
      const outer = reader.openList();
      const payload = new Uint8Array(reader.bytes());
      this.#earlier = readList(reader, readMessage);
      reader.closeList(outer);
      const vote = decodeVote(payload);
      if (vote === null) throw new Error('not a vote');
      this.#last = { vote, payload };
    } catch (error) {
      throw new ParleyError(
        'SAVED_VOTES_DAMAGED',
        'the saved finality votes are unreadable; restore them',
        {},
        { cause: error },
      );
    }
  }
}

function isMissing(head: FfgState, message: SignedMessage): boolean {
  const vote = decodeVote(message.payload);
  if (vote === null || vote.target.epoch <= head.finalized.epoch) return false;
  const target = head.targets.find(({ checkpoint }) => checkpoint.epoch === vote.target.epoch);
  return target === undefined || (!target.justified && !target.votes.has(message.from));
}
