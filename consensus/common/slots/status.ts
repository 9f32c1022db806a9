import type { BlockRef } from '../../../src/types/block.ts';
import { ZERO_HASH, type Address, type Millis } from '../../../src/types/primitives.ts';
import type { ValidatorSet } from '../../../src/types/validator.ts';
import type { EngineStatus, ValidatorStatus } from '../../api/status.ts';
import { setsFor, type FfgState } from '../ffg.ts';
import { powerOf, quorumPower, totalPower } from '../quorum.ts';
import type { Sightings } from '../sightings.ts';
import type { VotePool } from '../vote-pool.ts';
import type { SlotTreeBlock } from './branch.ts';
import type { Hasher } from './draw.ts';
import type { SlotFamily } from './family.ts';
import { epochOf, slotOf } from './slot-times.ts';

/** Everything `describe` reports on. */
export type SlotView = {
  readonly family: SlotFamily;
  readonly hasher: Hasher;
  readonly self: Address | null;
  readonly now: Millis;
  /** null before `start`. */
  readonly head: SlotTreeBlock | null;
  readonly headSeenAt: Millis;
  readonly safe: BlockRef | null;
  readonly root: SlotTreeBlock | null;
  readonly pool: VotePool;
  readonly sightings: Sightings;
  readonly isSealing: boolean;
  readonly timers: EngineStatus['timers'];
  readonly counters: EngineStatus['counters'];
  readonly isLagging: boolean;
};

const NOWHERE: BlockRef = { hash: ZERO_HASH, number: 0 };
const SILENCE_MS_MIN = 5000;
/** Whoever attests once an epoch is heard within two. */
const SILENT_EPOCHS = 2;

export function describeSlots(view: SlotView): EngineStatus {
  const { family, head, root, safe, self, now } = view;
  const slots = head?.data.slots ?? null;
  const slot = slots === null ? 0 : Math.max(0, slotOf(family.params, slots.genesisMs, now));
  const [current, next] = head === null ? [null, null] : [drawn(view, head, slot), drawn(view, head, slot + 1)];
  const isValidator = self !== null && head !== null && head.data.active.some(({ address }) => address === self);
  return {
    engine: family.id,
    finality: 'votes',
    head: refOf(head),
    safe: safe ?? NOWHERE,
    finalized: refOf(root),
    clock: { unit: 'slot', value: slot, epoch: epochOf(family.params, slot) },
    role: !isValidator ? 'follower' : current === self || view.isSealing ? 'proposer' : 'validator',
    proposer: { now: current, next },
    validators: (head?.data.state.validators ?? []).map((validator) => describeValidator(view, validator)),
    quorum: head === null ? null : describeQuorum(view, head.data.ffg),
    timers: view.timers,
    counters: view.counters,
    details: {
      justifiedEpoch: head?.data.ffg.justified.epoch ?? 0,
      finalizedEpoch: head?.data.ffg.finalized.epoch ?? 0,
      stalledEpochs: slots?.stalledEpochs ?? 0,
      unfinalizedBlocks: (head?.number ?? 0) - (root?.number ?? 0),
      isLagging: view.isLagging,
    },
  };
}

function refOf(block: SlotTreeBlock | null): BlockRef {
  return block === null ? NOWHERE : { hash: block.hash, number: block.number };
}

/** Of the head itself where it stands in this slot. */
function drawn({ family, hasher }: SlotView, head: SlotTreeBlock, slot: number): Address | null {
  const { slots, state, author } = head.data;
  return slot === slots.slot ? author : family.proposer(slots, state.validators, slot, hasher);
}

function describeValidator(view: SlotView, { address, power, jailed }: ValidatorSet[number]): ValidatorStatus {
  const { blockTimeMs, slotsPerEpoch } = view.family.params;
  const silenceMsMax = Math.max(SILENCE_MS_MIN, SILENT_EPOCHS * slotsPerEpoch * blockTimeMs);
  const isSilent = address !== view.self && view.sightings.silentMs(address, view.now) > silenceMsMax;
  return {
    address,
    power,
    state: jailed ? 'jailed' : isSilent ? 'silent' : 'active',
    lastSeen: view.sightings.height(address),
  };
}

/** Of the newest checkpoint that has had an epoch's time, the set that is furthest from its quorum. */
function describeQuorum(view: SlotView, ffg: FfgState): EngineStatus['quorum'] {
  const target = ffg.targets.at(-2) ?? ffg.targets.at(-1);
  if (target === undefined) return null;
  const heard = view.pool.votersOf({ source: target.source, target: target.checkpoint });
  const has = (address: Address): boolean => target.votes.has(address) || heard.has(address);
  const missing = new Set<Address>();
  let worst: { have: bigint; need: bigint } | null = null;
  for (const set of setsFor(ffg, target)) {
    for (const { address } of set) if (!has(address)) missing.add(address);
    const [have, need] = [powerOf(set, has), quorumPower(totalPower(set))];
    if (worst === null || need - have > worst.need - worst.have) worst = { have, need };
  }
  return worst === null ? null : { phase: 'finality', ...worst, missing: [...missing].sort() };
}
