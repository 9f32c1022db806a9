import type { MillisRange } from '../../p2p/memory-hub.ts';
import type { Millis, PeerId } from '../../src/types/primitives.ts';
import type { Rng } from '../../src/util/rng.ts';
import type { Role } from './adversaries.ts';
import type { CrashKind } from './disk.ts';
import type { CrashMoment } from './node.ts';

/** What goes wrong, and when; drawn from the seed before anything runs. */
export type Fault =
  | { readonly kind: 'links'; readonly loss: number; readonly duplicate: number; readonly delayMs: MillisRange }
  /** `forMs`: until it mends by itself; null: not before the next `mend`. */
  | { readonly kind: 'partition'; readonly groups: readonly (readonly PeerId[])[]; readonly forMs: Millis | null }
  /** One way only. */
  | { readonly kind: 'cut'; readonly from: PeerId; readonly to: PeerId; readonly forMs: Millis | null }
  | { readonly kind: 'mend' }
  | {
      readonly kind: 'crash';
      readonly node: PeerId;
      readonly moment: CrashMoment | 'now';
      readonly count: number;
      readonly disk: CrashKind;
      readonly downMs: Millis;
    }
  /** In order, as by SIGTERM. */
  | { readonly kind: 'stop'; readonly node: PeerId; readonly downMs: Millis }
  | { readonly kind: 'pause'; readonly node: PeerId; readonly forMs: Millis }
  /** All that enters the process, timers and answers of its disk among it, comes so much later. */
  | { readonly kind: 'slow'; readonly node: PeerId; readonly lateMs: Millis; readonly forMs: Millis }
  | { readonly kind: 'skew'; readonly node: PeerId; readonly skewMs: Millis }
  /** The operators of all honest validators want the candidate in, or out. */
  | { readonly kind: 'propose'; readonly authorize: boolean }
  /** The machine dies and comes back with disks as they were at its last death. */
  | { readonly kind: 'rollback'; readonly node: PeerId; readonly downMs: Millis };

export type TimedFault = { readonly atMs: Millis; readonly fault: Fault };

export type Plan = {
  /** Cuts swallow messages and nobody is told. */
  readonly silentCuts: boolean;
  /** Loss hits requests too: each costs a time-out and more, which is longer than some engines may be held up. */
  readonly losesRequests: boolean;
  /** Journals are synced; without it only processes die, power stays. */
  readonly journalSync: boolean;
  readonly faults: readonly TimedFault[];
};

/** How often each kind is wanted; each plan leaves some kinds out, so that the others can show what they do alone. */
const WEIGHTS = {
  links: 3,
  partition: 3,
  cut: 2,
  mend: 3,
  crash: 6,
  stop: 1,
  pause: 2,
  slow: 2,
  skew: 2,
  rollback: 2,
  propose: 1,
} as const;
type Kind = keyof typeof WEIGHTS;

/** Time between two faults. */
const GAP_MS: MillisRange = [500, 9_000];
const SKEW_MS_MAX: Millis = 400;
const JUMP_MS_MAX: Millis = 4_000;
const PAUSE_MS_MAX: Millis = 15_000;
const LATE_MS_MAX: Millis = 400;
/** Between two isolations where they have a limit: what one held up is caught up with before the next. */
const CALM_MS: Millis = 15_000;

/** What the engine's promises rest on. */
export type PlanLimits = {
  /** No node is kept from the others for longer. null: any time. */
  readonly isolationMsMax: Millis | null;
  readonly delayMsMax: Millis;
};

export const NO_LIMITS: PlanLimits = { isolationMsMax: null, delayMsMax: Infinity };

export type PlanOptions = {
  readonly limits: PlanLimits;
  readonly roles: readonly Role[];
  readonly durationMs: Millis;
  /** Crashes with quick restarts, and forks for those who come back: what a validator without memory trips over. */
  readonly crashesOnly?: boolean;
};

