import type { JsonObject, Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import {
  candidateRole,
  drawAdversaries,
  placeAdversaries,
  rolesOf,
  type Adversary,
  type AdversaryKind,
} from './adversaries.ts';
import { drawEngine, faultsMax, type SimEngine } from './engines.ts';
import { drawPlan, NO_LIMITS, type Plan, type PlanLimits } from './plan.ts';

export type ScenarioOptions = {
  /** An id, or the path of a module. */
  readonly engine: string;
  readonly seed: number;
  /** Parameters of the engine that are not drawn. */
  readonly params?: JsonObject;
  /** Validators; drawn when left out. */
  readonly nodes?: number;
  /** These and no others; drawn when left out. */
  readonly adversaries?: readonly AdversaryKind[];
  /** Of the safety phase, simulated. */
  readonly durationMs?: Millis;
  readonly crashesOnly?: boolean;
  /** Isolations may last longer than the engine bears. */
  readonly isUnlimited?: boolean;
  /** Parts that are left, by index. All when left out. */
  readonly keep?: readonly number[];
};

/** All that is drawn for one run, before anything runs. */
export type Scenario = {
  readonly engine: SimEngine;
  readonly seed: number;
  readonly nodes: number;
  readonly adversaries: readonly Adversary[];
  readonly candidate: boolean;
  /** Those that send anything, by index. */
  readonly clients: readonly number[];
  readonly durationMs: Millis;
  readonly plan: Plan;
};

/** One thing that a scenario could do without. */
export type Part = { readonly index: number; readonly atMs: Millis | null; readonly text: string };

export const DURATION_MS: Millis = 120_000;
export const CLIENTS = 3;
const VALIDATOR_COUNTS = [1, 2, 3, 4, 4, 4, 5, 7];
/** Half of the work needs three before one of them may lie. */
const MINER_COUNTS = [1, 2, 3, 3, 4, 4, 5, 7];
/** Of the longest partition that finality survives; the rest is for finding each other again. */
const ISOLATION_SHARE = 0.6;
/** Of a block time: with slower links much of the honest work is lost, and half of the work is no longer half. */
const DELAY_SHARE = 0.2;

/** Throws ConfigError for an engine that there is not. */
export async function drawScenario(options: ScenarioOptions): Promise<Scenario> {
  const { seed, keep } = options;
  // The parameters have a generator of their own, so that a change there does not change everything else.
  const engine = await drawEngine(options.engine, new Rng(seed ^ 0x5bd1e995), options.params);
  const rng = new Rng(seed);
  const [nodesRng, adversariesRng, planRng] = [rng.fork(), rng.fork(), rng.fork()];
  const isHalf = engine.testing.faults === 'half';
  const nodes = options.nodes ?? nodesRng.pick(isHalf ? MINER_COUNTS : VALIDATOR_COUNTS);
  const candidate = nodesRng.chance(0.3);
  const adversaries =
    options.adversaries === undefined
      ? drawAdversaries(adversariesRng, engine, nodes)
      : placeAdversaries(adversariesRng, nodes, options.adversaries);
  const durationMs = options.durationMs ?? DURATION_MS;
  const plan = drawPlan(planRng, {
    roles: [...rolesOf(nodes, adversaries), ...(candidate ? [candidateRole(nodes)] : [])],
    limits: options.isUnlimited === true ? NO_LIMITS : limitsOf(engine),
    durationMs,
    crashesOnly: options.crashesOnly === true,
  });
  const clients = [...Array(CLIENTS).keys()];
  const scenario = { engine, seed, nodes, adversaries, candidate, clients, durationMs, plan };
  return keep === undefined ? scenario : keepParts(scenario, keep);
}

/** What the engine's author says that it bears. */
export function limitsOf({ testing, blockTimeMs }: SimEngine): PlanLimits {
  const { partitionMsMax, faults } = testing;
  return {
    isolationMsMax: partitionMsMax === undefined ? null : Math.max(1, Math.floor(partitionMsMax * ISOLATION_SHARE)),
    delayMsMax: faults === 'half' ? Math.max(20, Math.floor(blockTimeMs * DELAY_SHARE)) : Infinity,
  };
}

/** More adversaries than the engine promises to bear. */
export function isBeyond({ engine, nodes, adversaries }: Scenario): boolean {
  return adversaries.filter(({ isReformed }) => isReformed !== true).length > faultsMax(engine, nodes);
}

/** Faults first, then clients, then adversaries. */
export function partsOf(scenario: Scenario): readonly Part[] {
  const { plan, clients, adversaries } = scenario;
  return [
    ...plan.faults.map(({ atMs, fault: { kind, ...details } }) => ({
      atMs,
      text: `${kind} ${JSON.stringify(details)}`,
    })),
    ...clients.map((client) => ({ atMs: null, text: `client c${client}` })),
    ...adversaries.map(({ kind, validator }) => ({ atMs: null, text: `validator ${validator} is ${kind}` })),
  ].map((part, index) => ({ index, ...part }));
}

/** The same run without the other parts: nothing else is drawn anew. An adversary that is left out is honest. */
function keepParts(scenario: Scenario, keep: readonly number[]): Scenario {
  const { plan, clients, adversaries } = scenario;
  const kept = new Set(keep);
  const beforeClients = plan.faults.length;
  const beforeAdversaries = beforeClients + clients.length;
  return {
    ...scenario,
    plan: { ...plan, faults: plan.faults.filter((_, i) => kept.has(i)) },
    clients: clients.filter((_, i) => kept.has(beforeClients + i)),
    adversaries: adversaries.map((adversary, i) =>
      kept.has(beforeAdversaries + i) ? adversary : { ...adversary, isReformed: true as const },
    ),
  };
}
