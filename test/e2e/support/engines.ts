import { availableParallelism } from 'node:os';
import type { EngineFactory } from '../../../consensus/api/engine.ts';
import { ZERO_ADDRESS } from '../../../src/types/primitives.ts';
import { builtInEngines, engineUnderTest, type EngineUnderTest as Engine } from '../../engines/engine-under-test.ts';
import { measureHashRate } from '../../../src/node/hash-rate.ts';

type Keys = Readonly<Record<string, unknown>>;

/**
 * The engines every end-to-end test runs on. `args` are the devnet's flags that go with the engine; `keys` the same as
 * configuration keys, for networks that a test starts node by node; `blockReward` what a block of that height issues.
 */
export type EngineUnderTest = Engine & {
  readonly consensus: string;
  readonly args: readonly string[];
  readonly keys: Keys;
  /** Parameters that let a chain of small blocks run as fast as two cores carry it. */
  readonly fastKeys: Keys;
  /** Parameters with which finality survives whatever a storm does to the network. */
  readonly stormKeys: Keys;
  /** Whether signers vote others in and out by consensus_propose (EIP-225). */
  readonly hasSignerVotes: boolean;
  /** Whether the engine knows who ought to be there. */
  readonly hasValidators: boolean;
  /** Whether everybody makes blocks while all are well. */
  readonly takesTurns: boolean;
  /** Whether a head may be replaced while all nodes are well. */
  readonly forks: boolean;
  blockReward(height: number): bigint;
  /** How much of a test that takes minutes is for this engine: all of it for the default engine, a part for the others. */
  readonly share: number;
  /** What each validator of a new network weighs. */
  readonly power: bigint;
  /** What it has at stake, in wei, and so earns and loses by; null: validators do not stake. */
  readonly stakeWei: bigint | null;
};

type Special = Pick<EngineUnderTest, 'keys' | 'fastKeys' | 'stormKeys'>;

const DEFAULT_ENGINE = 'poa';

/** Nodes on one machine share its cores. */
const MINERS_MAX = 4;
const workKeys = (): Keys => ({
  'hash-rate': Math.round(measureHashRate(150) * Math.min(MINERS_MAX, availableParallelism()) * 0.5),
});

/** Short epochs, for finality takes two. Nobody is jailed for being away: only its owner could ask back in. */
const stakeSpecial: Special = {
  keys: { engine: { 'slots-per-epoch': 4, 'missed-turns-max': 0 } },
  fastKeys: { 'block-time': 60, engine: { 'slots-per-epoch': 4, 'missed-turns-max': 0 } },
  stormKeys: { engine: { 'slots-per-epoch': 4, 'leak-after-epochs': 100_000, 'missed-turns-max': 0 } },
};

const specials: { readonly [id: string]: () => Promise<Special> } = {
  poa: async () => ({
    keys: {},
    fastKeys: { 'block-time': 50, engine: { 'backup-delay-ms': 20 } },
    stormKeys: {},
  }),
  pbft: async () => ({
    keys: {},
    fastKeys: { 'block-time': 50 },
    stormKeys: {},
  }),
  pos: async () => stakeSpecial,
  dpos: async () => stakeSpecial,
  pow: async () => {
    const engine = workKeys();
    return {
      keys: { engine },
      fastKeys: { 'block-time': 100, engine: { ...engine, confirmations: 12 } },
      stormKeys: { engine: { ...engine, confirmations: 16 } },
    };
  },
};

function powerOf({ staking }: EngineFactory, params: unknown): bigint {
  if (staking === undefined) return 1n;
  const own = { ownWei: staking.rules(params).stakeMinWei, delegatedWei: 0n, status: 'active', jailed: false } as const;
  const [elected] = staking.elect(params, [{ address: ZERO_ADDRESS, ...own }], { validators: [], votes: [] }, 0);
  return elected?.power ?? 0n;
}

/** PARLEY_FULL=1 gives all engines all of every long test. */
const OTHERS_SHARE = process.env['PARLEY_FULL'] === '1' ? 1 : 0.2;

async function endToEnd(id: string): Promise<EngineUnderTest> {
  const engine = await engineUnderTest(id);
  const { keys, fastKeys, stormKeys } = (await specials[id]?.()) ?? { keys: {}, fastKeys: {}, stormKeys: {} };
  const { factory } = engine;
  const params = factory.parseParams({});
  return {
    ...engine,
    consensus: id,
    args: ['--consensus', id],
    keys: { consensus: id, ...keys },
    fastKeys,
    stormKeys,
    hasSignerVotes: factory.traits.takesProposals,
    hasValidators: !factory.traits.usesWork,
    takesTurns: factory.traits.finality !== 'instant',
    forks: factory.traits.usesWork,
    share: id === DEFAULT_ENGINE ? 1 : OTHERS_SHARE,
    blockReward: (height) => factory.blockReward(params, height),
    power: powerOf(factory, params),
    stakeWei: factory.staking?.rules(params).stakeMinWei ?? null,
  };
}

/** PARLEY_ENGINES=pbft,pow runs the tests on those alone. */
const wanted = process.env['PARLEY_ENGINES']?.split(',') ?? builtInEngines;

export const ENGINES: readonly EngineUnderTest[] = await Promise.all(wanted.map(endToEnd));
