import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { agreedBlock, agreedInTime, allReach, lowest } from './support/agreement.ts';
import { cleanUp, startDevnet, temporaryDir, type ReadyLine, type RunningDevnet } from './support/devnet.ts';
import { ENGINES } from './support/engines.ts';
import { isAlive, Launcher, stopLaunched } from './support/launcher.ts';
import type { ConsensusStatus } from './support/finality-watch.ts';
import { freePorts } from './support/ports.ts';
import { blockAt, heightOf, rpcAt } from './support/rpc.ts';
import { until } from './support/wait.ts';

/** What `parley devnet` promises whoever starts it. */

const COIN = 10n ** 18n;
const FRIEND = '0x00000000000000000000000000000000000f1e1d';
const NODES = 4;
/** A node has 3 s; the rest is for a busy machine. */
const STOP_MS_MAX = 5_000;

const allGone = (pids: readonly number[]) =>
  until('every process has ended', async () => !pids.some(isAlive), { timeoutMs: 10_000, everyMs: 20 });

/** Flags of a devnet on ports of its own. */
async function flags(nodes: number, dataDir: string): Promise<string[]> {
  const [rpcPort, p2pPort] = [await freePorts(nodes), await freePorts(nodes)];
  const ports = ['--rpc-port', String(rpcPort), '--p2p-port', String(p2pPort)];
  return ['--nodes', String(nodes), '--data-dir', dataDir, ...ports];
}

afterAll(async () => {
  await stopLaunched();
  await cleanUp();
});

