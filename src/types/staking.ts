import type { Address, Bytes } from './primitives.ts';

/** Constants of a chain's staking contract, as its engine's parameters give them. Amounts in wei. */
export type StakingRules = {
  /** Least own stake of a new validator. */
  readonly stakeMinWei: bigint;
  /** Own stake below which a validator is made to exit. */
  readonly ejectionStakeWei: bigint;
  readonly delegationMinWei: bigint;
  readonly doubleSignPenaltyWei: bigint;
  readonly surroundPenaltyWei: bigint;
  /**
   * On top, for those slashed together: own stake x multiplier x (stake of the OTHERS slashed within the unbonding period) /
   * (stake of all), at most all of it. Nothing for one alone.
   */
  readonly correlationMultiplier: number;
  /** Of each penalty for an offence, one part in so many goes to the author of the block that carries the evidence; the rest is burned. */
  readonly reporterQuotient: number;
  /** Between the end of a say (or an undelegation) and withdrawal; also how long evidence counts. */
  readonly unbondingEpochs: number;
  /** Before a jailed validator may ask back in. */
  readonly jailEpochs: number;
  /** Activations, and as many exits, in an epoch: the larger of the two. `churnQuotient`: one in so many active validators. */
  readonly churnMin: number;
  readonly churnQuotient: number;
};

export type StakeStatus =
  /** Deposited, waiting for its turn. */
  | 'pending'
  | 'active'
  /** Has asked to leave or must, and still has a say until its turn. */
  | 'exiting'
  | 'exited';

/** A validator of the staking contract, as an engine may choose it. */
export type Candidate = {
  readonly address: Address;
  /** Its owner's, in wei. */
  readonly ownWei: bigint;
  /** Others', in wei. */
  readonly delegatedWei: bigint;
  readonly status: StakeStatus;
  readonly jailed: boolean;
};

/** What a validator earned and lost since the last time, in wei. */
export type StakeMovement = {
  readonly validator: Address;
  readonly rewardWei: bigint;
  readonly penaltyWei: bigint;
  /** It was away too long: no say until its owner asks back in. */
  readonly jail: boolean;
};

/** What a block says about the work of validators. */
export type Settlement = {
  /** The engine's own part of the ConsensusState after the block. */
  readonly engine: Bytes;
  readonly movements: readonly StakeMovement[];
  /** The epoch that this block is the first of, or null. */
  readonly epoch: number | null;
};
