/** What users do with their stake. Each throws StakeRefusal, whereupon the call reverts and nothing of it is left. */
import type { AbiValue } from '../../codec/abi.ts';
import type { Address, Bytes } from '../../types/primitives.ts';
import type { Delegation, StakingLedger } from './ledger.ts';
import { join, leave, valueOf, type Leaving } from './pool.ts';
import { isPossessionProven } from './possession.ts';
import { newRecord, type ValidatorRecord } from './record.ts';
import { StakeRefusal } from './refusal.ts';

export type StakingCall = {
  readonly ledger: StakingLedger;
  readonly chainId: number;
  readonly caller: Address;
  /** Wei that came with the call; the contract's account has them. */
  readonly value: bigint;
  /** As the function's inputs say. */
  readonly args: readonly AbiValue[];
  readonly emit: (event: string, values: readonly AbiValue[]) => void;
};

export const COMMISSION_BPS_MAX = 10_000;
/** Of one delegator at one validator at a time. */
export const UNBONDINGS_MAX = 16;
/** As `amount` of `undelegate`: all of it, whatever it is worth by then. */
export const EVERYTHING = 2n ** 256n - 1n;
const SHARES_MAX = 2n ** 255n;
/** Of a delegation, one part in so many may be lost to rounding. */
const ROUNDING_MAX = 10n ** 6n;
/** As of the precompile ecrecover. */
const RECOVERY_GAS = 3_000;

export function deposit({ ledger, chainId, caller, value, args, emit }: StakingCall): void {
  const [address, proof, commission] = args as [Address, Bytes, bigint];
  if (value < ledger.rules.stakeMinWei) {
    throw new StakeRefusal('STAKE_BELOW_MINIMUM', `deposit at least ${coins(ledger.rules.stakeMinWei)}`);
  }
  if (commission > COMMISSION_BPS_MAX) {
    throw new StakeRefusal(
      'COMMISSION_TOO_HIGH',
      `a commission is at most ${COMMISSION_BPS_MAX} hundredths of a percent`,
    );
  }
  if (ledger.validator(address) !== undefined) {
    throw new StakeRefusal('VALIDATOR_KEY_USED', `${address} is or was a validator; take a new key, or top up`);
  }
  ledger.storage.charge(RECOVERY_GAS);
  if (!isPossessionProven(chainId, caller, address, proof)) {
    throw new StakeRefusal('POSSESSION_NOT_PROVEN', `sign the proof for owner ${caller} with the key of ${address}`);
  }
  const queueNumber = ledger.takeQueueNumber();
  const commissionBps = Number(commission);
  ledger.register(newRecord({ address, owner: caller, commissionBps, ownWei: value, queueNumber }));
  emit('Deposited', [address, caller, value, commission]);
}

export function topUp({ ledger, caller, value, args, emit }: StakingCall): void {
  const record = known(ledger, args[0] as Address);
  if (value === 0n) throw new StakeRefusal('AMOUNT_ZERO', 'send the coins to add along');
  if (record.status === 'exited') throw leaving(record);
  ledger.save({ ...record, ownWei: record.ownWei + value });
  emit('ToppedUp', [record.address, caller, value]);
}

export function delegate({ ledger, caller, value, args, emit }: StakingCall): void {
  const record = known(ledger, args[0] as Address);
  if (value < ledger.rules.delegationMinWei || value === 0n) {
    throw new StakeRefusal('DELEGATION_BELOW_MINIMUM', `delegate at least ${coins(ledger.rules.delegationMinWei)}`);
  }
  if (record.status === 'exiting' || record.status === 'exited') throw leaving(record);
  const before = ledger.delegation(record.address, caller);
  const { pool, held, worthWei } = join(record.delegated, before.share, value);
  // Whoever is alone in a pool can make its shares dear, so that what is short of one falls to it.
  if (worthWei < value - value / ROUNDING_MAX) {
    throw new StakeRefusal('DELEGATION_TOO_SMALL', `the shares of ${record.address} are so dear that a part is lost`);
  }
  if (pool.shares > SHARES_MAX) throw tooLarge();
  ledger.save({ ...record, delegated: pool });
  ledger.saveDelegation(record.address, caller, { ...before, share: held });
  emit('Delegated', [record.address, caller, value]);
}

export function undelegate({ ledger, caller, args, emit }: StakingCall): void {
  const [address, asked] = args as [Address, bigint];
  const record = known(ledger, address);
  const before = ledger.delegation(address, caller);
  const all = valueOf(record.delegated, before.share);
  const wanted = asked === EVERYTHING ? all : asked;
  if (wanted === 0n) throw new StakeRefusal('AMOUNT_ZERO', 'there is nothing to undelegate');
  if (wanted > all) throw new StakeRefusal('DELEGATION_TOO_SMALL', `${caller} has ${all} wei delegated to ${address}`);
  const left = leave(record.delegated, before.share, wanted);
  refuseCrumbs(ledger, left);
  const { delegation: after, epoch } = addUnbonding(ledger, record, caller, {
    delegation: { ...before, share: left.held },
    earliest: unbondingEpochOf(ledger, record),
    wei: left.wei,
  });
  ledger.saveDelegation(address, caller, after);
  ledger.save({
    ...record,
    delegated: left.pool,
    unbondingEpochLast: Math.max(record.unbondingEpochLast, epoch),
  });
  emit('Undelegated', [address, caller, left.wei, BigInt(epoch)]);
}

