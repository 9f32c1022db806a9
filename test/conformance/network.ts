import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GossipTopic, GossipVerdict, Network, NetworkHandlers, RequestProtocol } from '../../src/ports/network.ts';
import { GOSSIP_SIZE_BYTES_MAX } from '../../src/ports/network.ts';
import type { Bytes, Millis, PeerId } from '../../src/types/primitives.ts';

export type NetworkHarness = {
  /** A network not yet started, able to reach the others of this harness. `identity` twice: the same node again. */
  create(options: { identity: string; networkName?: string; banMs?: Millis }): Network;
  /** What others dial it by, once started. */
  addressOf(network: Network): string;
  dispose(): Promise<void>;
};

const OPTIONS = { timeoutMs: 5_000, responseSizeBytesMax: 8 * 1024 * 1024 };

type Event = { readonly what: 'connected' | 'disconnected' | 'gossip'; readonly peer: PeerId; readonly text: string };

/** A host that writes down what it is told, and answers as the test wants. */
export class Recorder implements NetworkHandlers {
  readonly events: Event[] = [];
  verdict: (topic: GossipTopic, data: Bytes) => GossipVerdict | Promise<GossipVerdict> = () => 'accept';
  answer: (protocol: RequestProtocol, payload: Bytes) => Promise<Bytes> = async (_, payload) => payload;
  onConnected: (peer: PeerId) => void = () => {};
  readonly #waiting = new Set<() => void>();

  gossip(topic: GossipTopic, data: Bytes, peer: PeerId): GossipVerdict | Promise<GossipVerdict> {
    this.#note({ what: 'gossip', peer, text: Buffer.from(data.subarray(0, 64)).toString() });
    return this.verdict(topic, data);
  }

  request(protocol: RequestProtocol, payload: Bytes): Promise<Bytes> {
    return this.answer(protocol, payload);
  }

  connected(peer: PeerId): void {
    this.#note({ what: 'connected', peer, text: '' });
    this.onConnected(peer);
  }

  disconnected(peer: PeerId): void {
    this.#note({ what: 'disconnected', peer, text: '' });
  }

  count(what: Event['what'], match: { readonly peer?: PeerId; readonly text?: string } = {}): number {
    return this.events.filter(
      (event) =>
        event.what === what &&
        (match.peer === undefined || event.peer === match.peer) &&
        (match.text === undefined || event.text === match.text),
    ).length;
  }

  /** Resolves as soon as that many such events were noted. */
  async until(
    what: Event['what'],
    match: { readonly peer?: PeerId; readonly text?: string },
    count = 1,
  ): Promise<void> {
    while (this.count(what, match) < count) {
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    }
  }

  #note(event: Event): void {
    this.events.push(event);
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }
}

type Node = { readonly network: Network; readonly host: Recorder };

const bytes = (text: string): Bytes => Buffer.from(text);

/** What every implementation of the network port must do. */
export function networkConformance(name: string, makeHarness: () => NetworkHarness): void {
  describe(`${name} as a Network`, () => {
    let harness: NetworkHarness;

    beforeEach(() => {
      harness = makeHarness();
    });

    afterEach(async () => {
      await harness.dispose();
    });

    async function start(identity: string, options: { networkName?: string; banMs?: Millis } = {}): Promise<Node> {
      const host = new Recorder();
      const network = harness.create({ identity, ...options });
      await network.start(host);
      return { network, host };
    }

    async function connect(from: Node, to: Node): Promise<void> {
      await from.network.dial(harness.addressOf(to.network));
      await from.host.until('connected', { peer: to.network.self });
      await to.host.until('connected', { peer: from.network.self });
    }

    async function pair(): Promise<[Node, Node]> {
      const nodes: [Node, Node] = [await start('a'), await start('b')];
      await connect(...nodes);
      return nodes;
    }

    /** a - b - c: what a and c have of each other goes through b. */
    async function line(): Promise<[Node, Node, Node]> {
      const nodes: [Node, Node, Node] = [await start('a'), await start('b'), await start('c')];
      await connect(nodes[0], nodes[1]);
      await connect(nodes[1], nodes[2]);
      return nodes;
    }

    connections({ start, connect, pair, address: (node) => harness.addressOf(node.network) });
    requests({ pair });
    requestLimits({ pair });
    gossip({ start, connect, pair, line });
    gossipReach({ start, connect, pair });
    blame({ start, connect, pair, line, address: (node) => harness.addressOf(node.network) });
  });
}

