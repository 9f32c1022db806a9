import { describe, expect, it } from 'vitest';
import { judgePbft } from '../../../../consensus/pbft/judge.ts';
import type { Statement } from '../../../../consensus/pbft/messages.ts';
import { crypto, Net, signed, validator, type Delivery } from './net.ts';

const SLOW = { blockTimeMs: 1000, viewTimeoutMs: 1000 };

/** A net of four that has decided a few heights and waits for the next block. */
function running(params: Record<string, unknown> = SLOW, validators = 4): Net {
  const net = new Net({ validators, params: params as Record<string, number> }).start();
  net.until(() => net.decided >= 2);
  return net;
}

/** The block after the last decided one, when its primary publishes it. */
function primaryOf(net: Net): number {
  const now = net.node(0).status.proposer.now;
  return net.nodes.findIndex(({ address }) => address === now);
}

const votesIn = (net: Net): number =>
  ['pre-prepare', 'prepare', 'commit'].reduce((sum, kind) => sum + (net.delivered.get(kind as 'commit') ?? 0), 0);

describe('the calm case', () => {
  it.each([1, 4, 7, 10, 13])('with %s validators a decision takes exactly 2n(n-1) messages', (n) => {
    const net = running(SLOW, n);
    net.run(500);
    net.delivered.clear();
    const before = net.decided;
    net.run(5000);
    const decisions = net.decided - before;
    expect(decisions).toBe(5);
    const statements = [...net.delivered].filter(([kind]) => kind !== 'block');
    expect(statements.reduce((sum, [, count]) => sum + count, 0)).toBe(decisions * 2 * n * (n - 1));
    expect(votesIn(net)).toBe(decisions * 2 * n * (n - 1));
    expect(net.delivered.get('block') ?? 0).toBe(decisions * (n - 1));
  });

  it('a decision takes three delays', () => {
    const net = new Net({ validators: 4, params: SLOW, delayMs: 40 }).start();
    let publishedAt = 0;
    net.onPublish = () => {
      publishedAt = net.agenda.now;
    };
    net.until(() => net.decided >= 3);
    expect(net.agenda.now - publishedAt).toBe(3 * 40);
  });

  it('a primary stays, and with rotating proposers everybody has a turn', () => {
    for (const [proposers, count] of [
      ['sticky', 1],
      ['rotating', 4],
    ] as const) {
      const net = new Net({ validators: 4, params: { ...SLOW, proposers } }).start();
      net.until(() => net.decided >= 8);
      const authors = new Set(
        [...net.node(0).blocks.values()].filter(({ header }) => header.number > 0).map((b) => b.author),
      );
      expect(authors.size).toBe(count);
    }
  });

  it('asks for the next block while the last is under way, and publishes it when that is decided', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 0 }, delayMs: 50 }).start();
    for (const node of net.nodes) node.gasUsed = 21_000;
    const times: number[] = [];
    net.onPublish = () => void times.push(net.agenda.now);
    net.demand();
    net.run(1100);
    // Nobody asked again: that its blocks are not empty tells the primary that transactions wait.
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(new Set(gaps)).toEqual(new Set([150]));
    for (const node of net.nodes) node.gasUsed = 0;
    net.run(1000);
    const stopped = net.decided;
    net.run(60_000);
    expect(net.decided).toBe(stopped);
  });
});

describe('empty blocks', () => {
  it('never: stands still until transactions wait, and says so', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 0 } }).start();
    net.run(60_000);
    expect(net.decided).toBe(0);
    expect(net.node(0).status.quorum).toBeNull();
    net.delivered.clear();
    net.run(60_000);
    expect([...net.delivered]).toEqual([]);
    net.demand();
    net.run(100);
    expect(net.decided).toBe(1);
  });

  it('after: so long after the last block', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 100, emptyBlocks: 'after 5000' } }).start();
    net.until(() => net.decided >= 1);
    const at = net.agenda.now;
    net.until(() => net.decided >= 2);
    expect(net.agenda.now - at).toBe(5000);
    net.run(1000).demand();
    net.until(() => net.decided >= 3);
    expect(net.agenda.now - at).toBeLessThan(6200);
  });
});

type Moment = { readonly name: string; readonly kills: (delivery: Delivery, primary: number) => boolean };

const fromPrimary = ({ from }: Delivery, primary: number): boolean => from.name === `v${primary}`;