/** A few shares that stay while rewards come in would get ever dearer, until others cannot buy a whole one. */
function refuseCrumbs({ rules }: StakingLedger, { pool, held }: Leaving): void {
  if (held.shares === 0n || valueOf(pool, held) >= rules.delegationMinWei) return;
  const least = coins(rules.delegationMinWei);
  throw new StakeRefusal('DELEGATION_BELOW_MINIMUM', `leave at least ${least} delegated, or undelegate all of it`);
}

export function requestExit({ ledger, caller, args, emit }: StakingCall): void {
  const record = owned(ledger, args[0] as Address, caller);
  if (record.status === 'exiting' || record.status === 'exited') throw leaving(record);
  if (record.status === 'active') {
    ledger.save({ ...record, status: 'exiting', queueNumber: ledger.takeQueueNumber() });
  } else {
    // It has no say that could end, so it waits for nobody's turn.
    ledger.retire(record);
    ledger.save(exited(ledger, record));
  }
  emit('ExitRequested', [record.address]);
}

/** The record as of the current epoch. */
export function exited({ epoch, rules }: StakingLedger, record: ValidatorRecord): ValidatorRecord {
  return { ...record, status: 'exited', exitEpoch: epoch, withdrawableEpoch: epoch + rules.unbondingEpochs };
}

export function unjail({ ledger, caller, args, emit }: StakingCall): void {
  const record = owned(ledger, args[0] as Address, caller);
  if (!record.jailed) throw new StakeRefusal('VALIDATOR_NOT_JAILED', `${record.address} is not in jail`);
  if (record.status === 'exited') throw leaving(record);
  if (ledger.epoch < record.jailedUntilEpoch) {
    throw new StakeRefusal('JAIL_TOO_EARLY', `it may ask back in from epoch ${record.jailedUntilEpoch} on`);
  }
  if (record.ownWei < ledger.rules.stakeMinWei) {
    throw new StakeRefusal('STAKE_BELOW_MINIMUM', `top up to at least ${coins(ledger.rules.stakeMinWei)} first`);
  }
  ledger.save({ ...record, jailed: false });
  emit('Unjailed', [record.address]);
}

/** Throws VALIDATOR_UNKNOWN. */
export function known(ledger: StakingLedger, address: Address): ValidatorRecord {
  const record = ledger.validator(address);
  if (record === undefined) throw new StakeRefusal('VALIDATOR_UNKNOWN', `nobody deposited for ${address}`);
  return record;
}

function owned(ledger: StakingLedger, address: Address, caller: Address): ValidatorRecord {
  const record = known(ledger, address);
  if (record.owner !== caller) throw new StakeRefusal('OWNER_ONLY', `only its owner ${record.owner} may do this`);
  return record;
}

function leaving({ address, status }: ValidatorRecord): StakeRefusal {
  return new StakeRefusal(
    'VALIDATOR_LEAVING',
    `${address} ${status === 'exited' ? 'has exited' : 'is on its way out'}`,
  );
}

/**
 * Delegated coins have their say until the next epoch begins, or had it until their validator exited; from there they can be held liable
 * for as long as evidence counts.
 */
function unbondingEpochOf({ epoch, rules }: StakingLedger, { withdrawableEpoch }: ValidatorRecord): number {
  return withdrawableEpoch ?? epoch + 1 + rules.unbondingEpochs;
}

function addUnbonding(
  ledger: StakingLedger,
  { address }: ValidatorRecord,
  delegator: Address,
  { delegation, earliest, wei }: { readonly delegation: Delegation; readonly earliest: number; readonly wei: bigint },
): { readonly delegation: Delegation; readonly epoch: number } {
  const { first, end } = delegation;
  const last = first === end ? undefined : ledger.unbonding(address, delegator, end - 1);
  // By epoch, as those who withdraw expect: an exit in between would put this one before the last.
  const epoch = Math.max(earliest, last?.epoch ?? 0);
  const isSame = last?.epoch === epoch;
  if (!isSame && end - first === UNBONDINGS_MAX) {
    throw new StakeRefusal('UNBONDING_TOO_MANY', `at most ${UNBONDINGS_MAX} at a time; withdraw what is due first`);
  }
  const before = last !== undefined && isSame ? last.share : { shares: 0n, round: 0 };
  const { pool, held } = join(ledger.unbondingPool(address, epoch), before, wei);
  if (pool.shares > SHARES_MAX) throw tooLarge();
  ledger.saveUnbondingPool(address, epoch, pool);
  ledger.saveUnbonding(address, delegator, isSame ? end - 1 : end, { epoch, share: held });
  return { delegation: isSame ? delegation : { ...delegation, end: end + 1 }, epoch };
}

function tooLarge(): StakeRefusal {
  return new StakeRefusal('AMOUNT_TOO_LARGE', 'the books have no room for so much');
}

function coins(wei: bigint): string {
  const whole = wei / 10n ** 18n;
  return wei === whole * 10n ** 18n ? `${whole} coins` : `${wei} wei`;
}
