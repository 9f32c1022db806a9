/**
 * Penalties for offences.
 *
 * Those who were punished within the unbonding period are kept in a list of their own, by time, with the sum of what they had at stake
 * while they could have a say, and the most that all had at stake when one of them was put there; whoever is older drops out when the
 * list is next asked. A validator is on it once.
 */
import { encodeUint } from '../../codec/rlp.ts';
import type { Offence } from '../../types/evidence.ts';
import type { Address } from '../../types/primitives.ts';
import type { StakingLedger } from './ledger.ts';
import { jailed } from './movements.ts';
import { isLiable, takeOwnFirst } from './penalty.ts';
import { isSeated, SLASHED_STAKE_MAX_WEI, stakeOf, type ValidatorRecord } from './record.ts';
import { slotOf } from './storage.ts';
import { packFour, unpackFour, wordOf } from './words.ts';

const SURROUND_VOTE = 'SURROUND_VOTE';
const LIST_SLOT = slotOf('slashed');
const SUM_SLOT = slotOf('slashed-stake');
const ALL_SLOT = slotOf('slashed-stake-of');

/**
 * Why this offence is not punished, or null where it is. That it has not been punished before is for others to say.
 */
export function slashingRefusal(ledger: StakingLedger, offence: Offence): string | null {
  const { offender, epoch } = offence;
  const record = ledger.validator(offender);
  if (record === undefined) return 'nobody deposited for this key';
  const { activationEpoch, exitEpoch, withdrawableEpoch } = record;
  if (activationEpoch === null) return 'it never had a say';
  if (withdrawableEpoch !== null && withdrawableEpoch <= ledger.epoch) return 'its stake may be withdrawn already';
  if (epoch !== undefined) {
    // Its first block is executed while the books are still in the epoch before. Votes for later ones prove nothing that cost anybody.
    if (epoch > ledger.epoch + 1) return 'its epoch has not come yet';
    if (epoch + ledger.rules.unbondingEpochs < ledger.epoch) return 'the evidence has expired';
    if (epoch < activationEpoch) return 'it had no say yet';
    // The first block of the epoch in which it exits is still made by those who were there before.
    if (exitEpoch !== null && epoch > exitEpoch) return 'it had no say any more';
  }
  // Else it could fill the state with marks of offences that cost it nothing.
  return isLiable(ledger, record, liableEpochOf(ledger, record, offence)) ? null : 'it has nothing left to lose';
}

/**
 * Takes the penalty, pays the reporter, burns the rest, jails the offender and, where too little is left, makes it exit. Returns burned
 * wei. The offence is one that `slashingRefusal` has nothing against.
 */
export function slash(ledger: StakingLedger, offence: Offence, reporter: Address): bigint {
  const before = ledger.validator(offence.offender);
  if (before === undefined) return 0n;
  const { rules } = ledger;
  const base = offence.code === SURROUND_VOTE ? rules.surroundPenaltyWei : rules.doubleSignPenaltyWei;
  const others = expireList(ledger);
  const allWei = ledger.seatedStakeWei();
  const penaltyWei = base + correlationWei(ledger, before, { others, allWei });
  const listed = list(ledger, before, allWei);
  const taken = takeOwnFirst(ledger, listed, penaltyWei, liableEpochOf(ledger, listed, offence));
  const { takenWei, ownTakenWei } = taken;
  // Only of own stake: else offender and reporter in league could carry off a part of what others delegated.
  // Whoever carries the evidence against itself gets nothing back.
  const isRewarded = rules.reporterQuotient > 0 && reporter !== offence.offender;
  const rewardWei = isRewarded ? ownTakenWei / BigInt(rules.reporterQuotient) : 0n;
  if (rewardWei > 0n) ledger.storage.pay(reporter, rewardWei);
  ledger.storage.issue(rewardWei - takenWei);
  const havePaid = takenWei > ownTakenWei;
  const record = havePaid ? { ...taken.record, delegatorsPaidEpoch: ledger.epoch } : taken.record;
  const inJail = jailed(ledger, record);
  ledger.save(ejectedIfPoor(ledger, inJail));
  return takenWei - rewardWei;
}

/** Too little own stake: on to the queue of those who exit. */
export function ejectedIfPoor(ledger: StakingLedger, record: ValidatorRecord): ValidatorRecord {
  if (record.status !== 'active' || record.ownWei >= ledger.rules.ejectionStakeWei) return record;
  return { ...record, status: 'exiting', queueNumber: ledger.takeQueueNumber() };
}

