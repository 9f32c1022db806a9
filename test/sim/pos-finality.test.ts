import { describe, expect, it } from 'vitest';
import { decodeVote } from '../../consensus/common/ffg-vote.ts';
import { decodeMessage } from '../../src/codec/message.ts';
import type { Chain } from '../../src/chain/chain.ts';
import type { Address, Hash } from '../../src/types/primitives.ts';
import { EPOCH_MS as GENESIS_MS } from './clock.ts';
import { stakeCluster } from './stakes.ts';
import { messageIn } from './voice.ts';

/** What proof of stake promises when nothing goes wrong. */

const TEST_TIMEOUT_MS = 120_000;
const BLOCK_MS = 1_000;
const SLOTS_PER_EPOCH = 8;
const EPOCH_MS = BLOCK_MS * SLOTS_PER_EPOCH;
const PARAMS = { blockTimeMs: BLOCK_MS, slotsPerEpoch: SLOTS_PER_EPOCH };
const EPOCHS = 14;
const EPOCHS_TO_FINALITY_MAX = 2.5;

/** Of each block with transactions: epochs from it to the head that was the first to hold it for final. */
function watchFinality(chain: Chain, epochs: number[]): void {
  const seen = new Set<Hash>([chain.head.hash]);
  const waiting = new Map<number, { readonly timeMs: number; readonly transfers: number }>();
  chain.onHead(({ added }) => {
    for (const { hash, number, block } of added) {
      if (seen.has(hash)) continue;
      seen.add(hash);
      const transfers = block.body.transactions.length;
      if (transfers > 0) waiting.set(number, { timeMs: block.header.timeMs, transfers });
    }
  });
  chain.onFinalized((path) => {
    for (const { number } of path) {
      const block = waiting.get(number);
      waiting.delete(number);
      const took = block === undefined ? 0 : (chain.head.header.timeMs - block.timeMs) / EPOCH_MS;
      for (let i = 0; i < (block?.transfers ?? 0); i++) epochs.push(took);
    }
  });
}

type Calm = {
  /** For each transfer and node. */
  readonly epochsToFinality: readonly number[];
  /** By epoch: who attested, once for each time that a node said so. */
  readonly said: ReadonlyMap<number, readonly Address[]>;
  readonly lastEpoch: number;
};

async function runCalm(validators: number): Promise<Calm> {
  const epochsToFinality: number[] = [];
  const said = new Map<number, Address[]>();
  const cluster = await stakeCluster({
    seed: 1,
    validators,
    params: PARAMS,
    clients: 3,
    observer: {
      opened: (_node, machine) => watchFinality(machine.ledger.chain, epochsToFinality),
      published: (_node, topic, data) => {
        const bytes = messageIn(topic, data);
        if (bytes === null) return;
        const { from, payload } = decodeMessage(bytes);
        const epoch = decodeVote(payload)?.target.epoch ?? -1;
        said.set(epoch, [...(said.get(epoch) ?? []), from]);
      },
    },
  });
  cluster.start();
  for (const client of cluster.clients) client.start();
  await cluster.clock.runFor(EPOCHS * EPOCH_MS);
  expect(cluster.trace.violations).toEqual([]);
  expect(cluster.checkers.reorgs).toBe(0);
  const lastEpoch = Math.floor((cluster.clock.now() - GENESIS_MS) / EPOCH_MS) - 1;
  return { epochsToFinality, said, lastEpoch };
}

describe('proof of stake in calm weather', () => {
  it.each([4, 7])(
    'of %s validators: a transfer in a block is final on the average within 2.5 epochs; an epoch costs n attestations',
    async (validators) => {
      const { epochsToFinality, said, lastEpoch } = await runCalm(validators);
      expect(epochsToFinality.length).toBeGreaterThan(100);
      const average = epochsToFinality.reduce((sum, epochs) => sum + epochs, 0) / epochsToFinality.length;
      expect(average).toBeLessThanOrEqual(EPOCHS_TO_FINALITY_MAX);
      expect(lastEpoch).toBeGreaterThanOrEqual(10);
      for (let epoch = 1; epoch <= lastEpoch; epoch++) {
        const speakers = said.get(epoch) ?? [];
        expect(speakers.length).toBe(validators);
        expect(new Set(speakers).size).toBe(validators);
      }
    },
    TEST_TIMEOUT_MS,
  );
});
