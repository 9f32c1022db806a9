import { describe, expect, it } from 'vitest';
import type { ValidatorRecord } from '../../src/execution/staking/record.ts';
import type { Address } from '../../src/types/primitives.ts';
import { EPOCH_MS as GENESIS_MS } from './clock.ts';
import type { Cluster } from './cluster.ts';
import type { SimNode } from './node.ts';
import { slotStateOf, stakeCluster, stakesAt } from './stakes.ts';

/** A third of the stake offline: finality stops, and the leak brings it back when it says that it does (consensus/pos/README.md, 6). */

const TEST_TIMEOUT_MS = 120_000;
const COIN = 10n ** 18n;
const STAKE_WEI = 32n * COIN;
const BLOCK_MS = 500;
const SLOTS_PER_EPOCH = 8;
const EPOCH_MS = BLOCK_MS * SLOTS_PER_EPOCH;

type LeakCase = {
  readonly validators: number;
  readonly dead: number;
  readonly leakAfterEpochs: number;
  readonly leakQuotient: number;
  /** In coins; what is below it at the beginning of an epoch goes. */
  readonly ejectionStake: number;
};

const HALF_DEAD: LeakCase = { validators: 4, dead: 2, leakAfterEpochs: 2, leakQuotient: 16, ejectionStake: 1 };

const CASES: readonly LeakCase[] = [
  { validators: 3, dead: 1, leakAfterEpochs: 2, leakQuotient: 16, ejectionStake: 1 },
  { validators: 3, dead: 1, leakAfterEpochs: 3, leakQuotient: 1024, ejectionStake: 1 },
  HALF_DEAD,
  { validators: 4, dead: 2, leakAfterEpochs: 4, leakQuotient: 64, ejectionStake: 1 },
  { validators: 5, dead: 3, leakAfterEpochs: 2, leakQuotient: 32, ejectionStake: 1 },
];

/** Epochs of the leak until finality is back: the inequality of the README, and no weight moves before a quarter of a coin is gone. */
function leakByFormula({ validators, dead, leakQuotient }: LeakCase): number {
  const absent = dead / validators;
  let left = 1;
  for (let k = 1; ; k++) {
    left *= 1 - k / leakQuotient;
    if (absent * left < (1 - absent) / 2 && 32 * (1 - left) > 0.25) return k;
  }
}

type Modelled = { readonly leakEpochs: number; readonly stakeWei: bigint; readonly ejected: boolean };

/** The same to the wei, with weights in whole coins that lag behind stakes by a quarter; written without a look at the engine. */
function leakByModel({ validators, dead, leakQuotient, ejectionStake }: LeakCase): Modelled {
  const present = BigInt(validators - dead) * STAKE_WEI;
  let stakeWei = STAKE_WEI;
  let weight = STAKE_WEI;
  for (let k = 1; ; k++) {
    const fine = (weight * BigInt(k)) / BigInt(leakQuotient);
    stakeWei -= fine < stakeWei ? fine : stakeWei;
    if (weight - stakeWei > COIN / 4n) weight = (stakeWei / COIN) * COIN;
    const ejected = stakeWei < BigInt(ejectionStake) * COIN;
    const absent = ejected ? 0n : BigInt(dead) * weight;
    if (3n * present > 2n * (present + absent)) return { leakEpochs: k, stakeWei, ejected };
  }
}

/** Dies at the end of an epoch to which everybody has attested. */
async function startAndKill(
  options: LeakCase,
): Promise<{ readonly cluster: Cluster; readonly gone: readonly SimNode[] }> {
  const { validators, dead, leakAfterEpochs, leakQuotient, ejectionStake } = options;
  const wages = { attestationPpm: 0, absencePpm: 0, leakAfterEpochs, leakQuotient };
  const params = { blockTimeMs: BLOCK_MS, slotsPerEpoch: SLOTS_PER_EPOCH, ejectionStake, ...wages };
  const cluster = await stakeCluster({ seed: 1, validators, params });
  cluster.start();
  await cluster.clock.runFor(6 * EPOCH_MS - BLOCK_MS / 4);
  const gone = cluster.nodes.slice(validators - dead);
  for (const node of gone) node.crash('power');
  return { cluster, gone };
}

function chainOf(node: SimNode | undefined) {
  if (node?.machine == null) throw new Error('the node is up');
  return node.machine.ledger.chain;
}

