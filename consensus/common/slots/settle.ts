import type { Address, Hash } from '../../../src/types/primitives.ts';
import type { Settlement, StakeMovement } from '../../../src/types/staking.ts';
import type { ConsensusState, ValidatorSet } from '../../../src/types/validator.ts';
import type { SettledBlock } from '../../api/staking.ts';
import { decodeVote } from '../ffg-vote.ts';
import { activeValidators, powerOf, quorumPower, totalPower } from '../quorum.ts';
import { seedOf, type Hasher } from './draw.ts';
import { decodeExtra } from './extra.ts';
import type { SlotFamily } from './family.ts';
import { withReveal } from './reveals.ts';
import { seedFor } from './seeds.ts';
import {
  decodeSlotState,
  dutiesOf,
  encodeSlotState,
  NO_TURNS,
  type Duties,
  type SlotState,
  type Turns,
} from './slot-state.ts';
import { epochOf, firstSlotOf, slotOf } from './slot-times.ts';

/** Missed slots that are put down to somebody for one block; a longer gap was the network's. */
const MISSED_SLOTS_MAX = 64;
const PPM = 1_000_000n;

/** What a block makes of the work of validators. `before`: of its parent, with what its evidence has changed. Pure and total. */
export function settleSlot(
  family: SlotFamily,
  before: ConsensusState,
  block: SettledBlock,
  hasher: Hasher,
): Settlement {
  const parent = named(decodeSlotState(before), block.parentHash);
  const slot = slotOf(family.params, parent.genesisMs, block.timeMs);
  const epoch = epochOf(family.params, slot);
  const epochStart = firstSlotOf(family.params, epoch);
  const missed = missedTurns(family, { parent, validators: before.validators, slot }, hasher);
  const counted = { ...parent, slot, turns: withMissed(parent.turns, missed, (at) => at < epochStart) };
  const isFirst = epoch > parent.epoch;
  const closed = isFirst ? closeEpoch(family, counted, before.validators, block.author) : null;
  const begun =
    closed === null ? counted : beginEpoch({ ...counted, ...closed.state }, epoch, before.validators, hasher);
  const turns = withMade(
    withMissed(begun.turns, missed, (at) => at >= epochStart),
    block.author,
  );
  const moved = { ...begun, turns };
  const reveal = decodeExtra(block.extra);
  const revealed = reveal === null ? moved : withReveal(moved, block.author, reveal, hasher);
  return {
    engine: encodeSlotState(
      withAttestations(
        revealed,
        block,
        new Map(before.validators.map((validator) => [validator.address, family.baseWei(validator)])),
      ),
    ),
    movements: closed?.movements ?? [],
    epoch: isFirst ? epoch : null,
  };
}

/** While the leak bites. */
export function isLeaking(family: SlotFamily, state: SlotState): boolean {
  return state.stalledEpochs > family.wages.leakAfterEpochs;
}

/** A checkpoint gets its name from its first child. */
function named(state: SlotState, parentHash: Hash): SlotState {
  if (state.current.checkpoint !== null || state.slot === 0) return state;
  return { ...state, current: { ...state.current, checkpoint: parentHash } };
}

type MissedTurn = { readonly slot: number; readonly who: Address };

/** In slots without a block. An epoch without any is nothing, and nobody's fault. */
function missedTurns(
  family: SlotFamily,
  at: { readonly parent: SlotState; readonly validators: ValidatorSet; readonly slot: number },
  hasher: Hasher,
): readonly MissedTurn[] {
  const { parent, validators, slot } = at;
  const isOutage = epochOf(family.params, slot) > parent.epoch + 1 || slot - parent.slot - 1 > MISSED_SLOTS_MAX;
  if (isOutage) return [];
  const missed: MissedTurn[] = [];
  for (let empty = parent.slot + 1; empty < slot; empty++) {
    const who = family.proposer(parent, validators, empty, hasher);
    if (who !== null) missed.push({ slot: empty, who });
  }
  return missed;
}

function withMissed(
  turns: ReadonlyMap<Address, Turns>,
  missed: readonly MissedTurn[],
  isIn: (slot: number) => boolean,
): ReadonlyMap<Address, Turns> {
  const counted = new Map(turns);
  for (const { slot, who } of missed) {
    const old = counted.get(who) ?? NO_TURNS;
    if (isIn(slot)) counted.set(who, { ...old, missed: old.missed + 1 });
  }
  return counted;
}

function withMade(turns: ReadonlyMap<Address, Turns>, author: Address): ReadonlyMap<Address, Turns> {
  const old = turns.get(author) ?? NO_TURNS;
  return new Map([...turns, [author, { ...old, made: old.made + 1 }]]);
}

