import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { VALIDATORS_PATH } from '../../src/node/dev-keys.ts';
import { agreedBlock, agreedInTime, allReach, lowest } from './support/agreement.ts';
import { cleanUp, MNEMONIC } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { blockAt, heightOf, type Rpc } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** What the network does without some of its validators, and how validators come and go. */

const FRIEND = '0x00000000000000000000000000000000000f1e1d';
const BLOCK_TIME_MS = 300;

type Status = {
  readonly role: string;
  readonly quorum: { readonly have: string; readonly need: string; readonly missing: readonly string[] } | null;
  readonly validators: readonly { readonly address: string; readonly state: string }[];
  readonly details: { readonly standingVotes?: readonly { readonly subject: string }[] };
};
const statusOf = (rpc: Rpc): Promise<Status> => rpc<Status>('consensus_status');

const keys = accountsFromMnemonic(MNEMONIC, 5, { path: VALIDATORS_PATH }).map(({ address }) => address as string);
const addressOf = (index: number): string => keys[index] ?? '';

async function startAll(network: TestNetwork): Promise<void> {
  for (const node of network.nodes) node.start();
  await Promise.all(network.nodes.map((node) => node.answering()));
}

describe.each(ENGINES.filter(({ hasValidators }) => hasValidators))('four validators under $consensus', (engine) => {
  let network: TestNetwork;
  beforeAll(async () => {
    network = await createNetwork({ ...engine.keys, 'block-time': BLOCK_TIME_MS });
    await startAll(network);
    await allReach(rpcs(0, 1, 2, 3), 3, 'finalized');
  });
  afterAll(async () => {
    await network.stop();
    await cleanUp();
  });

  const node = (index: number) => network.nodes[index] as TestNode;
  const rpcs = (...indices: number[]) => indices.map((index) => node(index).rpc);
  const moveOn = async (living: readonly Rpc[], blocks: number) =>
    allReach(living, (await lowest(living, 'finalized')) + blocks, 'finalized');
  const missingIs = (living: readonly Rpc[], missing: readonly string[]) =>
    until(`the missing ones are ${missing.join(', ')}`, async () => {
      for (const rpc of living) {
        const { quorum } = await statusOf(rpc);
        if (JSON.stringify(quorum?.missing) !== JSON.stringify(missing.toSorted()))
          throw new Error(JSON.stringify(quorum));
      }
      return true;
    });

  it('finalize with all four, and miss nobody', async () => {
    await missingIs(rpcs(0, 1, 2, 3), []);
  });

  it('go on and finalize with one dead, and name it', async () => {
    await node(3).kill('SIGKILL');
    await moveOn(rpcs(0, 1, 2), 5);
    await missingIs(rpcs(0, 1, 2), [addressOf(3)]);
    await until('it is called silent', async () => {
      const { validators } = await statusOf(node(0).rpc);
      return validators.find(({ address }) => address === addressOf(3))?.state === 'silent';
    });
  });

  const total = 4n * engine.power;
  const twoOfFour = { have: String(2n * engine.power), need: String((2n * total) / 3n + 1n) };
  let waiting = '';
  it('stop finalizing with two dead, say who is missing, and still take transactions', async () => {
    await node(2).kill('SIGKILL');
    await missingIs(rpcs(0, 1), [addressOf(2), addressOf(3)]);
    for (const rpc of rpcs(0, 1)) expect((await statusOf(rpc)).quorum).toMatchObject(twoOfFour);
    const finalized = await Promise.all(rpcs(0, 1).map((rpc) => heightOf(rpc, 'finalized')));
    const [from] = await node(0).rpc<string[]>('eth_accounts');
    waiting = await node(0).rpc<string>('eth_sendTransaction', [{ from, to: FRIEND, value: '0x1' }]);
    await stays(finalized, () => Promise.all(rpcs(0, 1).map((rpc) => heightOf(rpc, 'finalized'))), 15 * BLOCK_TIME_MS);
    for (const rpc of rpcs(0, 1)) expect(await rpc('eth_getBalance', [FRIEND, 'finalized'])).toBe('0x0');
  });

  it('recover by themselves when one returns', async () => {
    const stuckAt = await lowest(rpcs(0, 1), 'finalized');
    node(3).start();
    await node(3).answering();
    await allReach(rpcs(0, 1, 3), stuckAt + 5, 'finalized');
    await missingIs(rpcs(0, 1, 3), [addressOf(2)]);
    for (const rpc of rpcs(0, 1, 3)) {
      const receipt = await until('the receipt of the waiting transaction', () =>
        rpc('eth_getTransactionReceipt', [waiting]),
      );
      expect(receipt).toMatchObject({ status: '0x1' });
    }
  });

  it('are four again when the other returns', async () => {
    node(2).start();
    await node(2).answering();
    const all = rpcs(0, 1, 2, 3);
    await allReach(all, await heightOf(node(0).rpc), 'finalized');
    await missingIs(all, []);
    const finalized = await lowest(all, 'finalized');
    for (let height = 0; height <= finalized; height++) await agreedBlock(all, height);
    for (const rpc of all)
      expect(await rpc('consensus_status')).toMatchObject({ counters: { evidence: 0 }, fault: null });
  });
});

