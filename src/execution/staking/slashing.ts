/**
 * Penalties for offences.
 *
 * Those who were punished within the unbonding period are kept in a list of their own, by time, with the sum of what they had at stake;
 * whoever is older drops out when the list is next asked. A validator is on it once.
 */
import { encodeUint } from '../../codec/rlp.ts';
import type { Offence } from '../../types/evidence.ts';
import type { Address } from '../../types/primitives.ts';
import type { StakingLedger } from './ledger.ts';
import { jailed } from './movements.ts';
import { liableWei, takeOwnFirst } from './penalty.ts';
import { isSeated, stakeOf, type ValidatorRecord } from './record.ts';
import { slotOf } from './storage.ts';
import { packFour, unpackFour, wordOf } from './words.ts';

const SURROUND_VOTE = 'SURROUND_VOTE';
const LIST_SLOT = slotOf('slashed');
const SUM_SLOT = slotOf('slashed-stake');

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
    if (epoch + ledger.rules.unbondingEpochs < ledger.epoch) return 'the evidence has expired';
    if (epoch < activationEpoch) return 'it had no say yet';
    // The first block of the epoch in which it exits is still made by those who were there before.
    if (exitEpoch !== null && epoch > exitEpoch) return 'it had no say any more';
  }
  // Else it could fill the state with marks of offences that cost it nothing.
  return liableWei(ledger, record, liableEpochOf(ledger, offence)) === 0n ? 'it has nothing left to lose' : null;
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
  const penaltyWei = base + correlationWei(ledger, before);
  const listed = list(ledger, before);
  const { record, takenWei } = takeOwnFirst(ledger, listed, penaltyWei, liableEpochOf(ledger, offence));
  // Whoever carries the evidence against itself gets nothing back.
  const isRewarded = rules.reporterQuotient > 0 && reporter !== offence.offender;
  const rewardWei = isRewarded ? takenWei / BigInt(rules.reporterQuotient) : 0n;
  if (rewardWei > 0n) ledger.storage.pay(reporter, rewardWei);
  ledger.storage.issue(rewardWei - takenWei);
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
 * reach.
 */
function liableEpochOf({ epoch, rules }: StakingLedger, offence: Offence): number {
  const past = offence.epoch === undefined ? 0 : Math.min(offence.epoch, epoch) + rules.unbondingEpochs;
  return Math.max(past, epoch) + 1;
}

function correlationWei(ledger: StakingLedger, record: ValidatorRecord): bigint {
  const { stakeWei } = expireList(ledger);
  const others =
    stakeWei - (record.slashed === null || isExpired(ledger, record.slashed) ? 0n : record.slashed.stakeWei);
  const all = ledger.seatedStakeWei() + (isSeated(record) ? 0n : stakeOf(record));
  if (others <= 0n || all === 0n) return 0n;
  const wei = (record.ownWei * BigInt(ledger.rules.correlationMultiplier) * others) / all;
  return wei < record.ownWei ? wei : record.ownWei;
}

function isExpired({ epoch, rules }: StakingLedger, slashed: { readonly epoch: number }): boolean {
  return slashed.epoch + rules.unbondingEpochs < epoch;
}

type List = { readonly first: number; readonly end: number; readonly stakeWei: bigint };

function readList({ storage }: StakingLedger): List {
  const [first, end] = unpackFour(storage.read(LIST_SLOT));
  return { first: first ?? 0, end: end ?? 0, stakeWei: storage.readAmount(SUM_SLOT) };
}

function saveList({ storage }: StakingLedger, { first, end, stakeWei }: List): void {
  storage.write(LIST_SLOT, packFour([first, end, 0, 0]));
  storage.write(SUM_SLOT, wordOf(stakeWei));
}

/** Drops who was punished too long ago. */
function expireList(ledger: StakingLedger): List {
  const { storage } = ledger;
  let { first, stakeWei } = readList(ledger);
  const { end } = readList(ledger);
  for (; first < end; first++) {
    const [epoch] = unpackFour(storage.read(entrySlot(first, 0)));
    if (!isExpired(ledger, { epoch: epoch ?? 0 })) break;
    stakeWei -= storage.readAmount(entrySlot(first, 1));
    storage.write(entrySlot(first, 0), wordOf(0n));
    storage.write(entrySlot(first, 1), wordOf(0n));
  }
  const list = { first, end, stakeWei };
  saveList(ledger, list);
  return list;
}

/** Puts the stake as it was before the penalty on the list, unless the validator is on it. */
function list(ledger: StakingLedger, record: ValidatorRecord): ValidatorRecord {
  if (record.slashed !== null && !isExpired(ledger, record.slashed)) return record;
  const { first, end, stakeWei } = readList(ledger);
  const slashed = { epoch: ledger.epoch, stakeWei: stakeOf(record) };
  ledger.storage.write(entrySlot(end, 0), packFour([slashed.epoch, 0, 0, 0]));
  ledger.storage.write(entrySlot(end, 1), wordOf(slashed.stakeWei));
  saveList(ledger, { first, end: end + 1, stakeWei: stakeWei + slashed.stakeWei });
  return { ...record, slashed };
}

function entrySlot(number: number, word: number) {
  return slotOf('slashed-entry', encodeUint(number), encodeUint(word));
}
