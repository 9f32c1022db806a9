import { createConnection, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { encodeFrame } from '../../../p2p/frame.ts';
import { createNode, gossipStands, parseAddress, publishAgain, subscribe } from '../../../p2p/libp2p.ts';
import type { Connection, Node, Stream } from '../../../p2p/libp2p.ts';
import { Libp2pNetwork } from '../../../p2p/network.ts';
import type { NetworkOptions } from '../../../p2p/network-options.ts';
import { randomPeerKey } from '../../../p2p/peer-key.ts';
import { systemTimers } from '../../../src/node/system-clock.ts';
import { silentLog } from '../../../src/util/log.ts';
import { noMetrics } from '../../../src/util/metrics.ts';
import { Recorder } from '../../conformance/network.ts';

const STATUS = '/parley/victim/status/1';
const TOPICS = ['consensus', 'block', 'transactions'].map((topic) => `/parley/victim/${topic}/1`);
const MESHSUB = '/meshsub/1.2.0';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function start(options: Partial<NetworkOptions> = {}): Promise<{ network: Libp2pNetwork; host: Recorder }> {
  const network = new Libp2pNetwork(
    { listen: ['/ip4/127.0.0.1/tcp/0'], privateKey: randomPeerKey(), bootstrap: [], networkName: 'victim', ...options },
    { log: silentLog, metrics: noMetrics, timers: systemTimers, random: Math.random },
  );
  const host = new Recorder();
  await network.start(host);
  closers.push(() => network.stop());
  return { network, host };
}

/** A node of the same protocols whose every byte is the test's. */
async function attacker(protocols: readonly string[] = [STATUS]): Promise<Node> {
  const node = await createNode({
    listen: [],
    privateKey: randomPeerKey(),
    topics: TOPICS,
    connectionsMax: 100,
    inboundPerSecondMax: 100,
    heartbeatMs: 500,
    refuses: () => false,
  });
  for (const protocol of protocols) await node.handle(protocol, () => {});
  await node.start();
  for (const topic of TOPICS) subscribe(node, topic, async () => 'accept');
  closers.push(() => node.stop());
  return node;
}

async function infiltrate(victim: {
  network: Libp2pNetwork;
  host: Recorder;
}): Promise<{ node: Node; connection: Connection }> {
  const node = await attacker();
  const connection = await node.dial(parseAddress(victim.network.addresses()[0] ?? ''));
  await victim.host.until('connected', { peer: node.peerId.toString() });
  // What is published before is for nobody.
  const hears = (topic: string): boolean => node.services.pubsub.getSubscribers(topic).length > 0;
  await expect.poll(() => TOPICS.every(hears), { timeout: 10_000 }).toBe(true);
  return { node, connection };
}

function ended(stream: Stream): Promise<void> {
  return new Promise((resolve) => stream.addEventListener('close', () => resolve()));
}

function scoreOf(network: Libp2pNetwork, node: Node): number | undefined {
  return network.peers().find(({ id }) => id === node.peerId.toString())?.score;
}

async function expectAlive(victim: { network: Libp2pNetwork; host: Recorder }): Promise<void> {
  const friend = await start();
  await friend.network.dial(victim.network.addresses()[0] ?? '');
  const answer = await friend.network.request(victim.network.self, 'status', Buffer.from('hello'), {
    timeoutMs: 5_000,
    responseSizeBytesMax: 100,
  });
  expect(Buffer.from(answer).toString()).toBe('hello');
}

it('resets a request that is oversized, truncated, endless or without its field, and blames for it', async () => {
  const victim = await start({ server: { readTimeoutMs: 150 } });
  const { node, connection } = await infiltrate(victim);
  const attacks: readonly ((stream: Stream) => void)[] = [
    // Says 4 GiB.
    (stream) => void stream.send(Buffer.from([255, 255, 255, 255, 1, 2, 3])),
    // Says 100 bytes, sends 3 and closes.
    (stream) => {
      stream.send(Buffer.from([0, 0, 0, 100, 1, 2, 3]));
      stream.close().catch(() => {});
    },
    // Opens the stream and says nothing.
    () => {},
    // Sends a byte now and then: never late, never done.
    (stream) => {
      stream.send(Buffer.from([0, 0, 1, 0]));
      const drip = setInterval(
        () => (stream.status === 'open' ? stream.send(Buffer.from([1])) : clearInterval(drip)),
        20,
      );
    },
    (stream) => void stream.send(encodeFrame(Buffer.from([1, 2]))),
    (stream) => void stream.send(Buffer.concat([encodeFrame(Buffer.alloc(10)), Buffer.from('more')])),
  ];
  for (const [index, attack] of attacks.entries()) {
    const stream = await connection.newStream([STATUS]);
    const end = ended(stream);
    attack(stream);
    await end;
    expect(scoreOf(victim.network, node), `attack ${index}`).toBe(-5 * (index + 1));
  }
  await expectAlive(victim);
});

it('bans who goes on with it', async () => {
  const victim = await start();
  const { node, connection } = await infiltrate(victim);
  const gone = victim.host.until('disconnected', { peer: node.peerId.toString() });
  for (let i = 0; i < 20; i++) {
    const stream = await connection.newStream([STATUS]);
    const end = ended(stream);
    stream.send(Buffer.from([255, 255, 255, 255]));
    await end;
  }
  await gone;
  const again = await node.dial(parseAddress(victim.network.addresses()[0] ?? '')).catch(() => null);
  if (again !== null && again.status === 'open')
    await new Promise((resolve) => again.addEventListener('close', resolve));
  expect(victim.host.count('connected', { peer: node.peerId.toString() })).toBe(1);
  await expectAlive(victim);
});

it('is not held up by an asker that does not take its answer', async () => {
  const victim = await start({ server: { writeTimeoutMs: 200 } });
  victim.host.answer = async (_, payload) => (payload.length > 0 ? payload : Buffer.alloc(8 * 1024 * 1024));
  const { connection } = await infiltrate(victim);
  const stream = await connection.newStream([STATUS]);
  const end = ended(stream);
  stream.pause();
  stream.send(encodeFrame(Buffer.from([0, 255, 255, 255])));
  await end;
  await expectAlive(victim);
});

it('takes nothing from an answer that breaks the form', async () => {
  const victim = await start();
  const { node } = await infiltrate(victim);
  const options = { timeoutMs: 300, responseSizeBytesMax: 100 };
  const peer = node.peerId.toString();
  const answers: readonly (readonly [answer: Uint8Array | null, code: string])[] = [
    [Buffer.from([0, 0, 0, 102, 0]), 'NETWORK_TOO_LARGE'],
    [Buffer.from([0, 0, 0, 9, 0, 1]), 'NETWORK_CLOSED'],
    [encodeFrame(Buffer.from([77])), 'NETWORK_CLOSED'],
    [encodeFrame(), 'NETWORK_CLOSED'],
    [null, 'NETWORK_TIMEOUT'],
  ];
  for (const [answer, code] of answers) {
    await node.unhandle(STATUS);
    await node.handle(STATUS, (stream) => {
      if (answer === null) return;
      stream.send(answer);
      stream.close().catch(() => {});
    });
    await expect(victim.network.request(peer, 'status', Buffer.from(''), options)).rejects.toMatchObject({ code });
  }
});

it('closes the connection of a peer whose gossip stream is broken', async () => {
  const victim = await start();
  const { node, connection } = await infiltrate(victim);
  const stream = await connection.newStream([MESHSUB]);
  // A length prefix of 268 MB.
  stream.send(Buffer.from([255, 255, 255, 127, 1, 2, 3]));
  await victim.host.until('disconnected', { peer: node.peerId.toString() });
  await expectAlive(victim);
});

it('survives gossip that is not the protocol, and topics that are not ours', async () => {
  const victim = await start();
  const { node, connection } = await infiltrate(victim);
  const stream = await connection.newStream([MESHSUB]);
  for (let i = 0; i < 50; i++) stream.send(Buffer.concat([Buffer.from([100]), Buffer.alloc(100, i)]));
  node.services.pubsub.subscribe('/parley/other/block/1');
  await publishAgain(node, '/parley/other/block/1', Buffer.from('stray'));
  await expectAlive(victim);
  expect(victim.host.count('gossip')).toBe(0);
});

it('refuses gossip over the size of a message and blames the sender', async () => {
  const victim = await start();
  const { node } = await infiltrate(victim);
  await publishAgain(node, TOPICS[1] ?? '', Buffer.alloc(3 * 1024 * 1024 + 1));
  await publishAgain(node, TOPICS[1] ?? '', Buffer.from('end'));
  await victim.host.until('gossip', { text: 'end' });
  expect(victim.host.count('gossip')).toBe(1);
  await expect.poll(() => scoreOf(victim.network, node)).toBe(-25);
});

it('lives with connections that say nothing or rubbish', async () => {
  const victim = await start();
  const port = Number(/\/tcp\/(\d+)/.exec(victim.network.addresses()[0] ?? '')?.[1]);
  const sockets: Socket[] = [];
  for (let i = 0; i < 40; i++) {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    if (i % 2 === 0) socket.write(Buffer.alloc(2_000, i));
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  await expectAlive(victim);
  for (const socket of sockets) socket.destroy();
});

it('takes twelve connections at once from one host', async () => {
  const victim = await start();
  const friends = await Promise.all(Array.from({ length: 12 }, () => start()));
  await Promise.all(friends.map(({ network }) => network.dial(victim.network.addresses()[0] ?? '')));
  await victim.host.until('connected', {}, 12);
  expect(victim.network.peers().length).toBe(12);
});

it('has room for so many peers and no more', async () => {
  const victim = await start({ peersMax: 2 });
  for (let i = 0; i < 2; i++) await infiltrate(victim);
  const third = await start();
  await expect(third.network.dial(victim.network.addresses()[0] ?? '')).rejects.toMatchObject({
    code: 'NETWORK_UNREACHABLE',
  });
  expect(victim.network.peers().length).toBe(2);
});

it('drops a peer that never becomes one of ours', async () => {
  const victim = await start();
  const stranger = await attacker([]);
  const connection = await stranger.dial(parseAddress(victim.network.addresses()[0] ?? ''));
  await new Promise((resolve) => connection.addEventListener('close', resolve));
  expect(victim.host.events).toEqual([]);
});

it('says why it cannot listen, and can be tried again', async () => {
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => blocker.close(resolve)));
  const { port } = blocker.address() as { port: number };
  const network = new Libp2pNetwork(
    {
      listen: [`/ip4/127.0.0.1/tcp/${port}`],
      privateKey: randomPeerKey(),
      bootstrap: [],
      networkName: 'victim',
    },
    { log: silentLog, metrics: noMetrics, timers: systemTimers, random: Math.random },
  );
  await expect(network.start(new Recorder())).rejects.toMatchObject({ code: 'NETWORK_LISTEN' });
  await expect(network.start(new Recorder())).rejects.toThrowError(/EADDRINUSE|in use/);
  await new Promise((resolve) => blocker.close(resolve));
  await network.start(new Recorder());
  await network.stop();
});

it('refuses addresses and names that are none', async () => {
  await expect(start({ bootstrap: ['127.0.0.1:9000'] })).rejects.toMatchObject({ code: 'NETWORK_ADDRESS' });
  await expect(start({ networkName: 'a/b' })).rejects.toMatchObject({ code: 'NETWORK_NAME' });
  const { network } = await start();
  await expect(network.dial('nonsense')).rejects.toMatchObject({ code: 'NETWORK_ADDRESS' });
});

it('knows when a gossip stream stands', async () => {
  const victim = await start();
  const { node } = await infiltrate(victim);
  expect(gossipStands(node, victim.network.self)).toBe(true);
  expect(gossipStands(node, 'nobody')).toBe(false);
});