/**
 * Coins that had a say at the time of the offence: undelegated in that epoch or later. Those that may be withdrawn already are out of
 * reach. What is undelegated after its exit joins what leaves with the validator itself, and is liable for as long. null: in this epoch
 * the delegators have paid already, so that one who offends again and again costs them no more than one penalty an epoch.
 */
function liableEpochOf({ epoch, rules }: StakingLedger, record: ValidatorRecord, offence: Offence): number | null {
  if (record.delegatorsPaidEpoch === epoch) return null;
  const past = offence.epoch === undefined ? 0 : Math.min(offence.epoch, epoch) + rules.unbondingEpochs;
  return Math.min(Math.max(past, epoch) + 1, record.withdrawableEpoch ?? Number.POSITIVE_INFINITY);
}

/** In proportion to what others lost their say with, of all that had one then or have one now, whichever is more. */
function correlationWei(
  ledger: StakingLedger,
  record: ValidatorRecord,
  { others: { stakeWei, allWei: then }, allWei: now }: { readonly others: List; readonly allWei: bigint },
): bigint {
  const isListed = record.slashed !== null && !isExpired(ledger, record.slashed);
  const othersWei = stakeWei - (isListed ? (record.slashed?.stakeWei ?? 0n) : 0n);
  const withIt = now + (isSeated(record) ? 0n : stakeOf(record));
  const allWei = withIt > then ? withIt : then;
  if (othersWei <= 0n || allWei === 0n) return 0n;
  const ratio = { part: othersWei < allWei ? othersWei : allWei, of: allWei };
  const wei = (record.ownWei * BigInt(ledger.rules.correlationMultiplier) * ratio.part) / ratio.of;
  return wei < record.ownWei ? wei : record.ownWei;
}

function isExpired({ epoch, rules }: StakingLedger, slashed: { readonly epoch: number }): boolean {
  return slashed.epoch + rules.unbondingEpochs < epoch;
}

type List = {
  readonly first: number;
  readonly end: number;
  readonly stakeWei: bigint;
  /** The most that all had at stake when one was put on it, since it was last empty. */
  readonly allWei: bigint;
};

function readList({ storage }: StakingLedger): List {
  const [first, end] = unpackFour(storage.read(LIST_SLOT));
  return {
    first: first ?? 0,
    end: end ?? 0,
    stakeWei: storage.readAmount(SUM_SLOT),
    allWei: storage.readAmount(ALL_SLOT),
  };
}

function saveList({ storage }: StakingLedger, { first, end, stakeWei, allWei }: List): void {
  storage.write(LIST_SLOT, packFour([first, end, 0, 0]));
  storage.write(SUM_SLOT, wordOf(stakeWei));
  storage.write(ALL_SLOT, wordOf(allWei));
}

/** Drops who was punished too long ago. */
function expireList(ledger: StakingLedger): List {
  const { storage } = ledger;
  let { first, stakeWei } = readList(ledger);
  const { end, allWei } = readList(ledger);
  for (; first < end; first++) {
    const [epoch] = unpackFour(storage.read(entrySlot(first, 0)));
    if (!isExpired(ledger, { epoch: epoch ?? 0 })) break;
    stakeWei -= storage.readAmount(entrySlot(first, 1));
    storage.write(entrySlot(first, 0), wordOf(0n));
    storage.write(entrySlot(first, 1), wordOf(0n));
  }
  const list = { first, end, stakeWei, allWei: first === end ? 0n : allWei };
  saveList(ledger, list);
  return list;
}

/**
 * Puts the stake as it was before the penalty on the list, unless the validator is on it. Who has no say any more is not put there: its
 * coins are no part of what all have at stake. `all`: of all that may have a say.
 */
function list(ledger: StakingLedger, record: ValidatorRecord, all: bigint): ValidatorRecord {
  if (!isSeated(record)) return record;
  if (record.slashed !== null && !isExpired(ledger, record.slashed)) return record;
  const { first, end, stakeWei, allWei } = readList(ledger);
  const atStake = stakeOf(record);
  const slashed = {
    epoch: ledger.epoch,
    stakeWei: atStake < SLASHED_STAKE_MAX_WEI ? atStake : SLASHED_STAKE_MAX_WEI,
  };
  ledger.storage.write(entrySlot(end, 0), packFour([slashed.epoch, 0, 0, 0]));
  ledger.storage.write(entrySlot(end, 1), wordOf(slashed.stakeWei));
  saveList(ledger, {
    first,
    end: end + 1,
    stakeWei: stakeWei + slashed.stakeWei,
    allWei: all > allWei ? all : allWei,
  });
  return { ...record, slashed };
}

function entrySlot(number: number, word: number) {
  return slotOf('slashed-entry', encodeUint(number), encodeUint(word));
}