/** Runs until finality has stood still and moves again. Gives the epochs without it that had a block. */
async function waitForFinality({ clock, nodes: [node] }: Cluster): Promise<number> {
  const chain = chainOf(node);
  await clock.runFor(2 * EPOCH_MS);
  const finalNumber = chain.finalized.number;
  const justifiedEpoch = Number(node?.machine?.ledger.engine.describe().details['justifiedEpoch']);
  await clock.runFor(60 * EPOCH_MS, () => chain.finalized.number > finalNumber);
  expect(chain.finalized.number).toBeGreaterThan(finalNumber);
  const epochs = new Set<number>();
  for (let number = 1; number < chain.head.number; number++) {
    const hash = chain.canonicalHash(number);
    const timeMs = (hash === undefined ? undefined : chain.blockByHash(hash))?.header.timeMs ?? 0;
    epochs.add(Math.floor((timeMs - GENESIS_MS) / EPOCH_MS));
  }
  return [...epochs].filter((epoch) => epoch > justifiedEpoch).length;
}

function stakesOf(cluster: Cluster, nodes: readonly SimNode[]): readonly (ValidatorRecord | undefined)[] {
  const witness = cluster.nodes[0];
  const stakes = witness === undefined ? undefined : stakesAt(cluster.engine, witness);
  return nodes.map(({ options }) => stakes?.get(options.address));
}

describe('the leak', () => {
  it.each(CASES)(
    'of $validators validators $dead die: after $leakAfterEpochs epochs of patience, 1/$leakQuotient more each epoch, finality is back',
    async (options) => {
      const { cluster, gone } = await startAndKill(options);
      const model = leakByModel(options);
      const epochs = await waitForFinality(cluster);
      // An epoch counts when the one after the next begins: the first block of that one brings finality back.
      expect(epochs).toBe(options.leakAfterEpochs + model.leakEpochs + 1);
      expect(Math.abs(model.leakEpochs - leakByFormula(options))).toBeLessThanOrEqual(1);
      for (const record of stakesOf(cluster, gone)) expect(record?.ownWei).toBe(model.stakeWei);
      for (const record of stakesOf(cluster, cluster.nodes.slice(0, -gone.length))) {
        expect(record).toMatchObject({ ownWei: STAKE_WEI, penaltiesWei: 0n, jailed: false, status: 'active' });
      }
      expect(cluster.trace.violations).toEqual([]);
    },
    TEST_TIMEOUT_MS,
  );

  it(
    'those who come back have less, attest again and lose no more; finality goes on with them',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const { cluster, gone } = await startAndKill(HALF_DEAD);
      await waitForFinality(cluster);
      for (const node of gone) node.start();
      // Whoever was away in the last two epochs still pays for them.
      await cluster.clock.runFor(4 * EPOCH_MS);
      const before = stakesOf(cluster, gone);
      const finalBefore = chainOf(cluster.nodes[0]).finalized.number;
      await cluster.clock.runFor(6 * EPOCH_MS);
      expect(stakesOf(cluster, gone).map((record) => record?.ownWei)).toEqual(before.map((record) => record?.ownWei));
      for (const node of gone) {
        const { state, power } = statusOf(cluster, node);
        expect(state).toBe('active');
        expect(power).toBeGreaterThan(0n);
        expect(power).toBeLessThan(STAKE_WEI / 2n);
        expect(attestersOf(cluster).get(node.options.address)).toBe(true);
        expect(chainOf(node).finalized.number).toBeGreaterThan(finalBefore + 3 * SLOTS_PER_EPOCH);
      }
      expect(cluster.trace.violations).toEqual([]);
    },
  );

  it(
    'nobody loses more than half of the least stake: who is below it goes, and keeps what is left',
    { timeout: TEST_TIMEOUT_MS },
    async () => {
      const options = { ...HALF_DEAD, ejectionStake: 16 };
      const { cluster, gone } = await startAndKill(options);
      const model = leakByModel(options);
      expect(model.ejected).toBe(true);
      expect(await waitForFinality(cluster)).toBe(options.leakAfterEpochs + model.leakEpochs + 1);
      await cluster.clock.runFor(10 * EPOCH_MS);
      for (const record of stakesOf(cluster, gone)) {
        expect(record).toMatchObject({ status: 'exited', ownWei: model.stakeWei, jailed: false });
      }
      // The checkers look for everybody who was there at genesis.
      const codes = new Set(
        cluster.trace.violations.map(({ code, details }) => `${code} ${details.split(' ').at(-1)}`),
      );
      expect(codes).toEqual(new Set(gone.map((node) => `HONEST_PUNISHED ${node.options.address}`)));
      expect(chainOf(cluster.nodes[0]).head.number - chainOf(cluster.nodes[0]).finalized.number).toBeLessThan(
        3 * SLOTS_PER_EPOCH,
      );
    },
  );
});

function statusOf({ nodes }: Cluster, { options }: SimNode) {
  const found = nodes[0]?.machine?.ledger.engine
    .describe()
    .validators.find(({ address }) => address === options.address);
  if (found === undefined) throw new Error(`${options.name} has no say`);
  return found;
}

/** Whose attestations the epoch before the head's had. */
function attestersOf({ nodes: [node] }: Cluster): ReadonlyMap<Address, boolean> {
  return (node === undefined ? null : slotStateOf(node).previous)?.attesters ?? new Map();
}
