/** What is owed to whom, and paying it out. */
import type { AbiValue } from '../../codec/abi.ts';
import type { Address } from '../../types/primitives.ts';
import type { StakingLedger } from './ledger.ts';
import { known, type StakingCall } from './operations.ts';
import { leave, valueOf } from './pool.ts';
import type { ValidatorRecord } from './record.ts';
import { StakeRefusal } from './refusal.ts';

/** Pays the caller all it may take: own stake of an exited validator, and undelegated coins whose time has come. */
export function withdraw({ ledger, caller, args, emit }: StakingCall): AbiValue[] {
  const record = known(ledger, args[0] as Address);
  const ownWei = withdrawableOwnWei(ledger, record, caller);
  const { wei, count } = takeUnbondings(ledger, record, caller);
  const amount = ownWei + wei;
  // Unbondings that a penalty left nothing of are cleared away all the same: there is room for so many only.
  if (amount === 0n && count === 0) throw nothing(ledger, record, caller);
  ledger.save({ ...record, ownWei: record.ownWei - ownWei });
  if (amount > 0n) ledger.storage.pay(caller, amount);
  emit('Withdrawn', [record.address, caller, amount]);
  return [amount];
}

/** Everything that `who` would get back if all were unbonded now. */
export function owedWei(ledger: StakingLedger, record: ValidatorRecord, who: Address): bigint {
  const own = record.owner === who ? record.ownWei : 0n;
  const delegated = valueOf(record.delegated, ledger.delegation(record.address, who).share);
  return own + delegated + unbondingOf(ledger, record, who).wei;
}

/** What `withdraw` would pay now. */
export function withdrawableWei(ledger: StakingLedger, record: ValidatorRecord, who: Address): bigint {
  return withdrawableOwnWei(ledger, record, who) + unbondingOf(ledger, record, who).dueWei;
}

/** All on its way out, what of it is due, and when all of it is; 0 where there is nothing. */
export function unbondingOf(
  ledger: StakingLedger,
  { address }: ValidatorRecord,
  who: Address,
): { readonly wei: bigint; readonly dueWei: bigint; readonly epoch: number } {
  const { first, end } = ledger.delegation(address, who);
  const epochNow = ledger.epoch;
  let [wei, dueWei, epoch] = [0n, 0n, 0];
  for (let number = first; number < end; number++) {
    const unbonding = ledger.unbonding(address, who, number);
    const value = valueOf(ledger.unbondingPool(address, unbonding.epoch), unbonding.share);
    wei += value;
    if (unbonding.epoch <= epochNow) dueWei += value;
    epoch = unbonding.epoch;
  }
  return { wei, dueWei, epoch };
}

function withdrawableOwnWei(ledger: StakingLedger, record: ValidatorRecord, who: Address): bigint {
  const { owner, withdrawableEpoch, ownWei } = record;
  return owner === who && withdrawableEpoch !== null && withdrawableEpoch <= ledger.epoch ? ownWei : 0n;
}

/** Takes what is due out of the pools. Unbondings are by epoch, so those that are due come first. */
function takeUnbondings(
  ledger: StakingLedger,
  { address }: ValidatorRecord,
  who: Address,
): { readonly wei: bigint; readonly count: number } {
  const delegation = ledger.delegation(address, who);
  let wei = 0n;
  let { first } = delegation;
  for (; first < delegation.end; first++) {
    const { epoch, share } = ledger.unbonding(address, who, first);
    if (epoch > ledger.epoch) break;
    const pool = ledger.unbondingPool(address, epoch);
    const left = leave(pool, share, valueOf(pool, share));
    ledger.saveUnbondingPool(address, epoch, left.pool);
    ledger.saveUnbonding(address, who, first, null);
    wei += left.wei;
  }
  ledger.saveDelegation(address, who, { ...delegation, first });
  return { wei, count: first - delegation.first };
}

function nothing(ledger: StakingLedger, record: ValidatorRecord, who: Address): StakeRefusal {
  if (record.owner === who && record.ownWei > 0n) {
    const { withdrawableEpoch } = record;
    const isOnItsWay = record.status === 'exiting';
    const before = isOnItsWay ? 'wait until it has exited' : 'request the exit first';
    const when = withdrawableEpoch === null ? before : `wait for epoch ${withdrawableEpoch}`;
    return new StakeRefusal('WITHDRAWAL_TOO_EARLY', when);
  }
  const { wei, epoch } = unbondingOf(ledger, record, who);
  if (wei > 0n) return new StakeRefusal('WITHDRAWAL_TOO_EARLY', `wait for epoch ${epoch}`);
  return new StakeRefusal('WITHDRAWAL_NOTHING', `nothing of ${record.address} is due to ${who}`);
}
