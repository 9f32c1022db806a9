/** Taking coins from a validator and those who delegated to it. The caller burns or pays out what was taken. */
import type { StakingLedger } from './ledger.ts';
import { penalize } from './pool.ts';
import { stakeOf, type ValidatorRecord } from './record.ts';

export type Taken = {
  /** Saved already. */
  readonly record: ValidatorRecord;
  readonly takenWei: bigint;
  /** Of it, what was own stake. */
  readonly ownTakenWei: bigint;
};

/** From own and delegated stake in proportion: both bear what a validator's absence costs. */
export function takeInProportion(ledger: StakingLedger, record: ValidatorRecord, penaltyWei: bigint): Taken {
  const all = stakeOf(record);
  const wei = min(penaltyWei, all);
  if (wei === 0n) return { record, takenWei: 0n, ownTakenWei: 0n };
  const delegatedWei = (wei * record.delegated.wei) / all;
  return take(ledger, record, { ownWei: wei - delegatedWei, delegatedWei, takenWei: 0n });
}

/**
 * From own stake; what that does not cover from its delegators in proportion: those that are there, and those on their way out that may
 * withdraw in `liableEpoch` or later. null: its delegators are spared.
 */
export function takeOwnFirst(
  ledger: StakingLedger,
  record: ValidatorRecord,
  penaltyWei: bigint,
  liableEpoch: number | null,
): Taken {
  const ownWei = min(penaltyWei, record.ownWei);
  // Most are covered by own stake; to look for all that is on its way out takes long.
  if (liableEpoch === null || penaltyWei === ownWei)
    return take(ledger, record, { ownWei, delegatedWei: 0n, takenWei: 0n });
  const pools = unbondingPools(ledger, record, liableEpoch);
  const others = pools.reduce((sum, { pool }) => sum + pool.wei, record.delegated.wei);
  const rest = min(penaltyWei - ownWei, others);
  if (rest === 0n) return take(ledger, record, { ownWei, delegatedWei: 0n, takenWei: 0n });
  let takenWei = 0n;
  for (const { epoch, pool } of pools) {
    const penalized = penalize(pool, (rest * pool.wei) / others);
    ledger.saveUnbondingPool(record.address, epoch, penalized.pool);
    takenWei += penalized.takenWei;
  }
  return take(ledger, record, { ownWei, delegatedWei: (rest * record.delegated.wei) / others, takenWei });
}

/** Whether `takeOwnFirst` could take anything. */
export function isLiable(ledger: StakingLedger, record: ValidatorRecord, liableEpoch: number | null): boolean {
  if (record.ownWei > 0n || liableEpoch === null) return record.ownWei > 0n;
  return record.delegated.wei > 0n || unbondingPools(ledger, record, liableEpoch).length > 0;
}

/** `takenWei`: elsewhere, already. */
function take(
  ledger: StakingLedger,
  record: ValidatorRecord,
  { ownWei, delegatedWei, takenWei }: { ownWei: bigint; delegatedWei: bigint; takenWei: bigint },
): Taken {
  const delegated = penalize(record.delegated, delegatedWei);
  const all = ownWei + delegated.takenWei + takenWei;
  const after = {
    ...record,
    ownWei: record.ownWei - ownWei,
    delegated: delegated.pool,
    penaltiesWei: record.penaltiesWei + all,
  };
  ledger.save(after);
  return { record: after, takenWei: all, ownTakenWei: ownWei };
}

function unbondingPools(ledger: StakingLedger, { address, unbondingEpochLast }: ValidatorRecord, epochFirst: number) {
  const found = [];
  for (let epoch = epochFirst; epoch <= unbondingEpochLast; epoch++) {
    const pool = ledger.unbondingPool(address, epoch);
    if (pool.wei > 0n) found.push({ epoch, pool });
  }
  return found;
}

function min(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
