import { ZERO_HASH, type Address, type Millis } from '../../src/types/primitives.ts';
import type { BlockRef } from '../../src/types/block.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineStatus, ValidatorStatus } from '../api/status.ts';
import { setsFor, type FfgState, type Target } from '../common/ffg.ts';
import { powerOf, quorumPower, totalPower } from '../common/quorum.ts';
import type { Sightings } from '../common/sightings.ts';
import type { VotePool } from '../common/vote-pool.ts';
import type { PoaTreeBlock } from './branch.ts';
import type { PoaParams } from './params.ts';
import type { Proposals } from './proposals.ts';
import type { PoaSealer } from './sealer.ts';
import { turnOrder } from './turns.ts';

/** Everything `describe` reports on. */
export type PoaView = {
  readonly params: PoaParams;
  readonly self: Address | null;
  readonly now: Millis;
  /** null before `start`. */
  readonly head: PoaTreeBlock | null;
  readonly headSeenAt: Millis;
  readonly safe: BlockRef | null;
  readonly root: PoaTreeBlock | null;
  readonly pool: VotePool;
  readonly sightings: Sightings;
  readonly proposals: Proposals;
  readonly sealer: PoaSealer | null;
  readonly timers: EngineStatus['timers'];
  readonly counters: EngineStatus['counters'];
  readonly isLagging: boolean;
  readonly isFinalityWanted: boolean;
};

const NOWHERE: BlockRef = { hash: ZERO_HASH, number: 0 };
const SILENCE_MS_MIN = 5000;

export function describePoa(view: PoaView): EngineStatus {
  const { head, root, safe, self, sealer } = view;
  const authorities = head?.data.authorities ?? [];
  const order = head === null ? [] : turnOrder(authorities, head.data.recents, head.number + 1);
  const isAuthority = self !== null && authorities.includes(self);
  const isProposer = isAuthority && (order[0] === self || sealer?.isSealing === true);
  return {
    engine: 'poa',
    finality: 'votes',
    head: refOf(head),
    safe: safe ?? NOWHERE,
    finalized: refOf(root),
    clock: {
      unit: 'height',
      value: head?.number ?? 0,
      epoch: Math.floor((head?.number ?? 0) / view.params.checkpointBlocks),
    },
    role: !isAuthority ? 'follower' : isProposer ? 'proposer' : 'validator',
    proposer: { now: order[0] ?? null, next: order[1] ?? null },
    validators: (head?.data.state.validators ?? []).map((validator) => describeValidator(view, validator)),
    quorum: head === null ? null : describeQuorum(view, head.data.ffg),
    timers: view.timers,
    counters: view.counters,
    details: {
      recents: head?.data.recents ?? [],
      standingVotes: (head?.data.state.votes ?? []).map((vote) => ({ ...vote })),
      proposals: view.proposals.list().map((vote) => ({ ...vote })),
      unfinalizedBlocks: (head?.number ?? 0) - (root?.number ?? 0),
      isLagging: view.isLagging,
    },
  };
}

function refOf(block: PoaTreeBlock | null): BlockRef {
  return block === null ? NOWHERE : { hash: block.hash, number: block.number };
}

function describeValidator(view: PoaView, validator: ValidatorSet[number]): ValidatorStatus {
  const { address, power, jailed } = validator;
  const state = jailed ? 'jailed' : isSilent(view, address) ? 'silent' : 'active';
  return { address, power, state, lastSeen: view.sightings.height(address) };
}

/** While there is work to do, nobody who is there is quiet for this long: votes are repeated. */
function isSilent(view: PoaView, address: Address): boolean {
  if (address === view.self || !view.isFinalityWanted) return false;
  const { blockTimeMs, backupDelayMs } = view.params;
  const count = view.head?.data.authorities.length ?? 0;
  const silenceMsMax = Math.max(SILENCE_MS_MIN, 3 * (blockTimeMs + count * backupDelayMs), 10 * blockTimeMs);
  return view.sightings.silentMs(address, view.now) > silenceMsMax;
}

/** The set of the target that is furthest from its quorum; what is missing is counted over all sets. */
function describeQuorum(view: PoaView, ffg: FfgState): EngineStatus['quorum'] {
  const target = targetToDescribe(view, ffg);
  if (target === null) return null;
  const heard = view.pool.votersOf({ source: target.source, target: target.checkpoint });
  const has = (address: Address): boolean => target.votes.has(address) || heard.has(address);
  const sets = setsFor(ffg, target);
  const missing = new Set<Address>();
  let worst: { have: bigint; need: bigint } | null = null;
  for (const set of sets) {
    for (const { address } of set) if (!has(address)) missing.add(address);
    const [have, need] = [powerOf(set, has), quorumPower(totalPower(set))];
    if (worst === null || need - have > worst.need - worst.have) worst = { have, need };
  }
  return worst === null ? null : { phase: 'finality', ...worst, missing: [...missing].sort() };
}

/** The newest checkpoint; but while it is so new that its votes are still on their way, the one before it. */
function targetToDescribe(view: PoaView, ffg: FfgState): Target | null {
  const isNew = view.now < view.headSeenAt + Math.max(view.params.blockTimeMs / 2, 200);
  return (isNew ? ffg.targets.at(-2) : undefined) ?? ffg.targets.at(-1) ?? null;
}
