/**
 * What the ledger keeps of a validator, in nine words:
 *
 *   0  owner (20 bytes), status (1), jailed (1), commission (2), epoch of the last punishment that counts for others (8)
 *   1  epochs of 8 bytes each: activation, exit, withdrawable, jailed until
 *   2  own stake    3  delegated coins    4  their shares    5  rewards    6  penalties
 *   7  numbers of 8 bytes each: round of the delegated pool, place in the queue, place in the list of those who have not exited,
 *      last epoch with an unbonding pool
 *   8  one more than the last epoch in which its delegators paid for an offence (8), 0 where they never did;
 *      stake at the last punishment that counts for others (24)
 */
import type { Address, Hash } from '../../types/primitives.ts';
import type { StakeStatus } from '../../types/staking.ts';
import type { Pool } from './pool.ts';
import { packAmount, packFour, packNumber, unpackAmount, unpackFour, unpackNumber, wordOf } from './words.ts';

export type ValidatorRecord = {
  readonly address: Address;
  readonly owner: Address;
  readonly status: StakeStatus;
  readonly jailed: boolean;
  readonly commissionBps: number;
  readonly activationEpoch: number | null;
  readonly exitEpoch: number | null;
  readonly withdrawableEpoch: number | null;
  readonly jailedUntilEpoch: number;
  readonly ownWei: bigint;
  readonly delegated: Pool;
  /** Since the deposit, own and delegated together. */
  readonly rewardsWei: bigint;
  readonly penaltiesWei: bigint;
  /** Order of those who wait to become active, and of those who wait to exit. */
  readonly queueNumber: number;
  /** Where the ledger's list of those who have not exited names it. */
  readonly livePosition: number;
  /** Unbonding pools have this epoch or an earlier one. */
  readonly unbondingEpochLast: number;
  /** What is held against others punished in the same time; null: nothing. */
  readonly slashed: { readonly epoch: number; readonly stakeWei: bigint } | null;
  /** Last epoch in which its delegators paid for an offence; null: they never did. */
  readonly delegatorsPaidEpoch: number | null;
};

export const RECORD_WORDS = 9;
/** What there is room for: far more than all coins of any network. */
export const SLASHED_STAKE_MAX_WEI = 2n ** 192n - 1n;

/** In storage and in the ABI; 0 is nobody. */
const STATUS_NUMBERS: { readonly [status in StakeStatus]: number } = { pending: 1, active: 2, exiting: 3, exited: 4 };
const STATUSES: readonly (StakeStatus | undefined)[] = [undefined, 'pending', 'active', 'exiting', 'exited'];

export function statusNumber(status: StakeStatus): number {
  return STATUS_NUMBERS[status];
}

/** All that has no word yet is left out: nothing is written for it. */
export function newRecord(
  fields: Pick<ValidatorRecord, 'address' | 'owner' | 'commissionBps' | 'ownWei' | 'queueNumber'>,
): ValidatorRecord {
  return {
    ...fields,
    status: 'pending',
    jailed: false,
    activationEpoch: null,
    exitEpoch: null,
    withdrawableEpoch: null,
    jailedUntilEpoch: 0,
    delegated: { wei: 0n, shares: 0n, round: 0 },
    rewardsWei: 0n,
    penaltiesWei: 0n,
    livePosition: 0,
    unbondingEpochLast: 0,
    slashed: null,
    delegatorsPaidEpoch: null,
  };
}

/** Own and delegated. */
export function stakeOf(record: Pick<ValidatorRecord, 'ownWei' | 'delegated'>): bigint {
  return record.ownWei + record.delegated.wei;
}

/** Whether it may have a say: as of now, jailed ones included. */
export function isSeated({ status }: Pick<ValidatorRecord, 'status'>): boolean {
  return status === 'active' || status === 'exiting';
}

export function encodeRecord(record: ValidatorRecord): readonly Hash[] {
  const { activationEpoch, exitEpoch, withdrawableEpoch, jailedUntilEpoch, delegated, slashed } = record;
  const { delegatorsPaidEpoch } = record;
  const flags = [
    statusNumber(record.status).toString(16).padStart(2, '0'),
    record.jailed ? '01' : '00',
    record.commissionBps.toString(16).padStart(4, '0'),
  ].join('');
  return [
    `${record.owner}${flags}${packNumber(slashed === null ? null : slashed.epoch)}`,
    packFour([activationEpoch, exitEpoch, withdrawableEpoch, jailedUntilEpoch]),
    wordOf(record.ownWei),
    wordOf(delegated.wei),
    wordOf(delegated.shares),
    wordOf(record.rewardsWei),
    wordOf(record.penaltiesWei),
    packFour([delegated.round, record.queueNumber, record.livePosition, record.unbondingEpochLast]),
    packAmount(delegatorsPaidEpoch === null ? 0 : delegatorsPaidEpoch + 1, slashed === null ? 0n : slashed.stakeWei),
  ];
}

/** `words`: RECORD_WORDS of them. undefined: nobody is registered here. */
export function decodeRecord(address: Address, words: readonly Hash[]): ValidatorRecord | undefined {
  const [head = '0x', epochs = '0x', own = '0x', wei = '0x', shares = '0x', rewards = '0x', penalties = '0x'] = words;
  const [numbers = '0x', liability = '0x'] = words.slice(7);
  const status = STATUSES[Number.parseInt(head.slice(42, 44), 16)];
  if (status === undefined) return undefined;
  const [activationEpoch, exitEpoch, withdrawableEpoch, jailedUntilEpoch] = unpackFour(epochs);
  const [round, queueNumber, livePosition, unbondingEpochLast] = unpackFour(numbers);
  const slashedEpoch = unpackNumber(head, 3);
  const { number: paid, wei: slashedWei } = unpackAmount(liability);
  return {
    address,
    owner: `0x${head.slice(2, 42)}`,
    status,
    jailed: head.slice(44, 46) === '01',
    commissionBps: Number.parseInt(head.slice(46, 50), 16),
    activationEpoch,
    exitEpoch,
    withdrawableEpoch,
    jailedUntilEpoch: jailedUntilEpoch ?? 0,
    ownWei: BigInt(own),
    delegated: { wei: BigInt(wei), shares: BigInt(shares), round: round ?? 0 },
    rewardsWei: BigInt(rewards),
    penaltiesWei: BigInt(penalties),
    queueNumber: queueNumber ?? 0,
    livePosition: livePosition ?? 0,
    unbondingEpochLast: unbondingEpochLast ?? 0,
    slashed: slashedEpoch === null ? null : { epoch: slashedEpoch, stakeWei: slashedWei },
    delegatorsPaidEpoch: paid === 0 ? null : paid - 1,
  };
}
