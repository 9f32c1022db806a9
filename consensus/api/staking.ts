import type { SignedMessage } from '../../src/types/message.ts';
import type { Address, Bytes, Hash, Millis } from '../../src/types/primitives.ts';
import type { Candidate, Settlement, StakingRules } from '../../src/types/staking.ts';
import type { ConsensusState, Validator, ValidatorSet } from '../../src/types/validator.ts';
import type { EngineCrypto } from './engine.ts';

/** What the rules of stake may know of a block. */
export type SettledBlock = {
  readonly number: number;
  readonly parentHash: Hash;
  readonly timeMs: Millis;
  readonly extra: Bytes;
  readonly author: Address;
  readonly votes: readonly SignedMessage[];
};

/**
 * An engine whose validators come from the staking contract. All of it is pure and total, and called by execution at the end of a block, in
 * this order: `settle`; the contract credits and charges what it says; in the first block of an epoch the contract moves its queues and asks
 * `elect`. The contract owns the coins, the engine the judgement.
 */
export interface StakingSeam<P> {
  rules(params: P): StakingRules;
  /** The engine's part of the ConsensusState at genesis. */
  genesis(params: P, genesis: { readonly timeMs: Millis; readonly validators: ValidatorSet }): Bytes;
  /** `before`: after the block's evidence. Takes the place of `advance`. */
  settle(
    params: P,
    before: ConsensusState,
    block: SettledBlock,
    crypto: Pick<EngineCrypto, 'keccak256' | 'sha256'>,
  ): Settlement;
  /** Who has a say from here on, ordered by address. `candidates`: all that have not exited, by address. Never empty if `before` is not. */
  elect(params: P, candidates: readonly Candidate[], before: ConsensusState, epoch: number): readonly Validator[];
}
