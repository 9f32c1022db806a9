import { describe, expect, it } from 'vitest';
import { Rng } from '../../src/util/rng.ts';
import { Cluster } from './cluster.ts';
import { WHOLE } from './node.ts';
import { recover } from './recovery.ts';
import { drawScenario } from './scenario.ts';
import { NOTHING_FOR_ABSENCE, stakesAt, StakeWatch } from './stakes.ts';

/** With crashes, partitions, slow links and liars, nobody honest ever loses a wei, on no branch that anybody honest follows. */

const TEST_TIMEOUT_MS = 300_000;
const DURATION_MS = 60_000;
const SEEDS = 8;

type Run = { readonly watch: StakeWatch; readonly codes: readonly string[]; readonly slashed: number };

/** A drawn scenario, its healing and its recovery, with an eye on the books. */
async function run(engine: string, seed: number): Promise<Run> {
  const scenario = await drawScenario({ engine, seed, params: NOTHING_FOR_ABSENCE, durationMs: DURATION_MS });
  const { nodes, adversaries, candidate, plan, clients } = scenario;
  let watch: StakeWatch | null = null;
  const cluster = new Cluster({
    seed,
    engine: scenario.engine,
    validators: nodes,
    adversaries,
    candidate,
    clients: clients.length,
    clientPauseMs: [500, 5_000],
    hub: { silentCuts: plan.silentCuts, losesRequests: plan.losesRequests },
    journalSync: plan.journalSync,
    ablation: WHOLE,
    observer: { opened: (node, machine) => watch?.opened(node, machine) },
    tell: null,
  });
  const honest = new Set(cluster.honest.map((node) => node.options.address));
  watch = new StakeWatch(cluster.engine, { honest, isAbsenceFree: true });
  const { clock, trace } = cluster;
  for (const { atMs, fault } of plan.faults) clock.after(atMs, () => cluster.apply(fault));
  cluster.start();
  for (const client of cluster.clients) client.start();
  await clock.runFor(DURATION_MS);
  const skew = new Rng(seed);
  cluster.heal(() => skew.between(-50, 50));
  await recover(cluster);
  const books = cluster.honest[0] === undefined ? [] : [...stakesAt(cluster.engine, cluster.honest[0]).values()];
  return {
    watch,
    codes: trace.violations.map(({ code, details }) => `${code}: ${details}`),
    slashed: books.filter((record) => record.slashed !== null).length,
  };
}

describe.each(['pos', 'dpos'])('%s', (engine) => {
  it(
    `seeds 1 to ${SEEDS}: the honest lose nothing; some who lied did`,
    async () => {
      let slashed = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { watch, codes, slashed: found } = await run(engine, seed);
        expect(watch.losses).toEqual([]);
        expect(codes).toEqual([]);
        expect(watch.blocks).toBeGreaterThan(0);
        slashed += found;
      }
      // Else there was nothing to see.
      expect(slashed).toBeGreaterThan(0);
    },
    TEST_TIMEOUT_MS,
  );
});
