import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { VALIDATORS_PATH } from '../../src/node/dev-keys.ts';
import { agreedBlock, allReach, lowest } from './support/agreement.ts';
import { cleanUp, MNEMONIC } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { FinalityWatch } from './support/finality-watch.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { TransferLoad, SINK } from './support/transfer-load.ts';
import { until } from './support/wait.ts';

/** Under an engine with a primary, whoever it is may die at any moment. */

const KILLS = 8;
const BLOCK_TIME_MS = 200;
const addresses = accountsFromMnemonic(MNEMONIC, 4, { path: VALIDATORS_PATH }).map(({ address }) => address as string);

type Status = {
  readonly proposer: { readonly now: string | null };
  readonly head: { readonly number: number };
  readonly clock: { readonly unit: string; readonly value: number };
};

describe.each(ENGINES.filter(({ factory }) => factory.traits.finality === 'instant'))(
  'the primary under $consensus',
  (engine) => {
    let network: TestNetwork;
    beforeAll(async () => {
      const timeouts = { 'view-timeout-ms': 800 };
      network = await createNetwork({ ...engine.keys, engine: timeouts, 'block-time': BLOCK_TIME_MS });
      for (const node of network.nodes) node.start();
      await Promise.all(network.nodes.map((node) => node.answering()));
    });
    afterAll(async () => {
      await network.stop();
      await cleanUp();
    });

    const rpcs = () => network.nodes.map(({ rpc }) => rpc);
    const primaryOf = async (node: TestNode): Promise<TestNode> => {
      const { proposer } = await node.rpc<Status>('consensus_status');
      return network.nodes[addresses.indexOf(proposer.now ?? '')] as TestNode;
    };

    it(
      `is killed ${KILLS} times under load: another takes over, nothing decided is lost`,
      { timeout: 240_000 },
      async () => {
        const watch = new FinalityWatch(network.nodes);
        const load = new TransferLoad(network.nodes, { senders: 4, everyMs: 50 });
        watch.start();
        load.start();
        await allReach(rpcs(), 3, 'finalized');
        for (let kill = 0; kill < KILLS; kill++) {
          const primary = await primaryOf(network.nodes[0] as TestNode);
          // Somewhere between two decisions; which phase it hits is for chance to say.
          await new Promise((wake) => setTimeout(wake, (kill * BLOCK_TIME_MS) / KILLS));
          await primary.kill('SIGKILL');
          const others = network.nodes.filter((node) => node !== primary);
          const decided = await lowest(others.map(({ rpc }) => rpc));
          await allReach(
            others.map(({ rpc }) => rpc),
            decided + 3,
          );
          // A block that it had proposed may still have been decided; by now another has made one.
          const [other] = others as readonly TestNode[];
          await until('another primary', async () => (await primaryOf(other as TestNode)) !== primary);
          primary.start();
          await primary.answering();
          await allReach(rpcs(), decided + 5);
        }
        await load.stop();
        await until('every promised transfer is final on every node', async () => {
          await load.resend();
          const balances = await Promise.all(rpcs().map((rpc) => rpc<string>('eth_getBalance', [SINK, 'finalized'])));
          return balances.every((balance) => Number(balance) === load.total);
        });
        await watch.stop();
        expect(watch.problems).toEqual([]);
        expect(load.refusals).toEqual([]);
        const finalized = await lowest(rpcs(), 'finalized');
        for (let height = 1; height <= finalized; height++) {
          const { hash } = await agreedBlock(rpcs(), height);
          expect(watch.finalized.get(height) ?? hash).toBe(hash);
        }
      },
    );
  },
);
