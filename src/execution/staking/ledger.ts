import { encodeUint } from '../../codec/rlp.ts';
import type { StateOverlay } from '../../state/overlay.ts';
import { ZERO_HASH, type Address, type Hash } from '../../types/primitives.ts';
import type { Candidate, StakingRules } from '../../types/staking.ts';
import { assert } from '../../util/assert.ts';
import { Lru } from '../../util/lru.ts';
import { fromHex } from '../../util/hex.ts';
import type { Pool, PoolShare } from './pool.ts';
import { decodeRecord, encodeRecord, isSeated, RECORD_WORDS, stakeOf, type ValidatorRecord } from './record.ts';
import { slotOf, StakingStorage } from './storage.ts';
import { packFour, unpackFour, wordOf } from './words.ts';

/** Coins on their way out, of one delegator. Those that leave at the same epoch share a pool, so that a late penalty bites. */
export type Unbonding = { readonly epoch: number; readonly share: PoolShare };

/** What somebody has delegated to a validator. */
export type Delegation = {
  readonly share: PoolShare;
  /** Its unbondings are numbered; those from `first` to `end` - 1 are there, by epoch. */
  readonly first: number;
  readonly end: number;
};

type Counters = {
  readonly epoch: number;
  /** All that were ever registered. */
  readonly validators: number;
  /** Those who have not exited. */
  readonly live: number;
  /** The next number in a queue. */
  readonly queue: number;
};

const COUNTERS_SLOT = slotOf('counters');

/**
 * The books of the staking contract in its account's storage, as records. It keeps them; what is right to write is decided by those who
 * call. One ledger serves one call of the contract, or the end of one block; while it is in use no other changes the books.
 */
export class StakingLedger {
  readonly rules: StakingRules;
  readonly storage: StakingStorage;
  #seatedWei: bigint | undefined;

  /** `gasLimit`: of a call. What a block does at its end has no limit. */
  constructor(overlay: StateOverlay, rules: StakingRules, gasLimit = Number.POSITIVE_INFINITY) {
    this.rules = rules;
    this.storage = new StakingStorage(overlay, gasLimit);
  }

  get epoch(): number {
    return this.#counters().epoch;
  }

  set epoch(epoch: number) {
    this.#count({ epoch });
  }

  get validatorCount(): number {
    return this.#counters().validators;
  }

  /** In the order of their deposits; undefined beyond the last. */
  validatorAt(index: number): Address | undefined {
    const word = this.storage.read(slotOf('validator-at', encodeUint(index)));
    return word === ZERO_HASH ? undefined : `0x${word.slice(26)}`;
  }

  /** undefined: nobody ever deposited for this key. */
  validator(address: Address): ValidatorRecord | undefined {
    const words: Hash[] = [];
    const slotAt = recordSlots(address);
    for (let i = 0; i < RECORD_WORDS; i++) {
      words.push(this.storage.read(slotAt(i)));
      if (words[0] === ZERO_HASH) return undefined;
    }
    return decodeRecord(address, words);
  }

  /** A new one, at the end of the lists. */
  register(record: ValidatorRecord): void {
    const { validators, live } = this.#counters();
    this.storage.write(slotOf('validator-at', encodeUint(validators)), addressWord(record.address));
    this.storage.write(liveSlot(live), addressWord(record.address));
    this.#count({ validators: validators + 1, live: live + 1 });
    this.save({ ...record, livePosition: live });
  }

  /** Takes the place of what was there. Only words that differ are written. */
  save(record: ValidatorRecord): void {
    if (this.#seatedWei !== undefined) {
      this.#seatedWei += seatedWeiOf(record) - seatedWeiOf(this.validator(record.address));
    }
    const slotAt = recordSlots(record.address);
    for (const [i, word] of encodeRecord(record).entries()) this.storage.write(slotAt(i), word);
  }

  takeQueueNumber(): number {
    const { queue } = this.#counters();
    this.#count({ queue: queue + 1 });
    return queue;
  }

  /** Off the list of those who have not exited: the last of it takes its place. The record itself is left to the caller. */
  retire({ address, livePosition }: ValidatorRecord): void {
    const last = this.#counters().live - 1;
    const lastWord = this.storage.read(liveSlot(last));
    if (last !== livePosition) {
      const moved = this.validator(`0x${lastWord.slice(26)}`);
      assert(moved !== undefined && moved.address !== address, 'the list of live validators names nobody');
      this.storage.write(liveSlot(livePosition), lastWord);
      this.save({ ...moved, livePosition });
    }
    this.storage.write(liveSlot(last), ZERO_HASH);
    this.#count({ live: last });
  }

  /** All that have not exited, by address. */
  liveValidators(): ValidatorRecord[] {
    const found: ValidatorRecord[] = [];
    for (let i = 0; i < this.#counters().live; i++) {
      const record = this.validator(`0x${this.storage.read(liveSlot(i)).slice(26)}`);
      assert(record !== undefined, 'the list of live validators names nobody');
      found.push(record);
    }
    return found.sort((a, b) => (a.address < b.address ? -1 : 1));
  }

