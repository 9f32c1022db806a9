import type { MillisRange } from '../../p2p/memory-hub.ts';
import type { Millis, PeerId } from '../../src/types/primitives.ts';
import type { Rng } from '../../src/util/rng.ts';
import type { Role } from './adversaries.ts';
import type { CrashKind } from './disk.ts';
import type { CrashMoment } from './node.ts';

/** What goes wrong, and when; drawn from the seed before anything runs. */
export type Fault =
  | { readonly kind: 'links'; readonly loss: number; readonly duplicate: number; readonly delayMs: MillisRange }
  | { readonly kind: 'partition'; readonly groups: readonly (readonly PeerId[])[] }
  /** One way only. */
  | { readonly kind: 'cut'; readonly from: PeerId; readonly to: PeerId }
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
  | { readonly kind: 'skew'; readonly node: PeerId; readonly skewMs: Millis }
  /** The operators of all honest validators want the candidate in, or out. */
  | { readonly kind: 'propose'; readonly authorize: boolean }
  /** The machine dies and comes back with disks as they were at its last death. */
  | { readonly kind: 'rollback'; readonly node: PeerId; readonly downMs: Millis };

export type TimedFault = { readonly atMs: Millis; readonly fault: Fault };

export type Plan = {
  /** Cuts swallow messages and nobody is told. */
  readonly silentCuts: boolean;
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
  skew: 2,
  rollback: 2,
  propose: 1,
} as const;
type Kind = keyof typeof WEIGHTS;

/** Time between two faults. */
const GAP_MS: MillisRange = [500, 9_000];
const SKEW_MS_MAX: Millis = 400;
const JUMP_MS_MAX: Millis = 4_000;

export type PlanOptions = {
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
  for (let atMs = rng.between(...GAP_MS); atMs < options.durationMs; atMs += rng.between(...GAP_MS)) {
    const fault = drawFault(rng, rng.pick(urn), options.roles, journalSync ? rng.pick(['kill', 'power']) : 'kill');
    if (fault !== null) faults.push({ atMs, fault });
  }
  return { silentCuts: rng.chance(0.4), journalSync, faults };
}

function drawFault(rng: Rng, kind: Kind, roles: readonly Role[], disk: CrashKind): Fault | null {
  const names = roles.map(({ name }) => name);
  const node = rng.pick(names);
  const downMs = rng.chance(0.5) ? rng.between(50, 600) : rng.between(600, 20_000);
  switch (kind) {
    case 'links':
      return drawLinks(rng);
    case 'partition':
      return { kind, groups: drawGroups(rng, roles) };
    case 'cut': {
      const others = names.filter((name) => name !== node);
      return others.length === 0 ? null : { kind, from: node, to: rng.pick(others) };
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
      return { kind, node, forMs: rng.between(100, 15_000) };
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

function drawLinks(rng: Rng): Fault {
  const low = rng.between(1, 60);
  const isBad = rng.chance(0.6);
  return {
    kind: 'links',
    loss: isBad ? rng.next() * 0.3 : 0,
    duplicate: isBad ? rng.next() * 0.2 : 0,
    delayMs: [low, low + (rng.chance(0.3) ? rng.between(0, 1_500) : rng.between(0, 150))],
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