/** What still gets out of the primary before it dies; everything else of that height is lost with it. */
const DEATHS: readonly (Moment & { readonly isPreparedLost: boolean })[] = [
  { name: 'before it publishes', kills: () => true, isPreparedLost: true },
  { name: 'after publishing, before the pre-prepare', kills: ({ kind }) => kind !== 'block', isPreparedLost: true },
  {
    name: 'after a pre-prepare that reached one',
    kills: ({ kind, to }, primary) =>
      kind !== 'block' && !(kind === 'pre-prepare' && to.name === `v${(primary + 1) % 4}`),
    isPreparedLost: true,
  },
  {
    name: 'after the pre-prepare',
    kills: ({ kind }) => kind !== 'block' && kind !== 'pre-prepare',
    isPreparedLost: false,
  },
  {
    name: 'after a pre-prepare that reached two, enough to prepare and too few to decide',
    kills: ({ kind, to }, primary) =>
      kind !== 'block' && !(kind === 'pre-prepare' && to.name !== `v${(primary + 1) % 4}`),
    isPreparedLost: false,
  },
  {
    name: 'after a commit that reached one',
    kills: ({ kind, to }, primary) => kind === 'commit' && to.name !== `v${(primary + 1) % 4}`,
    isPreparedLost: false,
  },
];

describe('the primary dies', () => {
  it.each(DEATHS)('$name: a new one decides, and what was prepared lives on', ({ kills, isPreparedLost }) => {
    const net = running();
    const primary = primaryOf(net);
    const height = net.decided + 1;
    let published = '';
    net.onPublish = (node, hash) => {
      if (node.name === `v${primary}`) published = hash;
    };
    net.passes = (delivery) => !(fromPrimary(delivery, primary) && kills(delivery, primary));
    net.onCast = (node, { kind }: Statement) => {
      // Its last word is out; of what it would have said next nothing is.
      if (node.name === `v${primary}` && kind === 'commit') net.agenda.add(net.agenda.now + 1, () => node.kill());
    };
    net.run(1500);
    net.node(primary).kill();
    net.passes = () => true;
    net.run(20_000);
    expect(net.decided).toBeGreaterThan(height + 5);
    const decided = net.chain()[height];
    if (isPreparedLost) expect(decided).not.toBe(published);
    else expect(decided).toBe(published);
    expect(net.nodes.flatMap(({ evidence, rejected, refused }) => [...evidence, ...rejected, ...refused])).toEqual([]);
  });

  it('after its commits reached one, and that one dies too before it tells: the rest agrees with them', () => {
    const net = running({ ...SLOW, viewTimeoutMs: 500 }, 7);
    const primary = primaryOf(net);
    const [leader, other] = [net.node(primary), net.node((primary + 1) % 7)];
    const height = net.decided + 1;
    // COMMITs reach only one node, which decides alone.
    net.passes = ({ to, kind, statement }) => kind !== 'commit' || statement?.height !== height || to === other;
    net.until(() => other.decided >= height);
    other.kill();
    leader.kill();
    net.passes = () => true;
    net.run(20_000);
    expect(net.decided).toBeGreaterThan(height);
    expect(net.chain()[height]).toBe(other.finals.get(height));
    expect(Math.max(...net.alive.map(({ status }) => status.counters['viewChanges'] ?? 0))).toBeGreaterThan(0);
  });
});

describe('with dead validators', () => {
  it('one of four: goes on, with the next primary for good', () => {
    const net = running();
    const dead = primaryOf(net);
    net.node(dead).kill();
    const before = net.decided;
    net.run(20_000);
    expect(net.decided).toBeGreaterThan(before + 15);
    const [witness] = net.alive;
    expect(witness?.status.quorum).toEqual({ phase: 'commit', have: 3n, need: 3n, missing: [validator(dead)] });
    expect(witness?.status.validators.filter(({ state }) => state === 'silent').map(({ address }) => address)).toEqual([
      validator(dead),
    ]);
    expect(witness?.status.counters['viewChanges']).toBe(1);
  });

  it('two of four: stops, says for whom it waits, and goes on when one is back', () => {
    const net = running();
    net.node(0).kill();
    net.node(2).kill();
    net.run(2000);
    const before = net.decided;
    for (let i = 0; i < 60; i++) {
      net.run(1000);
      for (const node of net.alive) expect(node.status.quorum?.missing).toEqual([validator(0), validator(2)]);
    }
    expect(net.decided).toBe(before);
    for (const { status } of net.alive) {
      expect(status.validators.map(({ state }) => state)).toEqual(['silent', 'active', 'silent', 'active']);
      // Alone nobody runs ahead.
      expect(status.details['target']).toBeLessThanOrEqual(1);
    }
    net.node(2).boot();
    net.run(10_000);
    expect(net.decided).toBeGreaterThan(before + 5);
    expect(net.node(2).refused).toEqual([]);
  });

  it('all four alive: nobody is missing, at any time', () => {
    const net = running();
    net.run(1500);
    for (let i = 0; i < 100; i++) {
      net.run(77);
      for (const { status } of net.nodes) expect(status.quorum?.missing).toEqual([]);
    }
  });
});

