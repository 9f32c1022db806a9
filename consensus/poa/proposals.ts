import { encodeRlp, encodeUint } from '../../src/codec/rlp.ts';
import { RlpReader } from '../../src/codec/rlp-reader.ts';
import type { Address, Bytes } from '../../src/types/primitives.ts';
import type { ConsensusState } from '../../src/types/validator.ts';
import { fromHex } from '../../src/util/hex.ts';
import { ParleyError } from '../../src/util/errors.ts';
import type { EngineEffect } from '../api/effect.ts';
import { readList } from '../common/ffg-codec.ts';
import type { SealerVote } from './extra.ts';

export const PROPOSALS_MAX = 64;
const SAVED_KEY = 'proposals';

/**
 * What this node's operator wants of the authorities. Kept over restarts and cast again in our blocks until a
 * finalized block shows it done: a vote in a block that a reorganization drops is cast again, as EIP-225 advises.
 */
export class Proposals {
  readonly #wanted = new Map<Address, boolean>();

  constructor(saved: ReadonlyMap<string, Bytes>) {
    const bytes = saved.get(SAVED_KEY);
    if (bytes === undefined) return;
    try {
      const reader = new RlpReader(bytes);
      for (const [subject, authorize] of readList(reader, readProposal)) this.#wanted.set(subject, authorize);
      reader.end();
    } catch (error) {
      throw new ParleyError(
        'SAVED_VOTES_DAMAGED',
        'the saved proposals are unreadable; restore them',
        {},
        { cause: error },
      );
    }
  }

  list(): readonly SealerVote[] {
    return [...this.#wanted].map(([subject, authorize]) => ({ subject, authorize }));
  }

  /** null takes the proposal back. */
  set(subject: Address, authorize: boolean | null): EngineEffect[] {
    if (authorize === null) {
      if (!this.#wanted.delete(subject)) return [];
    } else {
      if (this.#wanted.get(subject) === authorize) return [];
      if (!this.#wanted.has(subject) && this.#wanted.size === PROPOSALS_MAX) {
        const fields = { subject, countMax: PROPOSALS_MAX };
        return [{ type: 'note', level: 'warn', message: 'proposal refused: discard another one first', fields }];
      }
      // A changed mind goes to the end of the line.
      this.#wanted.delete(subject);
      this.#wanted.set(subject, authorize);
    }
    return [this.#persist()];
  }

  /** Drops what a finalized state shows done. */
  settle(finalized: ConsensusState): EngineEffect[] {
    const done = this.list().filter(({ subject, authorize }) => isAuthority(finalized, subject) === authorize);
    if (done.length === 0) return [];
    for (const { subject } of done) this.#wanted.delete(subject);
    return [
      this.#persist(),
      {
        type: 'note',
        level: 'info',
        message: 'proposals carried',
        fields: { subjects: done.map(({ subject }) => subject) },
      },
    ];
  }

  /**
   * The vote for the next block on this state: the oldest one still to be done that is not standing yet, else the
   * oldest standing one (touching it again lets it pass where the majority has shrunk since).
   */
  next(state: ConsensusState, self: Address): { readonly vote: SealerVote; readonly isFresh: boolean } | null {
    if (this.#wanted.size === 0) return null;
    const open = this.list().filter(({ subject, authorize }) => isAuthority(state, subject) !== authorize);
    const fresh = open.find(
      ({ subject }) => !state.votes.some((vote) => vote.voter === self && vote.subject === subject),
    );
    const vote = fresh ?? open[0];
    return vote === undefined ? null : { vote, isFresh: vote === fresh };
  }

  #persist(): EngineEffect {
    const value = encodeRlp(
      [...this.#wanted].map(([subject, wanted]) => [fromHex(subject), encodeUint(wanted ? 1 : 0)]),
    );
    return { type: 'persist', key: SAVED_KEY, value: this.#wanted.size === 0 ? null : value };
  }
}

function readProposal(reader: RlpReader): [Address, boolean] {
  const outer = reader.openList();
  const proposal: [Address, boolean] = [reader.address(), reader.bit() === 1];
  reader.closeList(outer);
  return proposal;
}

function isAuthority(state: ConsensusState, subject: Address): boolean {
  return state.validators.some(({ address }) => address === subject);
}