describe.each(ENGINES)('a devnet under $consensus', (engine) => {
  const fast = [...engine.args, '--block-time', '300'];

  describe('while it runs', () => {
    let launcher: Launcher;
    let ready: ReadyLine;
    let ports: readonly string[];

    beforeAll(async () => {
      ports = await flags(NODES, join(temporaryDir(), 'data'));
      launcher = new Launcher(['devnet', '--json', ...ports, ...fast]);
      ready = JSON.parse(await launcher.line((line) => line.includes('"ready"'))) as ReadyLine;
    });
    afterAll(stopLaunched);

    const rpcs = () => ready.nodes.map(({ rpc }) => rpcAt(rpc));

    it('prints the ready line of the contract, and JSON lines alone', () => {
      const rpcPort = Number(ports[ports.indexOf('--rpc-port') + 1]);
      const p2pPort = Number(ports[ports.indexOf('--p2p-port') + 1]);
      expect(launcher.lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['ready']);
      expect(Object.keys(ready)).toEqual(['event', 'chainId', 'consensus', 'nodes', 'accounts']);
      expect(ready).toMatchObject({ event: 'ready', chainId: 31337, consensus: engine.consensus });
      expect(ready.nodes).toHaveLength(NODES);
      for (const [index, node] of ready.nodes.entries()) {
        expect(Object.keys(node)).toEqual(['index', 'rpc', 'ws', 'p2p', 'pid', 'validator']);
        expect(node.index).toBe(index);
        expect(node.rpc).toBe(`http://127.0.0.1:${rpcPort + index}`);
        expect(node.ws).toBe(`ws://127.0.0.1:${rpcPort + index}`);
        expect(node.p2p.startsWith(`/ip4/127.0.0.1/tcp/${p2pPort + index}/`)).toBe(true);
        expect(node.validator).toMatch(/^0x[0-9a-f]{40}$/);
      }
      expect(new Set(ready.nodes.map(({ validator }) => validator)).size).toBe(NODES);
      expect(ready.accounts).toHaveLength(10);
      expect(ready.accounts[0]).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266');
      expect(launcher.stderr).toBe('');
    });

    it('runs each node as a process of its own', () => {
      const pids = ready.nodes.map(({ pid }) => pid);
      expect(new Set([...pids, launcher.pid]).size).toBe(NODES + 1);
      expect(pids.filter(isAlive)).toEqual(pids);
    });

    it('has the first block on every node by then', async () => {
      expect(await lowest(rpcs())).toBeGreaterThanOrEqual(1);
    });

    it('moves head, safe and finalized on every node, and every node names the same hashes', async () => {
      for (const tag of ['latest', 'safe', 'finalized']) await allReach(rpcs(), 5, tag);
      const finalized = await lowest(rpcs(), 'finalized');
      for (let height = 0; height <= finalized; height++) await agreedBlock(rpcs(), height);
      await agreedInTime(rpcs(), await lowest(rpcs()));
      const block = await agreedBlock(rpcs(), finalized);
      expect((await agreedBlock(rpcs(), finalized - 1)).hash).toBe(block.parentHash);
    });

    it('tells in consensus_status where the three stand, by height and hash alone', async () => {
      for (const rpc of rpcs()) {
        const status = await rpc<Record<string, unknown>>('consensus_status');
        expect(status).toMatchObject({ engine: engine.consensus, fault: null, syncing: false });
        for (const place of ['head', 'safe', 'finalized']) {
          const ref = status[place] as { hash: string; number: number };
          expect({ place, keys: Object.keys(ref).sort() }).toEqual({ place, keys: ['hash', 'number'] });
        }
      }
    });

    it('gives the accounts their coins on every node', async () => {
      for (const rpc of rpcs()) {
        for (const account of ready.accounts) {
          expect(BigInt(await rpc<string>('eth_getBalance', [account, 'latest']))).toBe(10_000n * COIN);
        }
      }
    });

    it('connects every node with every other', async () => {
      for (const rpc of rpcs()) {
        await until('three peers', async () => (await rpc<string>('net_peerCount')) === '0x3');
      }
    });

    it('answers /health and /metrics on the RPC port', async () => {
      for (const { rpc } of ready.nodes) {
        const health = await fetch(`${rpc}/health`);
        expect(health.status).toBe(200);
        expect(await health.json()).toMatchObject({ status: 'ok', peers: NODES - 1, reasons: [] });
        const metrics = await (await fetch(`${rpc}/metrics`)).text();
        expect(Number(/^parley_head_number (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
        expect(Number(/^parley_finalized_number (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThan(0);
      }
    });

    it('stops on Ctrl-C: every process ends, exit code 0', async () => {
      const pids = ready.nodes.map(({ pid }) => pid);
      launcher.signal('SIGINT');
      expect(await launcher.exited).toEqual({ code: 0, signal: null });
      expect(pids.filter(isAlive)).toEqual([]);
      expect(launcher.lines.at(-1)).toBe('{"event":"stopped"}');
      expect(launcher.stderr).toBe('');
    });
  });

  describe('started again', () => {
    let devnet: RunningDevnet | null = null;
    afterEach(() => devnet?.stop());

    it('continues its chain on the same --data-dir, and starts over with --fresh', async () => {
      const dataDir = join(temporaryDir(), 'data');
      devnet = await startDevnet({ nodes: 2, dataDir, args: fast });
      const [first] = devnet.rpcs;
      if (first === undefined) throw new Error('no node');
      const from = devnet.ready.accounts[0];
      const hash = await first<string>('eth_sendTransaction', [{ from, to: FRIEND, value: '0x5' }]);
      const receipt = await until('the receipt', () =>
        first<{ blockNumber: string } | null>('eth_getTransactionReceipt', [hash]),
      );
      await allReach(devnet.rpcs, Number(receipt.blockNumber), 'finalized');
      const genesis = await agreedBlock(devnet.rpcs, 0);
      const kept = await agreedBlock(devnet.rpcs, await lowest(devnet.rpcs, 'finalized'));
      const balance = await first<string>('eth_getBalance', [from, 'latest']);
      expect(await devnet.stop()).toBe(0);

      devnet = await startDevnet({ nodes: 2, dataDir, args: fast });
      expect((await agreedBlock(devnet.rpcs, 0)).hash).toBe(genesis.hash);
      expect((await agreedBlock(devnet.rpcs, Number(kept.number))).hash).toBe(kept.hash);
      for (const rpc of devnet.rpcs) {
        expect(await rpc('eth_getBalance', [FRIEND, 'latest'])).toBe('0x5');
        expect(await rpc('eth_getBalance', [from, 'latest'])).toBe(balance);
        expect(await rpc('eth_getTransactionReceipt', [hash])).toMatchObject({ status: '0x1' });
      }
      await allReach(devnet.rpcs, Number(kept.number) + 3, 'finalized');
      expect(await devnet.stop()).toBe(0);

      devnet = await startDevnet({ nodes: 2, dataDir, args: [...fast, '--fresh'] });
      expect((await agreedBlock(devnet.rpcs, 0)).hash).not.toBe(genesis.hash);
      for (const rpc of devnet.rpcs) {
        expect(await rpc('eth_getBalance', [FRIEND, 'latest'])).toBe('0x0');
        expect(await rpc('eth_getTransactionReceipt', [hash])).toBeNull();
      }
      await allReach(devnet.rpcs, 3, 'finalized');
    });

    it('contradicts itself in nothing, however often it is stopped and started', async () => {
      const dataDir = join(temporaryDir(), 'data');
      for (let round = 0; round < 3; round++) {
        devnet = await startDevnet({ nodes: 2, dataDir, args: fast });
        const start = await heightOf(devnet.rpcs[0] ?? rpcAt(''));
        await allReach(devnet.rpcs, start + 2);
        for (const rpc of devnet.rpcs) {
          const { counters, fault } = await rpc<ConsensusStatus>('consensus_status');
          expect({ evidence: counters['evidence'] ?? 0, fault }).toEqual({ evidence: 0, fault: null });
        }
        expect(await devnet.stop()).toBe(0);
      }
    });
  });

  it('names addresses, accounts and private keys in its text', async () => {
    const ports = await flags(2, join(temporaryDir(), 'data'));
    const launcher = new Launcher(['devnet', ...ports, ...fast, '--accounts', '3', '--balance', '12.5']);
    await launcher.line((line) => line.startsWith('Ready in'));
    const rpcPort = Number(ports[ports.indexOf('--rpc-port') + 1]);
    for (const port of [rpcPort, rpcPort + 1]) expect(launcher.stdout).toContain(`http://127.0.0.1:${port} `);
    expect(launcher.stdout).toContain('12.5 coins each');
    expect(launcher.lines.filter((line) => /^0x[0-9a-fA-F]{40} {2}0x[0-9a-f]{64}$/.test(line))).toEqual([
      '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266  0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
      '0x70997970C51812dc3A010C7d01b50e0d17dc79C8  0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d',
      '0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC  0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a',
    ]);
    const startedAt = performance.now();
    launcher.signal('SIGTERM');
    expect(await launcher.exited).toEqual({ code: 0, signal: null });
    expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
  });

  it('leaves no node behind when the launcher is killed, and starts again on the same data', async () => {
    const dataDir = join(temporaryDir(), 'data');
    const devnet = await startDevnet({ nodes: 2, dataDir, args: fast });
    await allReach(devnet.rpcs, 2, 'finalized');
    const kept = await blockAt(devnet.rpcs[0] ?? rpcAt(''), 2);
    const pids = devnet.ready.nodes.map(({ pid }) => pid);
    const exit = once(devnet.process, 'exit');
    devnet.process.kill('SIGKILL');
    await exit;
    await allGone(pids);
    const again = await startDevnet({ nodes: 2, dataDir, args: fast });
    expect((await agreedBlock(again.rpcs, 2)).hash).toBe(kept?.hash);
    await again.stop();
  });

  it('stops every node within its time on SIGTERM, with sockets open and transactions waiting', async () => {
    const devnet = await startDevnet({ nodes: 2, args: [...engine.args, '--block-time', '2000'] });
    const socket = new WebSocket(devnet.ready.nodes[0]?.ws ?? '');
    await once(socket, 'open');
    socket.send('{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}');
    const closed = once(socket, 'close');
    const from = devnet.ready.accounts[0];
    await devnet.rpcs[0]?.('eth_sendTransaction', [{ from, to: FRIEND, value: '0x1' }]);
    const startedAt = performance.now();
    expect(await devnet.stop()).toBe(0);
    expect(performance.now() - startedAt).toBeLessThan(STOP_MS_MAX);
    expect(devnet.ready.nodes.map(({ pid }) => pid).filter(isAlive)).toEqual([]);
    await closed;
  });
});