/** What the epoch before last has earned and cost: its attestations had a whole epoch more to get into a block. */
function closeEpoch(
  family: SlotFamily,
  state: SlotState,
  validators: ValidatorSet,
  author: Address,
): { readonly state: Pick<SlotState, 'stalledEpochs'>; readonly movements: readonly StakeMovement[] } {
  const { previous } = state;
  const active = activeValidators(validators);
  const hadDuties = previous !== null && previous.attesters.size > 0;
  const stalledEpochs = !hadDuties ? state.stalledEpochs : isQuorate(previous, active) ? 0 : state.stalledEpochs + 1;
  const leakEpochs = Math.max(0, stalledEpochs - family.wages.leakAfterEpochs);
  const movements = active.map((validator): StakeMovement => {
    const pay = payOf(family, validator, previous?.attesters.get(validator.address), leakEpochs);
    const turns = state.turns.get(validator.address) ?? NO_TURNS;
    const carriedWei =
      (turns.carried * BigInt(family.wages.attestationPpm)) / PPM / BigInt(family.wages.carrierQuotient);
    const { missedTurnsMax } = family.wages;
    const isAbsent = turns.made === 0 && validator.address !== author;
    const jail = missedTurnsMax > 0 && isAbsent && turns.missed >= missedTurnsMax;
    return { validator: validator.address, rewardWei: pay.rewardWei + carriedWei, penaltyWei: pay.penaltyWei, jail };
  });
  const isNews = ({ rewardWei, penaltyWei, jail }: StakeMovement): boolean => rewardWei > 0n || penaltyWei > 0n || jail;
  return { state: { stalledEpochs }, movements: movements.filter(isNews) };
}

/** `hasAttested`: undefined for who had no duty then. */
function payOf(
  family: SlotFamily,
  validator: ValidatorSet[number],
  hasAttested: boolean | undefined,
  leakEpochs: number,
): { readonly rewardWei: bigint; readonly penaltyWei: bigint } {
  const { attestationPpm, absencePpm, leakQuotient } = family.wages;
  const base = family.baseWei(validator);
  if (hasAttested === undefined) return { rewardWei: 0n, penaltyWei: 0n };
  // While the leak bites, being there is paid with not being leaked.
  if (hasAttested) return { rewardWei: leakEpochs > 0 ? 0n : (base * BigInt(attestationPpm)) / PPM, penaltyWei: 0n };
  const leakWei = (base * BigInt(leakEpochs)) / BigInt(leakQuotient);
  return { rewardWei: 0n, penaltyWei: (base * BigInt(absencePpm)) / PPM + leakWei };
}

/** Of those who had to attest then and are still there. */
function isQuorate(duties: Duties, active: ValidatorSet): boolean {
  const total = totalPower(active.filter(({ address }) => duties.attesters.has(address)));
  return total === 0n || powerOf(active, (who) => duties.attesters.get(who) === true) >= quorumPower(total);
}

function beginEpoch(state: SlotState, epoch: number, validators: ValidatorSet, hasher: Hasher): SlotState {
  const isThere = new Set(validators.map(({ address }) => address));
  const active = activeValidators(validators);
  const isActive = new Set(active.map(({ address }) => address));
  return {
    ...state,
    epoch,
    seed: seedFor(state, epoch, hasher),
    nextSeed: seedOf(state.mix, epoch + 1, hasher),
    proposerSet: state.nextProposerSet,
    nextProposerSet: active,
    commitments: new Map([...state.commitments].filter(([who]) => isThere.has(who))),
    previous: state.current,
    current: dutiesOf(epoch, validators),
    // Whoever has made no block since it missed its turns still owes them; jail settles all debts.
    turns: new Map([...state.turns].filter(([who, { made }]) => made === 0 && isActive.has(who))),
  };
}

/** Attestations for this epoch's checkpoint and for that of the one before. */
function withAttestations(state: SlotState, block: SettledBlock, basesWei: ReadonlyMap<Address, bigint>): SlotState {
  const current = new Map(state.current.attesters);
  const previous = new Map(state.previous?.attesters);
  let [carried, count] = [0n, 0];
  for (const { from, payload } of block.votes) {
    const vote = decodeVote(payload);
    const attesters =
      vote?.target.hash === state.current.checkpoint
        ? current
        : vote?.target.hash === state.previous?.checkpoint
          ? previous
          : null;
    if (vote === null || attesters === null || attesters.get(from) !== false) continue;
    attesters.set(from, true);
    count++;
    carried += basesWei.get(from) ?? 0n;
  }
  if (count === 0) return state;
  const own = state.turns.get(block.author) ?? NO_TURNS;
  return {
    ...state,
    current: { ...state.current, attesters: current },
    previous: state.previous === null ? null : { ...state.previous, attesters: previous },
    turns: new Map([...state.turns, [block.author, { ...own, carried: own.carried + carried }]]),
  };
}
