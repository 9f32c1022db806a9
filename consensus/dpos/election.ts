import type { Candidate } from '../../src/types/staking.ts';
import type { ConsensusState, Validator } from '../../src/types/validator.ts';

/**
 * The delegates of an epoch: those with the most stake, their own and others', as many as there are seats; of equals the lower address. One
 * seat, one vote. Jailed ones (for offences, or for missing their turns) are passed over until their owners ask them back in. Should nobody
 * be left, all stays as it was.
 */
export function electDelegates(
  candidates: readonly Candidate[],
  before: ConsensusState,
  seats: number,
): readonly Validator[] {
  const elected = candidates
    .filter(({ status, jailed }) => !jailed && status !== 'pending' && status !== 'exited')
    .sort((a, b) => byStake(a, b) || (a.address < b.address ? -1 : 1))
    .slice(0, seats)
    .map(({ address }): Validator => ({ address, power: 1n, jailed: false }))
    .sort((a, b) => (a.address < b.address ? -1 : 1));
  return elected.length > 0 ? elected : before.validators;
}

function byStake(a: Candidate, b: Candidate): number {
  const [left, right] = [a.ownWei + a.delegatedWei, b.ownWei + b.delegatedWei];
  return left === right ? 0 : left > right ? -1 : 1;
}
