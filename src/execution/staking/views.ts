/** What anybody may ask. */
import type { AbiValue } from '../../codec/abi.ts';
import type { Address } from '../../types/primitives.ts';
import { known, type StakingCall } from './operations.ts';
import { valueOf } from './pool.ts';
import { statusNumber } from './record.ts';
import { StakeRefusal } from './refusal.ts';
import { owedWei, unbondingOf, withdrawableWei } from './withdrawal.ts';

/** An epoch that has not come about. */
const NEVER = 2n ** 64n - 1n;

export const VIEWS: { readonly [name: string]: (call: StakingCall) => readonly AbiValue[] } = {
  validatorCount: ({ ledger }) => [BigInt(ledger.validatorCount)],
  epoch: ({ ledger }) => [BigInt(ledger.epoch)],
  validatorAt,
  validatorInfo,
  parameters,

  delegation({ ledger, args }) {
    const [validator, delegator] = args as [Address, Address];
    return [valueOf(known(ledger, validator).delegated, ledger.delegation(validator, delegator).share)];
  },

  unbonding({ ledger, args }) {
    const [validator, who] = args as [Address, Address];
    const { wei, epoch } = unbondingOf(ledger, known(ledger, validator), who);
    return [wei, BigInt(epoch)];
  },

  withdrawable({ ledger, args }) {
    const [validator, who] = args as [Address, Address];
    return [withdrawableWei(ledger, known(ledger, validator), who)];
  },

  owed({ ledger, args }) {
    const [validator, who] = args as [Address, Address];
    return [owedWei(ledger, known(ledger, validator), who)];
  },
};

function validatorAt({ ledger, args }: StakingCall): readonly AbiValue[] {
  const index = args[0] as bigint;
  const count = ledger.validatorCount;
  const address = index < count ? ledger.validatorAt(Number(index)) : undefined;
  if (address === undefined) throw new StakeRefusal('INDEX_OUT_OF_RANGE', `there are ${count} validators`);
  return [address];
}

function validatorInfo({ ledger, args }: StakingCall): readonly AbiValue[] {
  const record = known(ledger, args[0] as Address);
  return [
    [
      record.owner,
      record.ownWei,
      record.delegated.wei,
      BigInt(statusNumber(record.status)),
      record.jailed,
      BigInt(record.commissionBps),
      epochValue(record.activationEpoch),
      epochValue(record.exitEpoch),
      epochValue(record.withdrawableEpoch),
      BigInt(record.jailedUntilEpoch),
      record.rewardsWei,
      record.penaltiesWei,
    ],
  ];
}

function parameters({ ledger: { rules } }: StakingCall): readonly AbiValue[] {
  return [
    [
      rules.stakeMinWei,
      rules.ejectionStakeWei,
      rules.delegationMinWei,
      rules.doubleSignPenaltyWei,
      rules.surroundPenaltyWei,
      BigInt(rules.correlationMultiplier),
      BigInt(rules.reporterQuotient),
      BigInt(rules.unbondingEpochs),
      BigInt(rules.jailEpochs),
      BigInt(rules.churnMin),
      BigInt(rules.churnQuotient),
    ],
  ];
}

function epochValue(epoch: number | null): bigint {
  return epoch === null ? NEVER : BigInt(epoch);
}
