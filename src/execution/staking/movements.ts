import type { StakeMovement } from '../../types/staking.ts';
import type { StakingLedger } from './ledger.ts';
import { takeInProportion } from './penalty.ts';
import { stakeOf, type ValidatorRecord } from './record.ts';

const BPS = 10_000n;

/**
 * What validators earned and lost, as the engine says: rewards are issued, penalties burned. Movements of nobody, and rewards of who has
 * nothing left here, are passed over. Returns wei.
 */
export function applyMovements(
  ledger: StakingLedger,
  movements: readonly StakeMovement[],
): { readonly issued: bigint; readonly destroyed: bigint } {
  let [issued, destroyed] = [0n, 0n];
  for (const { validator, rewardWei, penaltyWei, jail } of movements) {
    const before = ledger.validator(validator);
    if (before === undefined) continue;
    const rewarded = rewardWei > 0n && !isGone(before) ? withReward(before, rewardWei) : before;
    if (rewarded !== before) {
      ledger.save(rewarded);
      ledger.storage.issue(rewardWei);
      issued += rewardWei;
    }
    const { record, takenWei } = takeInProportion(ledger, rewarded, penaltyWei);
    ledger.storage.issue(-takenWei);
    destroyed += takenWei;
    if (jail) ledger.save(jailed(ledger, record));
  }
  return { issued, destroyed };
}

/** Until its owner asks back in, `jailEpochs` from now at the earliest. */
export function jailed({ epoch, rules }: StakingLedger, record: ValidatorRecord): ValidatorRecord {
  const jailedUntilEpoch = Math.max(record.jailedUntilEpoch, epoch + rules.jailEpochs);
  return { ...record, jailed: true, jailedUntilEpoch };
}

function isGone(record: ValidatorRecord): boolean {
  return record.status === 'exited' && stakeOf(record) === 0n;
}

/** Own and delegated stake earn alike; of what the delegators earn, the commission goes to own stake. */
function withReward(record: ValidatorRecord, rewardWei: bigint): ValidatorRecord {
  const all = stakeOf(record);
  const earned = all === 0n ? 0n : (rewardWei * record.delegated.wei) / all;
  const delegatedWei = earned - (earned * BigInt(record.commissionBps)) / BPS;
  return {
    ...record,
    ownWei: record.ownWei + rewardWei - delegatedWei,
    delegated: { ...record.delegated, wei: record.delegated.wei + delegatedWei },
    rewardsWei: record.rewardsWei + rewardWei,
  };
}
