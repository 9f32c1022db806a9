import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import { activeValidators, hasQuorum, sameValidators } from './quorum.ts';
import { decodeVote, sameCheckpoint, type Checkpoint } from './ffg-vote.ts';

/**
 * The friendly finality gadget (Buterin & Griffith, "Casper the Friendly Finality Gadget", 2017; finalization over
 * several checkpoints after Buterin et al., "Combining GHOST and Casper", 2020, definition 4.9). Shared by every engine
 * whose blocks are proposed one way and finalized another.
 *
 * 1. Some blocks are checkpoints, each of an epoch of its own: every so-many-th block, or the first of each stretch of time, as
 *    the engine says. Validators vote for links between checkpoints. Votes count only from
 *    block bodies, so the state below is a pure function of a branch and every node that has the branch agrees on it.
 * 2. The source of a link is fixed by its target: the highest checkpoint justified by the branch up to and including
 *    the target block. Honest votes for one target are therefore votes for one link and never split.
 * 3. A link with a quorum of votes justifies its target.
 * 4. A justified link finalizes its source when every checkpoint between the two is justified as well. With the next
 *    checkpoint as target this is the rule of the first paper. The longer form is needed when votes take longer than
 *    one checkpoint to get into a block: then no link ever reaches just one checkpoint far.
 * 5. Voting twice for one target height, or for a link around one's other link, is an offence (ffg-offence.ts).
 *
 * Accountable safety when validators change. A link needs a quorum in EVERY set that was in force on its branch from
 * the branch's last finalized checkpoint up to the target's parent (the `eras`). Proof sketch: let two branches
 * finalize conflicting blocks, x be their last common block, and look at what either finalizes first above x. Until
 * then the last finalized checkpoint of either branch is at or below x, so all of its links with targets above x have
 * a quorum in the set after x, among others. Both finalizations thus rest on quorums of one and the same set, and the
 * usual argument holds: more than a third of that set voted twice or around itself. (Counting only by the set after
 * the last finalized checkpoint is not enough: one branch may have finalized a common block on its way, the other not,
 * and then the two count by different sets.) The price: finality waits for two thirds of the old set as well as of
 * the new one, so outvoting more than a third that is gone does not bring it back.
 *
 * Unless the engine says so: with `caps` it lowers the weight that validators have in all of these sets, which is how a leak
 * brings finality back. Two branches that leak apart finalize apart, and nobody is to blame (docs/adr/0009).
 */

/** From block `from` on (exclusive), this set is in force. */
export type Era = { readonly from: number; readonly validators: ValidatorSet };

/** A checkpoint above the last finalized one, and the votes that this branch carries for it. */
export type Target = {
  readonly checkpoint: Checkpoint;
  readonly number: number;
  readonly source: Checkpoint;
  readonly votes: ReadonlyMap<Address, SignedMessage>;
  readonly justified: boolean;
};

/** Immutable; each block's state is derived from its parent's. Neighbours share what did not change. */
export type FfgState = {
  readonly finalized: Checkpoint;
  /** The highest. */
  readonly justified: Checkpoint;
  /** Ascending, never empty; the first is in force after the finalized checkpoint. */
  readonly eras: readonly Era[];
  /** Ascending. */
  readonly targets: readonly Target[];
  /** The votes that finalized `finalized`: one list for each link, the finalizing one last. Empty for genesis. */
  readonly proof: readonly (readonly SignedMessage[])[];
};

/** What the gadget needs to know of a block. */
export type FfgBlock = {
  readonly hash: Hash;
  readonly number: number;
  readonly votes: readonly SignedMessage[];
  /** After the block. */
  readonly validators: ValidatorSet;
  /** Of which it is the checkpoint, or null. */
  readonly epoch: number | null;
  /** From here on nobody weighs more than this in any set; who is not named weighs nothing. */
  readonly caps?: ReadonlyMap<Address, bigint>;
};

/** Checkpoints kept while nothing gets final; votes for older ones are not counted any more. */
export const TARGETS_MAX = 128;

/** At genesis, or at a block trusted like it. */
export function initialFfgState(
  block: Pick<FfgBlock, 'hash' | 'number' | 'validators'> & { readonly epoch: number },
): FfgState {
  const checkpoint = { epoch: block.epoch, hash: block.hash };
  const eras = [{ from: block.number, validators: activeValidators(block.validators) }];
  return { finalized: checkpoint, justified: checkpoint, eras, targets: [], proof: [] };
}

/** The state after a block. */
export function advanceFfg(parent: FfgState, block: FfgBlock): FfgState {
  const { caps } = block;
  let state =
    caps === undefined
      ? withVotes(parent, block.votes)
      : settled({ ...parent, eras: capped(parent.eras, caps), targets: addVotes(parent, block.votes) });
  if (block.epoch !== null) {
    const checkpoint = { epoch: block.epoch, hash: block.hash };
    const target: Target = {
      checkpoint,
      number: block.number,
      source: state.justified,
      votes: new Map(),
      justified: false,
    };
    state = { ...state, targets: [...state.targets, target].slice(-TARGETS_MAX) };
  }
  const validators = activeValidators(block.validators);
  const current = state.eras.at(-1);
  if (current !== undefined && sameValidators(current.validators, validators)) return state;
  return { ...state, eras: [...state.eras, { from: block.number, validators }] };
}

