import type { SignedMessage } from '../../src/types/message.ts';
import type { Address } from '../../src/types/primitives.ts';
import type { FfgState } from './ffg.ts';
import { setsFor } from './ffg.ts';
import { sameCheckpoint, type FfgVote } from './ffg-vote.ts';
import { voteOffence } from './ffg-offence.ts';

const UNREWARDED = { rewarded: false };

/** Votes kept of one validator: its newest. */
export const VOTES_PER_VOTER_MAX = 16;

type Entry = { readonly vote: FfgVote; readonly message: SignedMessage };

export type Added = {
  readonly isNew: boolean;
  /** An earlier message of the same validator with which this one is an offence. */
  readonly conflict: SignedMessage | null;
};

/**
 * Votes heard, by gossip or in blocks, that a block of ours may carry. Bounded by construction: the caller admits known
 * validators only, and each has VOTES_PER_VOTER_MAX places, so a validator that floods pushes out nobody's votes but
 * its own. One vote for each voter and target height: the first.
 */
export class VotePool {
  readonly #voters = new Map<Address, Map<number, Entry>>();
  readonly #newest = new Map<Address, number>();

  get size(): number {
    let size = 0;
    for (const entries of this.#voters.values()) size += entries.size;
    return size;
  }

  add(message: SignedMessage, vote: FfgVote): Added {
    const entries = this.#voters.get(message.from) ?? new Map<number, Entry>();
    const known = entries.get(vote.target.epoch);
    if (known !== undefined && isFor(known, vote) && voteOffence(known.vote, vote) === null) {
      return { isNew: false, conflict: null };
    }
    this.#voters.set(message.from, entries);
    let conflict: SignedMessage | null = null;
    for (const entry of entries.values()) {
      if (voteOffence(entry.vote, vote) !== null) conflict = entry.message;
    }
    if (known !== undefined) return { isNew: false, conflict };
    entries.set(vote.target.epoch, { vote, message });
    this.#newest.set(message.from, Math.max(vote.target.epoch, this.#newest.get(message.from) ?? 0));
    if (entries.size > VOTES_PER_VOTER_MAX) entries.delete(Math.min(...entries.keys()));
    return { isNew: entries.has(vote.target.epoch), conflict };
  }

  /** Height of the newest target this validator voted for; null when none is known. */
  newestEpoch(voter: Address): number | null {
    return this.#newest.get(voter) ?? null;
  }

  /** Those who voted for this link. */
  votersOf(link: FfgVote): Set<Address> {
    const voters = new Set<Address>();
    for (const [voter, entries] of this.#voters) {
      if (isFor(entries.get(link.target.epoch), link)) voters.add(voter);
    }
    return voters;
  }

  /**
   * Votes that would count in a child of the block with this state, newest targets first; those for justified targets,
   * which change nothing any more, only where they are `rewarded`.
   */
  select(state: FfgState, countMax: number, options: { readonly rewarded: boolean } = UNREWARDED): SignedMessage[] {
    const selected: SignedMessage[] = [];
    for (const target of [...state.targets].reverse()) {
      if (target.justified && !options.rewarded) continue;
      const link = { source: target.source, target: target.checkpoint };
      const sets = setsFor(state, target);
      for (const [voter, entries] of this.#voters) {
        const entry = entries.get(target.checkpoint.epoch);
        if (entry === undefined || !isFor(entry, link) || target.votes.has(voter)) continue;
        if (!sets.some((set) => set.some(({ address }) => address === voter))) continue;
        if (selected.length === countMax) return selected;
        selected.push(entry.message);
      }
    }
    return selected;
  }

  /** Forgets everybody for whom `isKnown` does not hold. */
  retain(isKnown: (voter: Address) => boolean): void {
    for (const voter of this.#voters.keys()) {
      if (isKnown(voter)) continue;
      this.#voters.delete(voter);
      this.#newest.delete(voter);
    }
  }
}

function isFor(entry: Entry | undefined, link: FfgVote): boolean {
  return (
    entry !== undefined &&
    sameCheckpoint(entry.vote.target, link.target) &&
    sameCheckpoint(entry.vote.source, link.source)
  );
}