type Tools = {
  readonly start: (identity: string, options?: { networkName?: string; banMs?: Millis }) => Promise<Node>;
  readonly connect: (from: Node, to: Node) => Promise<void>;
  readonly pair: () => Promise<[Node, Node]>;
  readonly line: () => Promise<[Node, Node, Node]>;
  readonly address: (node: Node) => string;
};

function connections({ start, connect, pair, address }: Pick<Tools, 'start' | 'connect' | 'pair' | 'address'>): void {
  it('tells both sides once of a connection and of its end', async () => {
    const [a, b] = await pair();
    expect(a.network.peers().map(({ id, direction, score }) => ({ id, direction, score }))).toEqual([
      { id: b.network.self, direction: 'outbound', score: 0 },
    ]);
    expect(b.network.peers()[0]?.direction).toBe('inbound');
    await a.network.stop();
    await b.host.until('disconnected', { peer: a.network.self });
    expect(b.host.events.map(({ what }) => what)).toEqual(['connected', 'disconnected']);
    expect(a.host.events.map(({ what }) => what)).toEqual(['connected', 'disconnected']);
    expect(b.network.peers()).toEqual([]);
  });

  it('never connects nodes of different network names', async () => {
    const a = await start('a', { networkName: 'one' });
    const b = await start('b', { networkName: 'two' });
    await expect(a.network.dial(address(b))).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    expect([...a.host.events, ...b.host.events]).toEqual([]);
    expect([...a.network.peers(), ...b.network.peers()]).toEqual([]);
  });

  it('comes back by itself when a known peer restarts', async () => {
    const [a, b] = await pair();
    await b.network.stop();
    await a.host.until('disconnected', {});
    const again = await start('b');
    expect(again.network.self).toBe(b.network.self);
    await a.host.until('connected', { peer: b.network.self }, 2);
    await again.host.until('connected', { peer: a.network.self });
    a.network.publish('block', bytes('after'));
    await again.host.until('gossip', { text: 'after' });
  });

  it('can be stopped twice, used when stopped, and started once at a time', async () => {
    const a = await start('a');
    await expect(a.network.start(new Recorder())).rejects.toMatchObject({ code: 'NETWORK_RUNNING' });
    await a.network.stop();
    await a.network.stop();
    a.network.publish('block', bytes('nobody hears'));
    await expect(a.network.request('x', 'status', bytes(''), OPTIONS)).rejects.toMatchObject({
      code: 'NETWORK_CLOSED',
    });
    await expect(a.network.dial('x')).rejects.toMatchObject({ code: 'NETWORK_CLOSED' });
    expect(a.network.peers()).toEqual([]);
  });

  it('starts again after a stop', async () => {
    const [a, b] = await pair();
    await a.network.stop();
    const host = new Recorder();
    await a.network.start(host);
    await connect({ network: a.network, host }, b);
  });
}

function requests({ pair }: Pick<Tools, 'pair'>): void {
  it('answers requests, many at once, empty and large', async () => {
    const [a, b] = await pair();
    b.host.answer = async (protocol, payload) => Buffer.concat([bytes(`${protocol}:`), payload]);
    const texts = Array.from({ length: 10 }, (_, i) => `${i}`);
    const answers = await Promise.all(
      texts.map((text) => a.network.request(b.network.self, 'blocks-by-hash', bytes(text), OPTIONS)),
    );
    expect(answers.map((answer) => Buffer.from(answer).toString())).toEqual(
      texts.map((text) => `blocks-by-hash:${text}`),
    );
    expect((await a.network.request(b.network.self, 'status', bytes(''), OPTIONS)).length).toBe(7);
    const large = Buffer.alloc(6 * 1024 * 1024, 7);
    b.host.answer = async () => large;
    const got = await a.network.request(b.network.self, 'blocks-by-range', bytes(''), OPTIONS);
    expect(Buffer.compare(got, large)).toBe(0);
    b.host.answer = async () => bytes('');
    expect((await a.network.request(b.network.self, 'status', bytes(''), OPTIONS)).length).toBe(0);
  });

  it('rejects with a code: closed, time-out, too large', async () => {
    const [a, b] = await pair();
    const ask = (payload = bytes('?'), options = OPTIONS): Promise<Bytes> =>
      a.network.request(b.network.self, 'blocks-by-hash', payload, options);
    b.host.answer = () => Promise.reject(new Error('no'));
    await expect(ask()).rejects.toMatchObject({ code: 'NETWORK_CLOSED', data: { reason: 'failed' } });
    b.host.answer = () => {
      throw new Error('no');
    };
    await expect(ask()).rejects.toMatchObject({ code: 'NETWORK_CLOSED', data: { reason: 'failed' } });
    b.host.answer = () => new Promise(() => {});
    await expect(ask(bytes('?'), { ...OPTIONS, timeoutMs: 100 })).rejects.toMatchObject({ code: 'NETWORK_TIMEOUT' });
    b.host.answer = async () => Buffer.alloc(101);
    await expect(ask(bytes('?'), { ...OPTIONS, responseSizeBytesMax: 100 })).rejects.toMatchObject({
      code: 'NETWORK_TOO_LARGE',
    });
    await expect(ask(Buffer.alloc(1024 * 1024 + 1))).rejects.toMatchObject({ code: 'NETWORK_TOO_LARGE' });
    await expect(a.network.request('nobody', 'status', bytes(''), OPTIONS)).rejects.toMatchObject({
      code: 'NETWORK_CLOSED',
    });
    b.host.answer = async () => Buffer.alloc(100);
    expect((await ask(Buffer.alloc(1024 * 1024), { ...OPTIONS, responseSizeBytesMax: 100 })).length).toBe(100);
    expect([...a.network.peers(), ...b.network.peers()].map(({ score }) => score)).toEqual([0, 0]);
  });
}

