import type { SettledBlock } from '../../consensus/api/staking.ts';
import type { StateOverlay } from '../state/overlay.ts';
import type { ConsensusState } from '../types/validator.ts';
import { jail } from './punish.ts';
import type { BoundStaking } from './rules.ts';
import { beginEpoch } from './staking/epoch.ts';
import { StakingLedger } from './staking/ledger.ts';
import { applyMovements } from './staking/movements.ts';

export type SettledStake = {
  readonly consensus: ConsensusState;
  /** Rewards, in wei. */
  readonly issued: bigint;
  /** Penalties, in wei. */
  readonly destroyed: bigint;
};

/**
 * The end of a block under stake: what its engine says that validators earned and lost is booked, and in the first block of an epoch the
 * queues move and the engine says who has a say from here on. `before`: after the block's evidence.
 */
export function settleStake(
  staking: BoundStaking,
  overlay: StateOverlay,
  before: ConsensusState,
  block: SettledBlock,
): SettledStake {
  const { engine, movements, epoch } = staking.settle(before, block);
  const ledger = new StakingLedger(overlay, staking.rules);
  const { issued, destroyed } = applyMovements(ledger, movements);
  const inJail = movements.filter((movement) => movement.jail);
  const { validators } = inJail.reduce((state, { validator }) => jail(state, validator), before);
  const settled: ConsensusState = { validators, votes: [], engine };
  if (epoch === null) return { consensus: settled, issued, destroyed };
  beginEpoch(ledger, epoch);
  const elected = staking.elect(ledger.candidates(), settled, epoch);
  return { consensus: { ...settled, validators: elected }, issued, destroyed };
}
