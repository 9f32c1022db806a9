import type { StateOverlay } from '../../state/overlay.ts';
import type { StakingRules } from '../../types/staking.ts';
import type { ValidatorSet } from '../../types/validator.ts';
import { ConfigError } from '../../util/errors.ts';
import { StakingLedger } from './ledger.ts';
import { newRecord } from './record.ts';

/**
 * The validators of a genesis deposited their power, own themselves and are active in epoch 0. Throws ConfigError whose data.path names
 * what cannot be.
 */
export function writeGenesisStake(overlay: StateOverlay, rules: StakingRules, validators: ValidatorSet): void {
  checkRules(rules);
  if (validators.length === 0) fail('validators', 'must not be empty: nobody could ever make a block');
  const ledger = new StakingLedger(overlay, rules);
  ledger.storage.open();
  for (const { address, power, jailed } of validators) {
    if (power < rules.stakeMinWei) {
      fail(`validators.${address}.power`, `is its stake, ${power} wei; the least is ${rules.stakeMinWei}`);
    }
    const fields = { address, owner: address, commissionBps: 0, ownWei: power, queueNumber: ledger.takeQueueNumber() };
    ledger.register({ ...newRecord(fields), status: 'active', jailed, activationEpoch: 0 });
    ledger.storage.issue(power);
  }
}

const COUNTS = [
  'correlationMultiplier',
  'reporterQuotient',
  'unbondingEpochs',
  'jailEpochs',
  'churnMin',
  'churnQuotient',
] as const;
const AMOUNTS = [
  'stakeMinWei',
  'ejectionStakeWei',
  'delegationMinWei',
  'doubleSignPenaltyWei',
  'surroundPenaltyWei',
] as const;

/** The engine has checked its parameters; the ledger counts in whole numbers and cannot do with others. */
function checkRules(rules: StakingRules): void {
  for (const name of COUNTS) {
    if (!Number.isSafeInteger(rules[name]) || rules[name] < 0) {
      fail(`engine.params.${name}`, 'must be a whole number, not below 0');
    }
  }
  for (const name of AMOUNTS) if (rules[name] < 0n) fail(`engine.params.${name}`, 'must not be negative');
}

function fail(path: string, what: string): never {
  throw new ConfigError(`genesis: ${path} ${what}`, { path });
}