function requestLimits({ pair }: Pick<Tools, 'pair'>): void {
  it('closes what is under way when the peer stops', async () => {
    const [a, b] = await pair();
    const asked = new Promise<void>((resolve) => {
      b.host.answer = () => {
        resolve();
        return new Promise(() => {});
      };
    });
    const answer = a.network.request(b.network.self, 'status', bytes(''), { ...OPTIONS, timeoutMs: 20_000 });
    const outcome = answer.catch((error: unknown) => error);
    await asked;
    await b.network.stop();
    expect(await outcome).toMatchObject({ code: 'NETWORK_CLOSED' });
  });

  it('serves so many requests of one peer at once and calls the rest busy', async () => {
    const [a, b] = await pair();
    let release: () => void = () => {};
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    b.host.answer = async () => {
      await released;
      return bytes('done');
    };
    const asks = Array.from({ length: 24 }, () => a.network.request(b.network.self, 'status', bytes(''), OPTIONS));
    const settled = Promise.allSettled(asks);
    // Until all are there: one that comes after the release finds a free place.
    const refusals: unknown[] = [];
    await new Promise<void>((resolve) => {
      for (const ask of asks) ask.catch((error: unknown) => refusals.push(error) === 8 && resolve());
    });
    for (const error of refusals) expect(error).toMatchObject({ code: 'NETWORK_CLOSED', data: { reason: 'busy' } });
    release();
    const outcomes = await settled;
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(16);
    expect((await a.network.request(b.network.self, 'status', bytes(''), OPTIONS)).length).toBe(4);
  });
}

function gossip({ start, connect, pair, line }: Pick<Tools, 'start' | 'connect' | 'pair' | 'line'>): void {
  it('brings each message once to everybody, over others where need be, and not back', async () => {
    const [a, b, c] = await line();
    await connect(c, await start('d'));
    const d = await start('e');
    await connect(d, a);
    await connect(d, c);
    for (const topic of ['block', 'transactions', 'consensus'] as const) a.network.publish(topic, bytes(topic));
    for (const host of [b.host, c.host, d.host]) {
      for (const text of ['block', 'transactions', 'consensus']) await host.until('gossip', { text });
    }
    // The last word travels the same ways: copies of the first would be before it.
    a.network.publish('block', bytes('last'));
    for (const host of [b.host, c.host, d.host]) {
      await host.until('gossip', { text: 'last' });
      expect(host.count('gossip')).toBe(4);
    }
    expect(a.host.count('gossip')).toBe(0);
    expect(c.host.events.find(({ text }) => text === 'block')?.peer).toBeOneOf([b.network.self, d.network.self]);
  });

  it('tells equal bytes of different topics apart', async () => {
    const [a, b] = await pair();
    a.network.publish('block', bytes('same'));
    a.network.publish('consensus', bytes('same'));
    await b.host.until('gossip', { text: 'same' }, 2);
  });
}

