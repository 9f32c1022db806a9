import type { BlockRef } from '../../src/types/block.ts';
import { ZERO_HASH, type Address, type Millis } from '../../src/types/primitives.ts';
import type { ValidatorSet } from '../../src/types/validator.ts';
import type { EngineStatus, ValidatorStatus } from '../api/status.ts';
import { powerOf, quorumPower, totalPower } from '../common/quorum.ts';
import type { Sightings } from '../common/sightings.ts';
import type { PbftBlock } from './blocks.ts';
import type { Decision, Decisions } from './decisions.ts';
import type { Height } from './height.ts';
import { showEmptyBlocks, viewTimeoutMs, type PbftParams } from './params.ts';

/** Everything `describe` reports on. */
export type PbftView = {
  readonly params: PbftParams;
  readonly self: Address | null;
  readonly now: Millis;
  /** null before `start`. */
  readonly decided: PbftBlock | null;
  readonly height: Height | null;
  readonly decisions: Decisions;
  readonly sightings: Sightings;
  /** Since (or from) when the height waits for something; null: it does not. */
  readonly pendingFrom: Millis | null;
  readonly timers: EngineStatus['timers'];
  readonly counters: EngineStatus['counters'];
  readonly isLagging: boolean;
};

type Quorum = NonNullable<EngineStatus['quorum']>;

const NOWHERE: BlockRef = { hash: ZERO_HASH, number: 0 };
const SILENCE_MS_MIN = 5000;
/** Longer than a healthy height takes once a block is wanted. */
const GRACE_MS = 1000;
const COMMITS_UNDER_WAY_MS = 200;

export function describePbft(view: PbftView): EngineStatus {
  const { decided, height, self, params } = view;
  const at: BlockRef = decided === null ? NOWHERE : { hash: decided.hash, number: decided.header.number };
  const current = height === null ? 0 : Math.max(height.view, height.target);
  const primary = height?.primary(current) ?? null;
  const isValidator = height?.isValidator(self) === true;
  return {
    engine: 'pbft',
    finality: 'instant',
    head: at,
    safe: at,
    finalized: at,
    clock: { unit: 'view', value: height?.view ?? 0 },
    role: !isValidator ? 'follower' : primary === self ? 'proposer' : 'validator',
    proposer: { now: primary, next: height?.primary(current + 1) ?? null },
    validators: (decided?.state.validators ?? []).map((validator) => describeValidator(view, validator)),
    quorum: height === null ? null : describeQuorum(view, height),
    timers: view.timers,
    counters: view.counters,
    details: {
      height: height?.number ?? 0,
      view: height?.view ?? 0,
      target: height?.target ?? 0,
      prepared: height?.prepared == null ? null : { view: height.prepared.view, hash: height.prepared.hash },
      required: height?.required ?? null,
      timeoutMs: viewTimeoutMs(params, current),
      emptyBlocks: showEmptyBlocks(params.emptyBlocks),
      proposers: params.proposers,
      isLagging: view.isLagging,
    },
  };
}

function describeValidator(view: PbftView, validator: ValidatorSet[number]): ValidatorStatus {
  const { address, power, jailed } = validator;
  const state = jailed ? 'jailed' : isSilent(view, address) ? 'silent' : 'active';
  return { address, power, state, lastSeen: view.sightings.height(address) };
}

/** Not heard for long, though there was something to say: it missed the last decision, or this height waits for it. */
function isSilent(view: PbftView, address: Address): boolean {
  const { params, pendingFrom, height, now } = view;
  if (address === view.self || pendingFrom === null || height === null) return false;
  const silenceMsMax = Math.max(SILENCE_MS_MIN, 3 * (params.blockTimeMs + params.viewTimeoutMs));
  if (view.sightings.silentMs(address, now) <= silenceMsMax) return false;
  const { last } = view.decisions;
  const hasMissed = last !== null && !last.committers.has(address);
  return hasMissed || now > Math.max(pendingFrom, height.startedAt) + silenceMsMax;
}

/** For whom the next decision waits; while all goes well, who had no part in the last one. */
function describeQuorum(view: PbftView, height: Height): Quorum | null {
  const { pendingFrom, now, params, decisions } = view;
  if (pendingFrom === null) return null;
  const since = Math.max(pendingFrom, height.startedAt);
  if (now >= since + Math.max(params.blockTimeMs, GRACE_MS)) return waitingFor(height);
  const { last, beforeLast } = decisions;
  const isNew = last !== null && now < last.at + Math.max(params.blockTimeMs / 2, COMMITS_UNDER_WAY_MS);
  const decision = (isNew ? beforeLast : null) ?? last;
  return decision === null ? null : tookPart(decision);
}

function tookPart({ validators, committers }: Decision): Quorum {
  return quorumOf('commit', validators, (address) => committers.has(address));
}

/** The phase that the height has come to. A phase that did not begin waits for those of whom nothing was heard at all. */
function waitingFor(height: Height): Quorum {
  const { validators, ballots, view, heard } = height;
  if (!height.isTakingPart) {
    const wants = height.wantsView(height.target);
    return quorumOf(height.hasQuorum(wants) ? 'new-view' : 'view-change', validators, wants);
  }
  const hash = height.proposal();
  if (hash === null) return quorumOf('pre-prepare', validators, (address) => heard.has(address));
  const isPrepared = height.prepared?.view === view;
  const messages = isPrepared ? ballots.votesFor('commit', view, hash) : height.preparers(hash);
  const voters = new Set(messages.map(({ from }) => from));
  return quorumOf(isPrepared ? 'commit' : 'prepare', validators, (address) => voters.has(address));
}

function quorumOf(phase: string, validators: ValidatorSet, has: (address: Address) => boolean): Quorum {
  return {
    phase,
    have: powerOf(validators, has),
    need: quorumPower(totalPower(validators)),
    missing: validators.filter(({ address }) => !has(address)).map(({ address }) => address),
  };
}