  /** What an engine may choose from, by address. */
  candidates(): readonly Candidate[] {
    return this.liveValidators().map(({ address, ownWei, delegated, status, jailed }) => ({
      address,
      ownWei,
      delegatedWei: delegated.wei,
      status,
      jailed,
    }));
  }

  /** Own and delegated stake of all that may have a say. Added up once; what this ledger saves from then on is followed. */
  seatedStakeWei(): bigint {
    this.#seatedWei ??= this.liveValidators().reduce((sum, record) => sum + seatedWeiOf(record), 0n);
    return this.#seatedWei;
  }

  delegation(validator: Address, delegator: Address): Delegation {
    const [round, first, end] = unpackFour(this.storage.read(delegationSlot(validator, delegator, 1)));
    const shares = this.storage.readAmount(delegationSlot(validator, delegator, 0));
    return { share: { shares, round: round ?? 0 }, first: first ?? 0, end: end ?? 0 };
  }

  saveDelegation(validator: Address, delegator: Address, { share, first, end }: Delegation): void {
    // Round and numbers matter only beside something that they belong to.
    const isEmpty = share.shares === 0n && first === end;
    this.storage.write(delegationSlot(validator, delegator, 0), wordOf(share.shares));
    this.storage.write(
      delegationSlot(validator, delegator, 1),
      isEmpty ? ZERO_HASH : packFour([share.round, first, end, 0]),
    );
  }

  unbonding(validator: Address, delegator: Address, number: number): Unbonding {
    const [epoch, round] = unpackFour(this.storage.read(unbondingSlot(validator, delegator, number, 1)));
    const shares = this.storage.readAmount(unbondingSlot(validator, delegator, number, 0));
    return { epoch: epoch ?? 0, share: { shares, round: round ?? 0 } };
  }

  /** null takes it away. */
  saveUnbonding(validator: Address, delegator: Address, number: number, unbonding: Unbonding | null): void {
    const shares = unbonding === null ? ZERO_HASH : wordOf(unbonding.share.shares);
    const rest = unbonding === null ? ZERO_HASH : packFour([unbonding.epoch, unbonding.share.round, 0, 0]);
    this.storage.write(unbondingSlot(validator, delegator, number, 0), shares);
    this.storage.write(unbondingSlot(validator, delegator, number, 1), rest);
  }

  /** Coins of a validator's delegators that may be withdrawn from `epoch` on. */
  unbondingPool(validator: Address, epoch: number): Pool {
    const [wei, shares, round] = [0, 1, 2].map((i) => this.storage.readAmount(poolSlot(validator, epoch, i)));
    return { wei: wei ?? 0n, shares: shares ?? 0n, round: Number(round ?? 0n) };
  }

  saveUnbondingPool(validator: Address, epoch: number, { wei, shares, round }: Pool): void {
    for (const [i, value] of [wei, shares, BigInt(round)].entries()) {
      this.storage.write(poolSlot(validator, epoch, i), wordOf(value));
    }
  }

  #counters(): Counters {
    const [epoch, validators, live, queue] = unpackFour(this.storage.read(COUNTERS_SLOT));
    return { epoch: epoch ?? 0, validators: validators ?? 0, live: live ?? 0, queue: queue ?? 0 };
  }

  #count(changes: Partial<Counters>): void {
    const { epoch, validators, live, queue } = { ...this.#counters(), ...changes };
    this.storage.write(COUNTERS_SLOT, packFour([epoch, validators, live, queue]));
  }
}

/** Of this many validators; whoever has a say is read in every epoch, and a slot's hash costs more than reading it. */
const REMEMBERED_MAX = 65_536;
const RECORD_SLOTS = new Lru<Address, Hash[]>(REMEMBERED_MAX);
const LIVE_SLOTS = new Lru<number, Hash>(REMEMBERED_MAX);

function addressWord(address: Address): Hash {
  return `0x${address.slice(2).padStart(64, '0')}`;
}

function liveSlot(position: number): Hash {
  const known = LIVE_SLOTS.get(position);
  if (known !== undefined) return known;
  const slot = slotOf('live', encodeUint(position));
  LIVE_SLOTS.set(position, slot);
  return slot;
}

/** By word, each worked out when it is first asked for: a read that there is no gas for is no work. */
function recordSlots(validator: Address): (word: number) => Hash {
  let slots = RECORD_SLOTS.get(validator);
  if (slots === undefined) RECORD_SLOTS.set(validator, (slots = []));
  const known = slots;
  return (word) => (known[word] ??= slotOf('validator', fromHex(validator), encodeUint(word)));
}

function seatedWeiOf(record: ValidatorRecord | undefined): bigint {
  return record !== undefined && isSeated(record) ? stakeOf(record) : 0n;
}

function delegationSlot(validator: Address, delegator: Address, word: number): Hash {
  return slotOf('delegation', fromHex(validator), fromHex(delegator), encodeUint(word));
}

function unbondingSlot(validator: Address, delegator: Address, number: number, word: number): Hash {
  return slotOf('unbonding', fromHex(validator), fromHex(delegator), encodeUint(number), encodeUint(word));
}

function poolSlot(validator: Address, epoch: number, word: number): Hash {
  return slotOf('unbonding-pool', fromHex(validator), encodeUint(epoch), encodeUint(word));
}