describe('a restarted validator', () => {
  /** Three of four in a later view of a height that does not get decided: COMMITs are lost. */
  function stuckInLaterView(): { readonly net: Net; readonly view: number; readonly height: number } {
    const net = running({ ...SLOW, viewTimeoutMs: 1000, viewTimeoutMsMax: 4000 });
    const height = net.decided + 1;
    net.node(3).kill();
    net.passes = ({ kind, statement }) => kind !== 'commit' || statement?.height !== height;
    net.until(() => net.alive.every(({ status }) => status.clock.value >= 2));
    return { net, view: net.alive[0]?.status.clock.value ?? 0, height };
  }

  it('rejoins a later view at once', () => {
    const { net, view } = stuckInLaterView();
    net.node(3).boot();
    expect(net.node(3).status.clock.value).toBe(0);
    // One question, one answer, and the gap between answers.
    net.run(2 * net.delayMs + 300);
    expect(net.node(3).status.clock.value).toBe(view);
    net.passes = () => true;
    net.run(10_000);
    expect(net.node(3).refused).toEqual([]);
    expect(net.nodes.flatMap(({ evidence }) => evidence)).toEqual([]);
    expect(net.decided).toBeGreaterThan(5);
  });

  it('knows what it has prepared, and says the same again', () => {
    const { net, height } = stuckInLaterView();
    const node = net.node(0);
    const before = node.status.details;
    expect(before['prepared']).not.toBeNull();
    node.kill();
    node.boot();
    expect(node.status.details).toMatchObject({ view: before['view'], prepared: before['prepared'] });
    net.passes = () => true;
    net.run(10_000);
    expect(net.decided).toBeGreaterThan(height);
    expect(net.nodes.flatMap(({ evidence, refused }) => [...evidence, ...refused])).toEqual([]);
  });

  it('catches up from certificates alone, also for a block it has', () => {
    const net = running();
    const late = net.node(1);
    late.isMute = true;
    net.passes = ({ to, kind }) => to !== late || kind === 'block';
    net.run(5000);
    const before = late.decided;
    expect(net.node(0).decided).toBeGreaterThan(before + 3);
    late.syncFrom(net.node(0));
    expect(late.decided).toBe(net.node(0).decided);
    expect(late.rejected).toEqual([]);
  });

  it('fetches a proposed block that did not arrive', () => {
    const net = running();
    const late = net.node((primaryOf(net) + 1) % 4);
    net.passes = ({ to, kind }) => to !== late || kind !== 'block';
    const before = net.decided;
    net.run(5000);
    expect(net.decided).toBeGreaterThan(before + 3);
  });
});

describe('an equivocating primary', () => {
  it('two proposals to two halves: evidence, a new primary, and one decision', () => {
    const net = running();
    const primary = primaryOf(net);
    const liar = net.node(primary);
    const height = net.decided + 1;
    liar.isMute = true;
    const parent = liar.blocks.get(net.chain()[height - 1] ?? '0x');
    if (parent === undefined) throw new Error('the parent is known');
    net.run(900);
    const others = net.nodes.filter((node) => node !== liar);
    const blocks = [1, 2].map((mark) => liar.seal(parent, parent.header.timeMs + 1000, mark));
    for (const node of others) for (const block of blocks) node.take(block);
    const proposals = blocks.map(({ hash }) => signed(liar.address, { kind: 'pre-prepare', height, view: 0, hash }));
    others.forEach((node, i) => {
      const [first, second] = i % 2 === 0 ? proposals : proposals.toReversed();
      if (first === undefined || second === undefined) throw new Error('there are two');
      node.hear(first);
      // Passed on by the other half.
      net.agenda.add(net.agenda.now + net.delayMs, () => void node.hear(second));
    });
    net.run(20_000);
    expect(net.chain()[height]).toBeDefined();
    expect(Math.min(...others.map(({ decided }) => decided))).toBeGreaterThan(height + 3);
    for (const { evidence, rejected } of others) {
      expect(evidence.map(({ offender }) => offender)).toEqual([liar.address]);
      expect(rejected).toEqual([]);
      const [first] = evidence;
      expect(first === undefined ? null : judgePbft(first, crypto)).toEqual({
        offender: liar.address,
        code: 'DOUBLE_PRE_PREPARE',
        height,
      });
    }
  });
});
