import type { Address, Bytes } from './primitives.ts';

export type Validator = {
  readonly address: Address;
  /** Voting weight: stake in wei, or 1 for each authority. */
  readonly power: bigint;
  /** Jailed validators keep their entry and lose their say. */
  readonly jailed: boolean;
};

/** An authority's standing vote about a candidate (EIP-225). */
export type AuthorityVote = {
  readonly voter: Address;
  readonly subject: Address;
  readonly authorize: boolean;
};

/**
 * The slice of executed state that consensus may see at a block. Execution owns it and commits to it through the
 * state root (system account CONSENSUS_ADDRESS); engines only read it. Validators are ordered by address.
 */
export type ConsensusState = {
  readonly validators: readonly Validator[];
  readonly votes: readonly AuthorityVote[];
  /** The engine's own, opaque to everybody else; left out by engines that keep nothing. */
  readonly engine?: Bytes;
};

export type ValidatorSet = readonly Validator[];