export function drawPlan(rng: Rng, options: PlanOptions): Plan {
  const journalSync = rng.chance(0.7);
  const kinds = (Object.keys(WEIGHTS) as Kind[]).filter((kind) => kind === 'mend' || rng.chance(0.7));
  const wanted: readonly Kind[] = options.crashesOnly === true ? ['crash', 'links', 'partition', 'mend'] : kinds;
  const urn = wanted.flatMap((kind) => Array<Kind>(WEIGHTS[kind]).fill(kind));
  const faults: TimedFault[] = options.roles.map(({ name }) => ({
    atMs: 0,
    fault: { kind: 'skew', node: name, skewMs: rng.between(-SKEW_MS_MAX, SKEW_MS_MAX) },
  }));
  // Some die before they have made their first block.
  for (const { name } of options.roles) {
    if (!rng.chance(0.1)) continue;
    const crash = {
      kind: 'crash',
      node: name,
      moment: 'issued',
      count: rng.between(1, 4),
      disk: 'kill',
      downMs: 500,
    } as const;
    faults.push({ atMs: 0, fault: crash });
  }
  const { limits, roles } = options;
  let calmUntilMs: Millis = 0;
  for (let atMs = rng.between(...GAP_MS); atMs < options.durationMs; atMs += rng.between(...GAP_MS)) {
    const disk = journalSync ? rng.pick<CrashKind>(['kill', 'power']) : 'kill';
    const fault = drawFault(rng, rng.pick(urn), { roles, disk, limits });
    if (fault === null) continue;
    if ((fault.kind === 'partition' || fault.kind === 'cut') && fault.forMs !== null) {
      if (atMs < calmUntilMs) continue;
      calmUntilMs = atMs + fault.forMs + CALM_MS;
    }
    faults.push({ atMs, fault });
  }
  return { silentCuts: rng.chance(0.4), losesRequests: limits.isolationMsMax === null, journalSync, faults };
}

type FaultOptions = { readonly roles: readonly Role[]; readonly disk: CrashKind; readonly limits: PlanLimits };

function drawFault(rng: Rng, kind: Kind, { roles, disk, limits }: FaultOptions): Fault | null {
  const isolationMsMax = limits.isolationMsMax ?? Infinity;
  const drawForMs = (): Millis | null =>
    limits.isolationMsMax === null ? null : rng.between(Math.min(500, isolationMsMax), isolationMsMax);
  const names = roles.map(({ name }) => name);
  const node = rng.pick(names);
  const downMs = rng.chance(0.5) ? rng.between(50, 600) : rng.between(600, 20_000);
  switch (kind) {
    case 'links':
      return drawLinks(rng, limits);
    case 'partition':
      return { kind, groups: drawGroups(rng, roles), forMs: drawForMs() };
    case 'cut': {
      const others = names.filter((name) => name !== node);
      return others.length === 0 ? null : { kind, from: node, to: rng.pick(others), forMs: drawForMs() };
    }
    case 'mend':
      return { kind };
    case 'crash': {
      const moment = rng.pick<CrashMoment | 'now'>(['now', 'issued', 'landed', 'spoken', 'spoken']);
      return { kind, node, moment, count: rng.between(1, 6), disk, downMs };
    }
    case 'stop':
      return { kind, node, downMs };
    case 'pause':
      return { kind, node, forMs: rng.between(100, Math.min(PAUSE_MS_MAX, isolationMsMax)) };
    case 'slow': {
      const lateMs = rng.between(20, Math.min(LATE_MS_MAX, limits.delayMsMax));
      return { kind, node, lateMs, forMs: rng.between(1_000, 20_000) };
    }
    case 'skew': {
      const max = rng.chance(0.3) ? JUMP_MS_MAX : SKEW_MS_MAX;
      return { kind, node, skewMs: rng.between(-max, max) };
    }
    case 'propose':
      return roles.some((role) => role.kind === 'candidate') ? { kind, authorize: rng.chance(0.7) } : null;
    case 'rollback': {
      const outdated = roles.filter((role) => role.kind === 'outdated');
      return outdated.length === 0 ? null : { kind, node: rng.pick(outdated).name, downMs };
    }
  }
}

function drawLinks(rng: Rng, { delayMsMax }: PlanLimits): Fault {
  const low = rng.between(1, 60);
  const isBad = rng.chance(0.6);
  return {
    kind: 'links',
    loss: isBad ? rng.next() * 0.3 : 0,
    duplicate: isBad ? rng.next() * 0.2 : 0,
    delayMs: [low, Math.min(low + (rng.chance(0.3) ? rng.between(0, 1_500) : rng.between(0, 150)), delayMsMax)],
  };
}

/** Two sides; twins are kept apart more often than not. */
function drawGroups(rng: Rng, roles: readonly Role[]): readonly (readonly PeerId[])[] {
  const apart = rng.chance(0.7);
  const groups: [PeerId[], PeerId[]] = [[], []];
  const sides = rng.shuffle([0, 1]);
  let honest = rng.between(0, 1);
  for (const role of rng.shuffle(roles)) {
    // Dealt out in turn half of the time: even sides are where two truths can arise.
    const side =
      role.kind === 'twin' && apart
        ? role.name.endsWith('a')
          ? sides[0]
          : sides[1]
        : rng.chance(0.7)
          ? honest++ % 2
          : rng.between(0, 1);
    groups[side === 0 ? 0 : 1].push(role.name);
  }
  return groups;
}
