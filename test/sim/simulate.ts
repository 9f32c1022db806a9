import type { Millis } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';
import type { Adversary } from './adversaries.ts';
import { Cluster } from './cluster.ts';
import { EPOCH_MS } from './clock.ts';
import { WHOLE, type Ablation } from './node.ts';
import { recover } from './recovery.ts';
import { CLIENTS, drawScenario, limitsOf, type Scenario, type ScenarioOptions } from './scenario.ts';
import type { Violation } from './trace.ts';

export type SimOptions = ScenarioOptions & {
  readonly ablation?: Ablation;
  /** Ends after the safety phase. */
  readonly safetyOnly?: boolean;
  /** Ends when something is violated. */
  readonly stopsAtViolation?: boolean;
  readonly tell?: (line: string) => void;
};

export type SimReport = {
  readonly engine: string;
  readonly seed: number;
  readonly nodes: number;
  readonly adversaries: readonly Adversary[];
  readonly violations: readonly Violation[];
  /** Of everything that happened; equal for equal seeds and options. */
  readonly digest: string;
  readonly stats: {
    readonly events: number;
    readonly simulatedMs: Millis;
    readonly finalNumber: number;
    readonly transfers: number;
    readonly reorgs: number;
    readonly contradictions: number;
    /** From the healing to everything being well again. */
    readonly recoveryMs: Millis | null;
  };
};

const HEALED_SKEW_MS_MAX: Millis = 50;

/**
 * One seed: a safety phase with all faults, the healing, a liveness phase with a bound. Never throws for what a node does;
 * throws ConfigError for an engine that there is not.
 */
export async function simulate(options: SimOptions): Promise<SimReport> {
  const scenario = await drawScenario(options);
  const { engine, seed, nodes, adversaries, plan, durationMs } = scenario;
  const cluster = clusterOf(scenario, options);
  const { clock, trace } = cluster;
  const stop = (): boolean => options.stopsAtViolation === true && trace.violations.length > 0;
  trace.tell(
    '--',
    `seed ${seed}: ${cluster.roles.map(({ name, kind }) => `${name} ${kind}`).join(', ')}; ${JSON.stringify(engine.params)}`,
  );
  for (const { atMs, fault } of plan.faults) clock.after(atMs, () => cluster.apply(fault));
  cluster.start();
  for (const index of scenario.clients) cluster.clients[index]?.start();
  await clock.runUntil(EPOCH_MS + durationMs, stop);
  let recoveryMs: Millis | null = null;
  if (options.safetyOnly !== true && !stop()) {
    const skew = new Rng(seed ^ 0x165667b1);
    cluster.heal(() => skew.between(-HEALED_SKEW_MS_MAX, HEALED_SKEW_MS_MAX));
    recoveryMs = await recover(cluster);
  }
  return {
    engine: options.engine,
    seed,
    nodes,
    adversaries,
    violations: trace.violations,
    digest: trace.digest(),
    stats: {
      events: clock.events,
      simulatedMs: clock.elapsedMs,
      finalNumber: cluster.checkers.finalNumber,
      transfers: cluster.clients.reduce((sum, client) => sum + client.promised.length, 0),
      reorgs: cluster.checkers.reorgs,
      contradictions: cluster.statements.contradictions,
      recoveryMs,
    },
  };
}

function clusterOf({ engine, seed, nodes, adversaries, candidate, plan }: Scenario, options: SimOptions): Cluster {
  return new Cluster({
    seed,
    engine,
    validators: nodes,
    adversaries,
    candidate,
    clients: CLIENTS,
    clientPauseMs: [500, 5_000],
    hub: { silentCuts: plan.silentCuts, losesRequests: plan.losesRequests },
    journalSync: plan.journalSync,
    ablation: options.ablation ?? WHOLE,
    holdMsMax: limitsOf(engine).isolationMsMax ?? Infinity,
    tell: options.tell ?? null,
  });
}