/** Throws when the answer changes within that time: what does not happen can only be watched for a while. */
async function stays(
  expected: readonly number[],
  ask: () => Promise<readonly number[]>,
  durationMs: number,
): Promise<void> {
  const deadline = Date.now() + durationMs;
  while (Date.now() < deadline) {
    expect(await ask()).toEqual(expected);
    await new Promise((wake) => setTimeout(wake, 100));
  }
}

describe.each(ENGINES.filter(({ hasSignerVotes }) => hasSignerVotes))('signers under $consensus', (engine) => {
  let network: TestNetwork;
  beforeAll(async () => {
    const genesis = { validators: keys.slice(0, 4) };
    network = await createNetwork({ ...engine.keys, nodes: 5, genesis, 'block-time': BLOCK_TIME_MS });
    await startAll(network);
    await allReach(all(), 2, 'finalized');
  });
  afterAll(async () => {
    await network.stop();
    await cleanUp();
  });

  const all = () => network.nodes.map(({ rpc }) => rpc);
  const [first, fifth] = [() => all()[0] as Rpc, addressOf(4)];
  const propose = (index: number, authorize: boolean) => all()[index]?.('consensus_propose', [fifth, authorize]);
  const signers = async (rpc: Rpc, at = 'finalized'): Promise<string[]> =>
    (await rpc<{ address: string }[]>('consensus_validators', [at])).map(({ address }) => address);
  const signersAre = (expected: readonly string[]) =>
    until(`the signers are ${expected.length}`, async () => {
      const sets = await Promise.all(all().map((rpc) => signers(rpc)));
      return sets.every((set) => JSON.stringify(set.toSorted()) === JSON.stringify(expected.toSorted()));
    });

  it('are the four that the genesis names; the fifth node follows', async () => {
    await signersAre(keys.slice(0, 4));
    expect((await statusOf(all()[4] as Rpc)).role).toBe('follower');
    await agreedInTime(all(), await lowest(all()));
  });

  it('do not change by two votes of four', async () => {
    await propose(0, true);
    await propose(1, true);
    await until('both votes stand', async () => {
      const votes = (await statusOf(first())).details.standingVotes ?? [];
      return votes.filter(({ subject }) => subject === fifth).length === 2;
    });
    await allReach(all(), (await heightOf(first())) + 4, 'finalized');
    await signersAre(keys.slice(0, 4));
  });

  it('vote a fifth in with the third vote, and it seals', async () => {
    await propose(2, true);
    await signersAre(keys);
    await allReach(all(), (await heightOf(first())) + 3, 'finalized');
    await sealedByFifth(await heightOf(first()));
    const finalized = await lowest(all(), 'finalized');
    await agreedBlock(all(), finalized);
    expect((await statusOf(all()[4] as Rpc)).role).not.toBe('follower');
    for (const rpc of all()) {
      await until(
        'the carried proposals are gone',
        async () => Object.keys((await statusOf(rpc)).details.standingVotes ?? []).length === 0,
      );
    }
  });

  it('vote it out again, and it seals no more', async () => {
    for (const index of [0, 2, 3]) await propose(index, false);
    await signersAre(keys.slice(0, 4));
    const from = await lowest(all(), 'latest');
    await allReach(all(), from + 12, 'finalized');
    for (let height = from + 1; height <= from + 12; height++) {
      expect((await blockAt(first(), height))?.miner.toLowerCase()).not.toBe(fifth);
    }
    expect((await statusOf(all()[4] as Rpc)).role).toBe('follower');
    await agreedBlock(all(), from + 12);
    for (const rpc of all())
      expect(await rpc('consensus_status')).toMatchObject({ counters: { evidence: 0 }, fault: null });
  });

  /** Waits for a block of the fifth above a height, on every node. */
  async function sealedByFifth(above: number): Promise<void> {
    let height = above;
    await until('the fifth seals', async () => {
      for (; height <= (await lowest(all())); height++) {
        const block = await agreedBlock(all(), height);
        if (block.miner.toLowerCase() === fifth) return true;
      }
      return false;
    });
  }
});
