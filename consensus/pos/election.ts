import type { Candidate } from '../../src/types/staking.ts';
import type { ConsensusState, Validator } from '../../src/types/validator.ts';

/** Weights are whole coins, or every epoch's wages would make a new set, and finality has to convince every set. */
export const WEIGHT_STEP_WEI = 10n ** 18n;
/** A weight changes when the stake is this far below it, … */
const LAG_DOWN_WEI = WEIGHT_STEP_WEI / 4n;
/** … or so far above. */
const LAG_UP_WEI = WEIGHT_STEP_WEI + WEIGHT_STEP_WEI / 4n;

/**
 * Everybody whose stake is active, by stake (after the effective balances of Ethereum's consensus specification, with their
 * hysteresis). Jailed validators keep their entry. Should nobody be left with a say, all stays as it was.
 */
export function electByStake(candidates: readonly Candidate[], before: ConsensusState): readonly Validator[] {
  const weights = new Map(before.validators.map(({ address, power }) => [address, power]));
  const elected = candidates.flatMap(({ address, ownWei, delegatedWei, status, jailed }): Validator[] => {
    if (status === 'pending' || status === 'exited') return [];
    const power = weightOf(ownWei + delegatedWei, weights.get(address));
    return power === 0n ? [] : [{ address, power, jailed }];
  });
  return elected.some(({ jailed }) => !jailed) ? elected : before.validators;
}

function weightOf(stakeWei: bigint, before: bigint | undefined): bigint {
  if (before !== undefined && stakeWei + LAG_DOWN_WEI >= before && stakeWei < before + LAG_UP_WEI) return before;
  return stakeWei - (stakeWei % WEIGHT_STEP_WEI);
}