function gossipReach({ start, connect, pair }: Pick<Tools, 'start' | 'connect' | 'pair'>): void {
  it('does not lose what is published in the connected callback, in either direction', async () => {
    for (let round = 0; round < 5; round++) {
      const a = await start(`left${round}`);
      const b = await start(`right${round}`);
      a.host.onConnected = () => a.network.publish('consensus', bytes('from a'));
      b.host.onConnected = () => b.network.publish('consensus', bytes('from b'));
      await connect(a, b);
      await a.host.until('gossip', { text: 'from b' });
      await b.host.until('gossip', { text: 'from a' });
      // The host has heard of the peer before it hears from it.
      expect(a.host.events[0]?.what).toBe('connected');
      expect(b.host.events[0]?.what).toBe('connected');
    }
  });

  it('sends a message cast again to those who missed it, and twice to nobody', async () => {
    const [a, b] = await pair();
    a.network.publish('consensus', bytes('vote'));
    await b.host.until('gossip', { text: 'vote' });
    const late = await start('late');
    await connect(late, a);
    a.network.publish('consensus', bytes('vote'));
    await late.host.until('gossip', { text: 'vote' });
    a.network.publish('consensus', bytes('end'));
    await b.host.until('gossip', { text: 'end' });
    expect(b.host.count('gossip', { text: 'vote' })).toBe(1);
  });

  it('carries the largest message and drops a larger one', async () => {
    const [a, b] = await pair();
    a.network.publish('block', Buffer.alloc(GOSSIP_SIZE_BYTES_MAX + 1, 'x'));
    a.network.publish('block', Buffer.alloc(GOSSIP_SIZE_BYTES_MAX, 'y'));
    await b.host.until('gossip', { text: 'y'.repeat(64) });
    expect(b.host.count('gossip')).toBe(1);
    expect(b.network.peers()[0]?.score).toBe(0);
  });
}

function blame({ start, connect, pair, line, address }: Tools): void {
  it('forwards what is accepted only, and blames the sender for what is rejected only', async () => {
    const [a, b, c] = await line();
    b.host.verdict = (_, data) => {
      const text = Buffer.from(data).toString();
      if (text === 'throw') throw new Error('handler');
      if (text === 'late') return Promise.reject(new Error('handler'));
      return text === 'reject' || text === 'ignore' ? text : 'accept';
    };
    for (const text of ['ignore', 'throw', 'late']) a.network.publish('transactions', bytes(text));
    for (const text of ['ignore', 'throw', 'late']) await b.host.until('gossip', { text });
    expect(b.network.peers().find(({ id }) => id === a.network.self)?.score).toBe(0);
    a.network.publish('transactions', bytes('reject'));
    a.network.publish('transactions', bytes('good'));
    await c.host.until('gossip', { text: 'good' });
    expect(c.host.count('gossip')).toBe(1);
    expect(b.network.peers().find(({ id }) => id === a.network.self)?.score).toBe(-25);
    expect(a.network.peers()[0]?.score).toBe(0);
  });

  it('drops and refuses a peer that keeps sending rubbish', async () => {
    const [a, b] = await pair();
    b.host.verdict = () => 'reject';
    for (let i = 0; i < 4; i++) a.network.publish('block', bytes(`rubbish ${i}`));
    await b.host.until('disconnected', { peer: a.network.self });
    await a.host.until('disconnected', { peer: b.network.self });
    await expect(a.network.dial(address(b))).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    await expect(b.network.dial(address(a))).rejects.toMatchObject({ code: 'NETWORK_UNREACHABLE' });
    expect(b.host.count('connected')).toBe(1);
  });

  it('adds blame up and bans at once for what is fatal, for a while', async () => {
    const a = await start('a');
    const b = await start('b', { banMs: 1_000 });
    await connect(a, b);
    b.network.blame(a.network.self, 'test', 'minor');
    b.network.blame(a.network.self, 'test', 'minor');
    expect(b.network.peers()[0]?.score).toBe(-10);
    b.network.blame(a.network.self, 'other-genesis', 'fatal');
    await b.host.until('disconnected', { peer: a.network.self });
    // The ban ends and a, which knows the address, comes again.
    await b.host.until('connected', { peer: a.network.self }, 2);
    expect(b.network.peers()[0]?.score).toBe(-50);
  });

  it('takes blame for unknown peers', async () => {
    const a = await start('a');
    a.network.blame('nobody', 'test', 'fatal');
    expect(a.network.peers()).toEqual([]);
  });
}
