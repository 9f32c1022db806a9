import type { Address } from '../../src/types/primitives.ts';
import type { AuthorityVote, ConsensusState, Validator } from '../../src/types/validator.ts';
import { activeValidators } from '../common/quorum.ts';
import type { SealerVote } from './extra.ts';
import { signerLimit } from './turns.ts';

/**
 * Voting authorities in and out (EIP-225, "Voting on signers"), as a pure function from block to block.
 *
 * 1. A sealer casts at most one vote in a block, about one subject. Its new vote replaces its earlier one about the
 *    same subject; a new vote that means nothing (authorizing an authority, dropping a stranger) still takes the
 *    earlier one away.
 * 2. A subject with votes of floor(n/2)+1 authorities changes sides at once, and all votes about it are gone. When
 *    an authority is dropped, the votes it had cast are gone too.
 * 3. Nothing cascades: only the subject of this block's vote may change. Where dropping one authority lowers the bar
 *    for another proposal, that one passes when a vote touches it again, if it still has the majority then.
 * 4. Every `epochBlocks` all votes are dropped; such a block carries none.
 */
export function advanceVotes(
  before: ConsensusState,
  block: { readonly number: number; readonly author: Address; readonly vote: SealerVote | null },
  epochBlocks: number,
): ConsensusState {
  if (block.number % epochBlocks === 0) return before.votes.length === 0 ? before : { ...before, votes: [] };
  if (block.vote === null) return before;
  const { subject, authorize } = block.vote;
  const isAuthority = before.validators.some(({ address }) => address === subject);
  const votes = before.votes.filter((vote) => vote.voter !== block.author || vote.subject !== subject);
  if (isAuthority !== authorize) votes.push({ voter: block.author, subject, authorize });
  const after = { validators: before.validators, votes };
  return hasPassed(after, subject) ? changed(after, subject, isAuthority) : after;
}

/** Votes about one subject all say the same, since the opposite would mean nothing. */
function hasPassed(state: ConsensusState, subject: Address): boolean {
  const authorities = activeValidators(state.validators);
  const count = state.votes.filter(
    (vote) => vote.subject === subject && authorities.some(({ address }) => address === vote.voter),
  ).length;
  return count >= signerLimit(authorities.length);
}

function changed(state: ConsensusState, subject: Address, wasAuthority: boolean): ConsensusState {
  const isAbout = (vote: AuthorityVote): boolean => vote.subject === subject;
  if (!wasAuthority) {
    const added: Validator = { address: subject, power: 1n, jailed: false };
    const validators = [...state.validators, added].sort((a, b) => (a.address < b.address ? -1 : 1));
    return { validators, votes: state.votes.filter((vote) => !isAbout(vote)) };
  }
  return {
    validators: state.validators.filter(({ address }) => address !== subject),
    votes: state.votes.filter((vote) => !isAbout(vote) && vote.voter !== subject),
  };
}
