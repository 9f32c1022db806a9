import { parseArgs } from 'node:util';
import { accountsFromMnemonic } from '../src/crypto/mnemonic.ts';
import { VALIDATORS_PATH } from '../src/node/dev-keys.ts';
import { createNetwork, type TestNode } from '../test/e2e/support/node-process.ts';
import { cleanUp, MNEMONIC } from '../test/e2e/support/devnet.ts';
import { median } from './process-stats.ts';

/**
 * How long a PBFT network of real nodes stands still when its primary is killed with kill -9: from the kill, shortly after a
 * decision, to the next decision of the others. Up to a block time of it goes by before that block is due at all, then the
 * view timeout; what is left is the change of view. `npm run bench:failover -- --kills 10`.
 */

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '10' },
    'block-time': { type: 'string', default: '500' },
    'view-timeout': { type: 'string', default: '1000' },
  },
});
const [kills, blockTimeMs, viewTimeoutMs] = [
  Number(values.kills),
  Number(values['block-time']),
  Number(values['view-timeout']),
];

type Status = {
  readonly head: { readonly number: number };
  readonly proposer: { readonly now: string | null };
};
const POLL_MS = 5;
const SETTLED_BLOCKS = 3;

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));
const statusOf = (node: TestNode): Promise<Status> => node.rpc<Status>('consensus_status');

async function reaches(node: TestNode, height: number): Promise<void> {
  while ((await statusOf(node)).head.number < height) await pause(POLL_MS);
}

const network = await createNetwork({
  consensus: 'pbft',
  'block-time': blockTimeMs,
  engine: { 'view-timeout-ms': viewTimeoutMs },
});
const standstills: number[] = [];
try {
  for (const node of network.nodes) node.start();
  await Promise.all(network.nodes.map((node) => node.answering()));
  const addresses = accountsFromMnemonic(MNEMONIC, network.nodes.length, { path: VALIDATORS_PATH }).map(
    ({ address }) => address as string,
  );
  for (let kill = 0; kill < kills; kill++) {
    const first = network.nodes[0] as TestNode;
    await reaches(first, (await statusOf(first)).head.number + SETTLED_BLOCKS);
    const { proposer } = await statusOf(first);
    const primary = network.nodes[addresses.indexOf(proposer.now ?? '')] as TestNode;
    const other = network.nodes.find((node) => node !== primary) as TestNode;
    const { head } = await statusOf(other);
    await primary.kill('SIGKILL');
    const killedAt = Date.now();
    await reaches(other, head.number + 1);
    const waited = Date.now() - killedAt;
    standstills.push(waited);
    process.stderr.write(`kill ${kill + 1}: ${waited} ms\n`);
    primary.start();
    await primary.answering();
    await reaches(primary, head.number + 1 + SETTLED_BLOCKS);
  }
} finally {
  await network.stop();
  await cleanUp();
}
const sorted = standstills.toSorted((a, b) => a - b);
process.stdout.write(
  `${kills} primaries killed, blocks every ${blockTimeMs} ms, view timeout ${viewTimeoutMs} ms: the next decision came after ` +
    `${sorted[0]} / ${median(standstills)} / ${sorted.at(-1)} ms (min / median / max)\n`,
);
