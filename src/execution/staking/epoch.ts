import type { Validator } from '../../types/validator.ts';
import type { StakingLedger } from './ledger.ts';
import { exited } from './operations.ts';
import { isSeated, type ValidatorRecord } from './record.ts';
import { ejectedIfPoor } from './slashing.ts';

/**
 * The first block of an epoch moves the queues: who has too little own stake joins those who leave; those who wait come in, and those
 * who leave go, in the order in which they asked and only so many at a time. The last who can have a say stays until another is there.
 */
export function beginEpoch(ledger: StakingLedger, epoch: number): void {
  ledger.epoch = epoch;
  const live = ledger.liveValidators();
  const seats = live.filter(isSeated).length;
  const churn = churnOf(ledger, seats);
  const poor = live.map((record) => {
    const after = ejectedIfPoor(ledger, record);
    if (after !== record) ledger.save(after);
    return after;
  });
  const activated = activate(ledger, poor, churn);
  release(ledger, activated, churn);
}

function churnOf({ rules }: StakingLedger, seats: number): number {
  const part = rules.churnQuotient > 0 ? Math.floor(seats / rules.churnQuotient) : 0;
  return Math.max(rules.churnMin, part);
}

function activate(ledger: StakingLedger, live: readonly ValidatorRecord[], churn: number): ValidatorRecord[] {
  const isReady = ({ status, ownWei }: ValidatorRecord): boolean =>
    status === 'pending' && ownWei >= ledger.rules.stakeMinWei;
  const chosen = new Set(queueOf(live.filter(isReady)).slice(0, churn));
  return live.map((record) => {
    if (!chosen.has(record)) return record;
    const active = { ...record, status: 'active' as const, activationEpoch: ledger.epoch };
    ledger.save(active);
    return active;
  });
}

function release(ledger: StakingLedger, live: readonly ValidatorRecord[], churn: number): void {
  const seated = new Set(live.filter(isSeated));
  const gone = new Set<ValidatorRecord>();
  for (const record of queueOf(live.filter(({ status }) => status === 'exiting'))) {
    if (gone.size === churn) break;
    if (!isDispensable(record, seated)) continue;
    seated.delete(record);
    gone.add(record);
  }
  for (const { address } of gone) {
    // Read again: whoever retired before may have moved it on the list.
    const record = ledger.validator(address);
    if (record === undefined) continue;
    ledger.retire(record);
    ledger.save(exited(ledger, record));
  }
}

/** Somebody else is there who can have a say; for one in jail it is enough that somebody is there. */
function isDispensable(record: Pick<Validator, 'jailed'>, seated: ReadonlySet<ValidatorRecord>): boolean {
  const others = [...seated].filter((other) => other !== record);
  return others.some(({ jailed }) => record.jailed || !jailed);
}

function queueOf(records: readonly ValidatorRecord[]): ValidatorRecord[] {
  return [...records].sort((a, b) => a.queueNumber - b.queueNumber);
}
