import { Rng } from '../../src/util/rng.ts';
import type { EngineUnderTest } from '../engines/engine-under-test.ts';
import { Rig } from './rig.ts';

/** Enough for everybody to have asked everybody for blocks. */
const MEND_MS = 5000;

export type StormResult = {
  readonly rig: Rig;
  readonly finalizedBefore: number;
  readonly finalizedAfter: number;
  readonly rejected: readonly string[];
  readonly trace: string;
};

/**
 * One seed of bad weather, then calm: a net of random size and speed with up to a third of faulty (twin) validators,
 * through loss, delays, cuts and crashes; then healed, with time to catch up and then to make progress.
 */
export function storm({ factory, testing }: EngineUnderTest, seed: number): StormResult {
  const draw = new Rng(seed ^ 0x5eed);
  const validators = draw.pick([1, 2, 3, 4, 4, 4, 5, 7]);
  const faulty = testing.faults === 'none' ? 0 : Math.floor((validators - 1) / 3);
  const twins = draw.chance(0.5) ? Array.from({ length: faulty }, (_, i) => (i * 2 + seed) % validators) : [];
  const rig = new Rig({
    factory,
    params: factory.parseParams(testing.stormParams?.(draw) ?? testing.params),
    seed,
    validators,
    twins,
    followers: draw.pick([0, 1]),
    loss: draw.pick([0, 0.05, 0.3]),
    delayMs: draw.pick([[5, 60] as const, [10, 400] as const]),
    crashChance: draw.pick([0, 0.01, 0.05]),
    failChance: draw.pick([0, 0.05]),
    isGuarded: draw.chance(0.7),
    isJailing: draw.chance(0.5),
    isShadowed: draw.chance(0.2),
    ...(draw.chance(0.5) && testing.lies !== undefined ? { lies: testing.lies } : {}),
  });
  rig.start();
  for (let i = 0; i < 25; i++) {
    // Now and then long enough for either side of a cut to make, and finalize, what it can.
    const stretchMs = draw.chance(0.3) ? 8000 : draw.between(200, 2500);
    rig.run(Math.min(stretchMs, testing.partitionMsMax ?? stretchMs));
    if (testing.partitionMsMax !== undefined) mend(rig);
    const weather = draw.between(0, 11);
    if (weather < 3) rig.randomCut();
    else if (weather < 6) rig.twinCut();
    else if (weather < 8) rig.partition(null);
    rig.submitTx();
  }
  rig.heal();
  rig.run(30_000);
  const finalizedBefore = Math.max(...rig.nodes.map((node) => node.finalizedNumber));
  for (let i = 0; i < 5; i++) {
    rig.submitTx();
    rig.run(4000);
  }
  rig.run(15_000);
  return {
    rig,
    finalizedBefore,
    finalizedAfter: Math.min(...rig.nodes.map((node) => node.finalizedNumber)),
    rejected: rig.nodes.flatMap((node) => node.rejected),
    trace: rig.trace(),
  };
}

/** Where finality is not meant to survive every partition, none goes on from one stretch to the next. */
function mend(rig: Rig): void {
  rig.partition(null);
  rig.run(MEND_MS);
}
