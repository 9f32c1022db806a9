import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agreedBlock, agreedInTime, allReach, lowest } from './support/agreement.ts';
import { accountsFromMnemonic } from '../../src/crypto/mnemonic.ts';
import { VALIDATORS_PATH } from '../../src/node/dev-keys.ts';
import { cleanUp, MNEMONIC, nodeLogs } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { heightOf, type RpcBlock } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** A node that was away finds its way back while the others go on. */

type Status = { readonly validators: readonly { readonly address: string; readonly lastSeen: number }[] };

const FRIEND = '0x00000000000000000000000000000000000f1e1d';
/** Of the default engine. */
const MISSED_BLOCKS = 1_000;
/** Every so many blocks one transfer, so that there is state to catch up with. */
const TRANSFER_EVERY = 20;
/** So close to the others' head a node that follows a chain of 50 ms blocks is. */
const LAG_MAX = 10;

describe.each(ENGINES)('a node that was down under $consensus', (engine) => {
  const missedBlocks = MISSED_BLOCKS * engine.share;
  let network: TestNetwork;
  beforeAll(async () => {
    network = await createNetwork({ ...engine.keys, ...engine.fastKeys });
    for (const node of network.nodes) node.start();
    await Promise.all(network.nodes.map((node) => node.answering()));
  });
  afterAll(async () => {
    await network.stop();
    await cleanUp();
  });

  const all = () => network.nodes.map(({ rpc }) => rpc);

  it(`catches up with ${missedBlocks} blocks while the others go on`, { timeout: 600_000 }, async () => {
    const [first, , , away] = network.nodes as readonly [TestNode, TestNode, TestNode, TestNode];
    const living = all().slice(0, 3);
    await allReach(all(), 5, 'finalized');
    await away.kill('SIGKILL');
    const leftAt = await heightOf(first.rpc);
    const [from] = await first.rpc<string[]>('eth_accounts');

    let transfers = 0;
    await until(
      `${missedBlocks} blocks without it${nodeLogs(network.dataDir, 2)}`,
      async () => {
        const height = await heightOf(first.rpc);
        if (height >= leftAt + transfers * TRANSFER_EVERY) {
          await first.rpc('eth_sendTransaction', [{ from, to: FRIEND, value: '0x1' }]);
          transfers++;
        }
        if (height < leftAt + missedBlocks) throw new Error(`at ${height}`);
        return true;
      },
      { timeoutMs: 420_000 },
    );

    const [returnedAt, finalizedBefore] = [await heightOf(first.rpc), await lowest(living, 'finalized')];
    away.start();
    await away.answering();
    await until(
      'the node follows the head',
      async () => {
        const [own, other] = await Promise.all([heightOf(away.rpc), heightOf(first.rpc)]);
        if (own < other - LAG_MAX) throw new Error(`${own} of ${other}`);
        return true;
      },
      { timeoutMs: 120_000 },
    );
    // The others went on meanwhile, and its finality moves with theirs.
    await allReach(all(), returnedAt + 20);
    await allReach(all(), finalizedBefore + 20, 'finalized');
    const finalized = await lowest(all(), 'finalized');
    for (const height of [leftAt + 1, leftAt + missedBlocks / 2, returnedAt, finalized])
      await agreedBlock(all(), height);
    await agreedInTime(all(), await lowest(all()));
    // Between one block and the next a head can be two ahead of ours for a moment.
    await until('it says that it is in step', async () => (await away.rpc('eth_syncing')) === false);
    expect(await away.rpc('eth_getBalance', [FRIEND, 'latest'])).toBe(`0x${transfers.toString(16)}`);
  });

  it('takes part again', async () => {
    const [first, , , away] = network.nodes as readonly [TestNode, TestNode, TestNode, TestNode];
    const authors = accountsFromMnemonic(MNEMONIC, network.nodes.length, { path: VALIDATORS_PATH });
    const start = await heightOf(away.rpc);
    if (!engine.takesTurns) {
      await until('votes of the one that was away', async () => {
        const { validators } = await first.rpc<Status>('consensus_status');
        return validators.some(({ address, lastSeen }) => address === authors[3]?.address && lastSeen > start);
      });
      return;
    }
    await until('blocks of every node', async () => {
      const miners = new Set<string>();
      const head = await heightOf(away.rpc);
      for (let height = start; height <= head; height++) miners.add((await agreedMiner(height)).toLowerCase());
      return authors.every(({ address }) => miners.has(address));
    });
  });

  async function agreedMiner(height: number): Promise<string> {
    const block = await network.nodes[0]?.rpc<RpcBlock | null>('eth_getBlockByNumber', [
      `0x${height.toString(16)}`,
      false,
    ]);
    return block?.miner ?? '';
  }
});
