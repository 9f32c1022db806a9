import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Rng } from '../../src/util/rng.ts';
import { cleanUp } from './support/devnet.ts';
import { ENGINES, type EngineUnderTest } from './support/engines.ts';
import { FinalityWatch } from './support/finality-watch.ts';
import { createNetwork, type TestNetwork, type TestNode } from './support/node-process.ts';
import { blockAt, heightOf, type RpcBlock } from './support/rpc.ts';
import { Statements } from './support/statements.ts';
import { TestPeer } from './support/test-peer.ts';
import { SINK, TransferLoad } from './support/transfer-load.ts';
import { until } from './support/wait.ts';

const BLOCK_TIME_MS = 300;
/** Of the default engine. */
const KILLS = 50;
/** Every so many kills the network is left alone until all agree. */
const KILLS_PER_REST = 10;
const AGREE_TIMEOUT_MS = 60_000;

afterAll(cleanUp);

type Storm = {
  readonly engine: EngineUnderTest;
  readonly network: TestNetwork;
  readonly watch: FinalityWatch;
  readonly load: TransferLoad;
  readonly statements: Statements;
  readonly seed: number;
  stop(): Promise<void>;
};

/** Four nodes under load, watched from outside by their RPCs and by a peer that hears all they say. */
async function startStorm(engine: EngineUnderTest, seed: number): Promise<Storm> {
  const keys = { ...engine.keys, ...engine.stormKeys, nodes: 4, 'block-time': BLOCK_TIME_MS };
  const network = await createNetwork(keys);
  const { nodes } = network;
  for (const node of nodes) node.start();
  await Promise.all(nodes.map((node) => node.answering()));
  const statements = new Statements(engine, engine.factory.parseParams({ blockTimeMs: BLOCK_TIME_MS }));
  const peer = await TestPeer.join(nodes.map(({ rpc }) => rpc));
  statements.genesisHash = peer.genesisHash;
  peer.hear = (topic, data) => statements.hear(topic, data);
  const watch = new FinalityWatch(nodes);
  const load = new TransferLoad(nodes, { senders: 8, everyMs: 100 });
  watch.start();
  load.start();
  return {
    engine,
    network,
    watch,
    load,
    statements,
    seed,
    stop: async () => {
      await Promise.all([watch.stop(), peer.stop(), network.stop()]);
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((wake) => setTimeout(wake, ms));

/** All nodes name one head, and finality has moved on by a few blocks from where it stood. */
async function agree({ network, watch }: Storm): Promise<void> {
  const from = watch.highest;
  await until(
    `all nodes finalize past ${from} and name one head`,
    async () => {
      const all = await Promise.all(network.nodes.map((node) => watch.look(node)));
      const [first] = all;
      return (
        first !== undefined &&
        all.every(({ head, finalized }) => head.hash === first.head.hash && finalized.number > from + 2)
      );
    },
    { timeoutMs: AGREE_TIMEOUT_MS, everyMs: 40 },
  );
}

/** The node is back, and what it knew to be final it knows still. */
async function returned(node: TestNode, { watch }: Storm): Promise<void> {
  const told = watch.told.get(node.index) ?? 0;
  await node.answering();
  const { finalized } = await watch.look(node);
  expect(finalized.number, `finality of node ${node.index} after its restart`).toBeGreaterThanOrEqual(told);
}

async function killAndRestart(storm: Storm, rng: Rng): Promise<void> {
  const { nodes } = storm.network;
  const victims = rng.chance(0.15) ? nodes : [rng.pick(nodes)];
  await pause(rng.between(0, 900));
  await Promise.all(victims.map((node) => node.kill('SIGKILL')));
  await pause(rng.between(0, 600));
  for (const node of victims) node.start();
  // Now and then the next blow falls while the victim is still starting.
  if (rng.chance(0.7)) await Promise.all(victims.map((node) => returned(node, storm)));
}

/** Canonical blocks of a node, 1 to `last`. */
async function blocksOf(node: TestNode, last: number): Promise<RpcBlock[]> {
  const blocks: RpcBlock[] = [];
  for (let start = 1; start <= last; start += 100) {
    const numbers = Array.from({ length: Math.min(100, last - start + 1) }, (_, i) => start + i);
    for (const block of await Promise.all(numbers.map((number) => blockAt(node.rpc, number)))) {
      if (block !== null) blocks.push(block);
    }
  }
  return blocks;
}

/** Every node holds every final block that was ever told, and every promised transfer exactly once. */
async function expectNothingLost(storm: Storm): Promise<void> {
  const { network, watch, load } = storm;
  const [first] = network.nodes;
  if (first === undefined) return;
  await until(
    `${load.total} transfers are mined and final`,
    async () => {
      await load.resend();
      return BigInt(await first.rpc<string>('eth_getBalance', [SINK, 'finalized'])) === BigInt(load.total);
    },
    { timeoutMs: 90_000, everyMs: 500 },
  );
  await agree(storm);
  const last = Math.min(...(await Promise.all(network.nodes.map(({ rpc }) => heightOf(rpc, 'finalized')))));
  for (const node of network.nodes) {
    const blocks = await blocksOf(node, last);
    expect(blocks.length).toBe(last);
    const wrong = blocks.filter(({ number, hash }) => (watch.finalized.get(Number(number)) ?? hash) !== hash);
    expect(wrong, `final blocks that node ${node.index} has lost`).toEqual([]);
    const mined = blocks.flatMap(({ transactions }) => transactions);
    expect(new Set(mined).size, 'transfers mined twice').toBe(mined.length);
    expect(mined.length).toBe(load.total);
    const minedSet = new Set(mined);
    expect(
      [...load.promised].filter((hash) => !minedSet.has(hash)),
      'promised and not mined',
    ).toEqual([]);
  }
}

function expectNoContradiction({ engine, network, statements, watch, load }: Storm): void {
  expect(statements.contradictions).toEqual([]);
  expect(statements.evidence).toEqual([]);
  expect(watch.problems).toEqual([]);
  expect(load.refusals).toEqual([]);
  if (engine.factory.traits.castsMessages) expect(statements.signers).toBe(network.nodes.length);
  for (const { index } of network.nodes) {
    const log = readFileSync(join(network.dataDir, `node-${index}`, 'node.log'), 'utf8');
    const bad = log.split('\n').filter((line) => /"level":"error"|not signed|engine stopped|Error:/.test(line));
    expect(bad, `log of node ${index}`).toEqual([]);
  }
}

async function judged(storm: Storm, test: () => Promise<void>): Promise<void> {
  try {
    await test();
    await storm.load.stop();
    await agree(storm);
    await expectNothingLost(storm);
    expectNoContradiction(storm);
  } catch (error) {
    const seen = [...storm.watch.problems, ...storm.statements.contradictions, ...storm.load.refusals]
      .slice(0, 10)
      .join('\n');
    throw new Error(`seed ${storm.seed}, data in ${storm.network.dataDir}\n${seen}`, { cause: error });
  } finally {
    await storm.load.stop();
    await storm.stop();
  }
}

/** PARLEY_STORM_SEED=n runs the storm of a failure's message again, as far as timing lets it. */
const seed = Number(process.env['PARLEY_STORM_SEED'] ?? Date.now() % 1_000_000);

describe.each(ENGINES)('a storm under $consensus', (engine) => {
  const kills = Math.round(KILLS * engine.share);
  it(
    `of ${kills} kill -9 under load loses nothing and makes nobody contradict itself`,
    { timeout: 900_000 },
    async () => {
      const storm = await startStorm(engine, seed);
      const rng = new Rng(seed);
      await judged(storm, async () => {
        for (let kill = 1; kill <= kills; kill++) {
          await killAndRestart(storm, rng);
          if (kill % KILLS_PER_REST === 0 || kill === kills) await agree(storm);
        }
      });
    },
  );

  it('of paused and resumed nodes does neither', { timeout: 300_000 }, async () => {
    const storm = await startStorm(engine, seed);
    const rng = new Rng(seed);
    const { nodes } = storm.network;
    await judged(storm, async () => {
      await agree(storm);
      for (const count of engine.share === 1 ? [1, 1, 2, nodes.length] : [1, nodes.length]) {
        const sleepers = rng.shuffle(nodes).slice(0, count);
        const before = storm.watch.highest;
        for (const node of sleepers) node.signal('SIGSTOP');
        await pause(rng.between(3_000, 5_000));
        if (count === 1) expect(storm.watch.highest, 'finality while one sleeps').toBeGreaterThan(before + 2);
        for (const node of sleepers) node.signal('SIGCONT');
        await agree(storm);
      }
    });
  });
});
