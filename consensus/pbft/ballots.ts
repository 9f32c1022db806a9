import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';
import { bytesEqual } from '../../src/util/hex.ts';
import { offenceOf } from './judge.ts';
import type { BlockVote, ViewChange, Vote } from './messages.ts';

/** Statements kept of one validator and kind: those of its newest views, and of the one under way. */
export const VIEWS_PER_KIND_MAX = 4;
const KINDS_COUNT = 4;
export const BALLOTS_PER_VALIDATOR_MAX = VIEWS_PER_KIND_MAX * KINDS_COUNT;

export type Ballot<S extends Vote = Vote> = { readonly statement: S; readonly message: SignedMessage };

export type Added = {
  readonly isNew: boolean;
  /** An earlier message of the same validator with which this one is an offence. */
  readonly conflict: SignedMessage | null;
};

type Places = Map<number, Ballot>;

/**
 * What validators have said at one height. One statement for each validator, kind and view: the first. Bounded by
 * construction: the caller admits known validators only, and one that floods pushes out nobody's statements but its own.
 */
export class Ballots {
  readonly #kinds: { readonly [kind in Vote['kind']]: Map<Address, Places> } = {
    'view-change': new Map(),
    'pre-prepare': new Map(),
    prepare: new Map(),
    commit: new Map(),
  };

  get size(): number {
    let size = 0;
    for (const voters of Object.values(this.#kinds)) for (const places of voters.values()) size += places.size;
    return size;
  }

  /** `current`: the view under way, whose votes stay, so that no two of them differ unnoticed. */
  add(message: SignedMessage, statement: Vote, current: number): Added {
    const { kind, view } = statement;
    const voters = this.#kinds[kind];
    const places = voters.get(message.from) ?? new Map<number, Ballot>();
    const known = places.get(view);
    if (known !== undefined && bytesEqual(known.message.payload, message.payload)) {
      return { isNew: false, conflict: null };
    }
    const conflict = this.#conflict(message.from, statement);
    if (known !== undefined) return { isNew: false, conflict };
    voters.set(message.from, places);
    places.set(view, { statement, message });
    if (places.size > VIEWS_PER_KIND_MAX) places.delete(Math.min(...[...places.keys()].filter((at) => at !== current)));
    return { isNew: places.has(view), conflict };
  }

  vote(kind: BlockVote['kind'], from: Address, view: number): Ballot<BlockVote> | null {
    return (this.#kinds[kind].get(from)?.get(view) as Ballot<BlockVote> | undefined) ?? null;
  }

  /** Everybody's votes of this kind for a block in a view. */
  votesFor(kind: BlockVote['kind'], view: number, hash: Hash): readonly SignedMessage[] {
    const messages: SignedMessage[] = [];
    for (const places of this.#kinds[kind].values()) {
      const ballot = places.get(view) as Ballot<BlockVote> | undefined;
      if (ballot?.statement.hash === hash) messages.push(ballot.message);
    }
    return messages;
  }

  /** Everybody's wish for exactly this view. */
  changesTo(view: number): readonly Ballot<ViewChange>[] {
    const changes: Ballot<ViewChange>[] = [];
    for (const places of this.#kinds['view-change'].values()) {
      const ballot = places.get(view) as Ballot<ViewChange> | undefined;
      if (ballot !== undefined) changes.push(ballot);
    }
    return changes;
  }

  /** The newest view that this validator wished for; -1: none. */
  newestChange(from: Address): number {
    const places = this.#kinds['view-change'].get(from);
    return places === undefined ? -1 : Math.max(...places.keys());
  }

  #conflict(from: Address, statement: Vote): SignedMessage | null {
    for (const voters of Object.values(this.#kinds)) {
      for (const ballot of voters.get(from)?.values() ?? []) {
        if (offenceOf(ballot.statement, statement) !== null) return ballot.message;
      }
    }
    return null;
  }
}