/** The state that a child with these votes would begin with: what they would justify and finalize. */
export function withVotes(parent: FfgState, votes: readonly SignedMessage[]): FfgState {
  const targets = addVotes(parent, votes);
  return targets === parent.targets ? parent : settled({ ...parent, targets });
}

/** What its votes justify and finalize. */
function settled(from: FfgState): FfgState {
  let state = from;
  // Finalizing may end an era, which may leave a link with fewer sets to convince.
  for (;;) {
    const next = finalize(justify(state));
    if (next.finalized === state.finalized) return next;
    state = next;
  }
}

/** The epoch of which this height is the checkpoint, where every `distance`-th block is one; null: of none. */
export function epochAt(number: number, distance: number): number | null {
  return number % distance === 0 ? number / distance : null;
}

function capped(eras: readonly Era[], caps: ReadonlyMap<Address, bigint>): readonly Era[] {
  return eras.map(({ from, validators }) => ({
    from,
    validators: validators.flatMap((validator) => {
      const cap = caps.get(validator.address) ?? 0n;
      if (cap === 0n) return [];
      return [cap < validator.power ? { ...validator, power: cap } : validator];
    }),
  }));
}

function addVotes(state: FfgState, votes: readonly SignedMessage[]): readonly Target[] {
  const fresh = new Map<Target, Map<Address, SignedMessage>>();
  for (const message of votes) {
    const target = targetOf(state, message);
    if (target === null) continue;
    const added = fresh.get(target) ?? new Map<Address, SignedMessage>();
    fresh.set(target, added.set(message.from, message));
  }
  if (fresh.size === 0) return state.targets;
  return state.targets.map((target) => {
    const added = fresh.get(target);
    return added === undefined ? target : { ...target, votes: new Map([...target.votes, ...added]) };
  });
}

/** The target this message counts for on this branch; null when it does not count or is already counted. */
export function targetOf(state: FfgState, message: SignedMessage): Target | null {
  const vote = decodeVote(message.payload);
  if (vote === null) return null;
  const target = state.targets.find(({ checkpoint }) => checkpoint.epoch === vote.target.epoch);
  if (target === undefined || target.votes.has(message.from)) return null;
  if (!sameCheckpoint(target.checkpoint, vote.target) || !sameCheckpoint(target.source, vote.source)) return null;
  return setsFor(state, target).some((set) => set.some(({ address }) => address === message.from)) ? target : null;
}

/** Every set that has a say on this target. */
export function setsFor(state: FfgState, target: Target): readonly ValidatorSet[] {
  return state.eras.filter((era) => era.from < target.number).map((era) => era.validators);
}

function justify(state: FfgState): FfgState {
  let justified = state.justified;
  let changed = false;
  const targets = state.targets.map((target) => {
    if (target.justified || !isQuorate(state, target)) return target;
    changed = true;
    if (target.checkpoint.epoch > justified.epoch) justified = target.checkpoint;
    return { ...target, justified: true };
  });
  return changed ? { ...state, justified, targets } : state;
}

function isQuorate(state: FfgState, target: Target): boolean {
  return setsFor(state, target).every((set) => hasQuorum(set, (address) => target.votes.has(address)));
}

function finalize(state: FfgState): FfgState {
  for (let last = state.targets.length - 1; last >= 0; last--) {
    const links = finalizingLinks(state, last);
    if (links === null) continue;
    const finalized = links.source;
    const { number } = links;
    const eras = state.eras.filter((_, i) => (state.eras[i + 1]?.from ?? Infinity) > number);
    return {
      finalized,
      justified: state.justified,
      eras,
      targets: state.targets.filter(({ checkpoint }) => checkpoint.epoch > finalized.epoch),
      proof: links.targets.map((target) => [...target.votes.values()]),
    };
  }
  return state;
}

/** The links that together finalize the source of the last one, if they do and it is news. */
function finalizingLinks(
  state: FfgState,
  last: number,
): { readonly source: Checkpoint; readonly number: number; readonly targets: readonly Target[] } | null {
  const final = state.targets[last];
  if (final === undefined || !final.justified || final.source.epoch <= state.finalized.epoch) return null;
  const count = final.checkpoint.epoch - final.source.epoch;
  const targets = state.targets.slice(Math.max(0, last - count + 1), last + 1);
  // Consecutive checkpoints are neighbours in the list, so a missing one shows as a shorter slice.
  if (targets.length !== count || !targets.every((target) => target.justified)) return null;
  const source = state.targets.find(({ checkpoint }) => checkpoint.hash === final.source.hash);
  return source === undefined ? null : { source: final.source, number: source.number, targets };
}
