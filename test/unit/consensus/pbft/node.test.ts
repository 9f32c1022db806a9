import { describe, expect, it } from 'vitest';
import { decodeStatement, type NewView, type Statement } from '../../../../consensus/pbft/messages.ts';
import { OwnWords } from '../../../../consensus/pbft/own-words.ts';
import { pbftFactory } from '../../../../consensus/pbft/factory.ts';
import { Proposer, type Wish } from '../../../../consensus/pbft/proposer.ts';
import { SavedRecords } from '../../../../consensus/pbft/saved.ts';
import type { Hash } from '../../../../src/types/primitives.ts';
import { alone, candidate, type Alone } from './alone.ts';
import { signed, validator, type NetNode } from './net.ts';
import { HASH, OTHER } from './samples.ts';

/** Rules that the network as a whole hides: whoever breaks one alone is carried by the others. */

const vote = (kind: 'prepare' | 'commit' | 'pre-prepare', height: number, hash: Hash, view = 0) =>
  ({ kind, height, view, hash }) as const;
const change = (height: number, view: number) => ({ kind: 'view-change', height, view, prepared: null }) as const;

/** With proof that v0, v2 and v3 want the view; `prepared`: the block that all but v1 have prepared in view 0. */
function newView(height: number, view: number, prepared: Hash | null = null): NewView {
  const three = [0, 2, 3];
  const changes = three.map((i) => ({
    from: validator(i),
    prepared: null,
    signature: signed(validator(i), change(height, view)).signature,
  }));
  if (prepared === null) return { kind: 'new-view', height, view, changes, certificate: null };
  const signers = three.map((i) => ({
    from: validator(i),
    signature: signed(validator(i), vote(i === 0 ? 'pre-prepare' : 'prepare', height, prepared)).signature,
  }));
  return { kind: 'new-view', height, view, changes, certificate: { view: 0, hash: prepared, signers } };
}

/** Without the check that comes before. */
const tell = (node: NetNode, from: number, statement: Statement): void =>
  void node.step({ type: 'message', message: signed(validator(from), statement), peer: 'p' });

const kindsOf = (said: readonly Statement[]): string[] => said.map(({ kind, view }) => `${kind} ${view}`);

describe('a view', () => {
  it('that began with a certificate takes its block and no other', () => {
    const { node, height, said, hash, net, parent } = candidate();
    const other = net.node(2).seal(parent, parent.header.timeMs + 1000, 9);
    node.take(other);
    node.hear(signed(validator(2), newView(height, 2, hash)));
    node.hear(signed(validator(2), vote('pre-prepare', height, other.hash, 2)));
    expect(said).toEqual([]);
    const { node: second, height: at, said: words, hash: required } = candidate();
    second.hear(signed(validator(2), newView(at, 2, required)));
    second.hear(signed(validator(2), vote('pre-prepare', at, required, 2)));
    expect(kindsOf(words)).toEqual(['prepare 2']);
  });

  it('that was given up is not voted in, and one below the view waited for is not entered', () => {
    const { net, node, height, said, hash } = candidate();
    for (const from of [2, 3]) node.hear(signed(validator(from), change(height, 3)));
    net.run(1);
    expect(kindsOf(said)).toEqual(['view-change 3']);
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    for (const from of [2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash)));
    node.hear(signed(validator(2), newView(height, 2)));
    expect(node.status.details).toMatchObject({ view: 0, target: 3, prepared: null });
    node.hear(signed(validator(3), newView(height, 3)));
    expect(node.status.details).toMatchObject({ view: 3, target: 3 });
    expect(said).toHaveLength(1);
  });

  it('opens with a NEW-VIEW that is proven, whatever came past the check', () => {
    const { net, node, height, said } = alone();
    tell(node, 3, { kind: 'new-view', height, view: 3, changes: [], certificate: null });
    tell(node, 3, newView(height, 2));
    const forged = {
      view: 0,
      hash: HASH,
      signers: [0, 2, 3].map((i) => ({ from: validator(i), signature: new Uint8Array(65) })),
    };
    tell(node, 2, { ...newView(height, 2), certificate: forged });
    expect(node.status.details['view']).toBe(0);
    // A certificate that proves nothing is not learnt: a claim of it does not count.
    tell(node, 2, { kind: 'certificate', height, view: 0, certificate: forged });
    tell(node, 2, { ...change(height, 1), prepared: { view: 0, hash: HASH } });
    tell(node, 3, change(height, 1));
    net.run(1);
    expect(node.status.details['target']).toBe(1);
    expect(kindsOf(said)).toEqual(['view-change 1']);
  });

  it('is timed from when a quorum wants it, or a later one', () => {
    const { net, node, height, said } = alone({ viewTimeoutMs: 1000, viewTimeoutMsMax: 2000 });
    net.run(2500);
    expect(node.status.details['target']).toBe(1);
    net.run(30_000);
    expect(node.status.details['target']).toBe(1);
    node.hear(signed(validator(2), change(height, 1)));
    net.run(30_000);
    expect(node.status.details['target']).toBe(1);
    node.hear(signed(validator(3), change(height, 7)));
    net.run(1999);
    expect(node.status.details['target']).toBe(1);
    net.run(2);
    // Given up, and then it is one of two that are beyond view 1.
    expect(kindsOf(said.filter(({ kind }) => kind === 'view-change'))).toEqual(['view-change 1', 'view-change 2']);
  });

  it('is not given up while we are far behind', () => {
    const { net, node } = alone({ viewTimeoutMs: 1000 });
    node.step({ type: 'syncing', behindBlocks: 100 });
    net.run(9000);
    expect(node.status.details).toMatchObject({ target: 0, isLagging: true });
    node.step({ type: 'syncing', behindBlocks: 0 });
    net.run(900);
    expect(node.status.details['target']).toBe(0);
    net.run(200);
    expect(node.status.details['target']).toBe(1);
  });

  it('far ahead is not kept, past the check or not', () => {
    const { node, height } = alone();
    const before = node.status.counters['pooledMessages'];
    tell(node, 2, vote('prepare', height, HASH, 1001));
    expect(node.status.counters['pooledMessages']).toBe(before);
    tell(node, 2, vote('prepare', height, HASH, 1000));
    expect(node.status.counters['pooledMessages']).toBe((before ?? 0) + 1);
  });
});

describe('a decision', () => {
  it('is not taken from a proof that is none', () => {
    const { node, height, hash } = candidate();
    const proof = node.proofs.get([...node.finals.values()].at(-1) ?? '0x') ?? new Uint8Array(0);
    node.step({ type: 'justified', hash, justification: proof, peer: null });
    node.step({ type: 'justified', hash, justification: new Uint8Array(3), peer: null });
    expect(node.decided).toBe(height - 1);
  });

  it('does not make those look absent whose COMMIT is still under way', () => {
    const { node, height, hash } = candidate();
    for (const from of [0, 2]) node.hear(signed(validator(from), vote('commit', height, hash)));
    node.hear(signed(validator(1), vote('commit', height, hash)));
    expect(node.decided).toBe(height);
    expect(node.status.quorum?.missing).toEqual([]);
  });

  it('leads on at once to what was heard of the next height, and what was said before is kept till it is on disk', () => {
    const { net, node, height, hash, block, said } = candidate();
    const next = net.node(0).seal(block, block.header.timeMs + 1000);
    net.run(1500);
    node.take(next);
    node.hear(signed(validator(0), vote('pre-prepare', height + 1, next.hash)));
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    net.run(1);
    for (const from of [0, 2]) node.hear(signed(validator(from), vote('commit', height, hash)));
    said.length = 0;
    node.effects.length = 0;
    node.hear(signed(validator(3), vote('commit', height, hash)));
    const acts = node.effects
      .map(({ type }) => type)
      .filter((type) => ['persist', 'cast', 'forkchoice'].includes(type));
    expect(acts).toEqual(['persist', 'forkchoice', 'cast']);
    expect(said).toMatchObject([{ kind: 'prepare', height: height + 1 }]);
    const saved = new SavedRecords(node.saved);
    expect(saved.at(height)?.said).toHaveLength(1);
    expect(saved.at(height + 1)?.said).toHaveLength(1);
  });

  it('on a candidate that stands on a candidate waits for its parent', () => {
    const { net, node, block } = candidate();
    net.run(5000);
    const child = net.node(0).seal(block, block.header.timeMs + 1000);
    const grandchild = net.node(0).seal(child, child.header.timeMs + 1000);
    node.take(child);
    node.take(grandchild);
    expect(node.blocks.has(child.hash)).toBe(true);
    expect(node.blocks.has(grandchild.hash)).toBe(false);
    expect(node.rejected).toEqual([]);
  });
});

describe('talk', () => {
  it('of a later view makes it ask, once', () => {
    const { net, node, height, said } = alone({ emptyBlocks: 'never' });
    node.hear(signed(validator(2), vote('prepare', height, HASH, 5)));
    node.hear(signed(validator(3), vote('prepare', height, HASH, 5)));
    net.run(99);
    expect(said).toEqual([]);
    net.run(200);
    expect(said).toMatchObject([{ kind: 'status', height, view: 0, asks: true }]);
  });

  it('of an earlier view is answered, but not a COMMIT, which is repeated in any view', () => {
    const inView2 = (): Alone => {
      const scene = alone({ emptyBlocks: 'never' });
      scene.node.hear(signed(validator(2), newView(scene.height, 2)));
      scene.net.run(5000);
      scene.node.effects.length = 0;
      return scene;
    };
    for (const [statement, isAnswered] of [
      [vote('commit', 2, HASH), false],
      [vote('prepare', 2, HASH), true],
      [change(2, 2), true],
      [change(2, 3), false],
      [{ kind: 'status', height: 2, view: 0, now: 5, asks: false } as const, true],
      [{ kind: 'status', height: 2, view: 2, now: 5, asks: false } as const, false],
      [{ kind: 'status', height: 2, view: 2, now: 5, asks: true } as const, true],
    ] as const) {
      const { net, node, height } = inView2();
      expect(height).toBe(2);
      node.hear(signed(validator(3), statement));
      net.run(400);
      const isRecast = node.effects.some(({ type }) => type === 'recast');
      expect(isRecast, `${statement.kind} ${statement.view}`).toBe(isAnswered);
    }
  });

  it('is repeated more and more slowly, certificates with changes of view', () => {
    const { net, node, height, hash, said } = candidate({ viewTimeoutMs: 2000 });
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    for (const from of [2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash)));
    net.until(() => said.some(({ kind }) => kind === 'certificate'));
    const times = [net.agenda.now];
    expect(kindsOf(said.filter(({ kind }) => kind !== 'status'))).toEqual([
      'prepare 0',
      'commit 0',
      'view-change 1',
      'certificate 0',
    ]);
    for (let ms = 0; ms < 11_000; ms += 10) {
      node.effects.length = 0;
      net.run(10);
      const kinds = node.effects.flatMap((effect) =>
        effect.type === 'recast' ? [decodeStatement(effect.message.payload)?.kind] : [],
      );
      if (kinds.length === 0) continue;
      times.push(net.agenda.now);
      expect(kinds.join(' ')).toBe('prepare commit view-change certificate');
    }
    const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
    expect(gaps).toEqual([500, 1000, 2000, 2000, 2000, 2000]);
  });

  it('of later heights by a weak quorum tells the host that blocks are missing', () => {
    const { net, node, height } = alone();
    const behind = () => node.effects.filter(({ type }) => type === 'behind');
    node.hear(signed(validator(2), vote('prepare', height + 2, HASH)));
    expect(behind()).toEqual([]);
    // The decision of our own height may be on its way.
    node.hear(signed(validator(3), vote('prepare', height + 1, HASH)));
    expect(behind()).toEqual([]);
    net.run(500);
    node.hear(signed(validator(3), vote('commit', height + 1, HASH)));
    expect(behind()).toEqual([{ type: 'behind', height: height + 1 }]);
    node.hear(signed(validator(3), vote('commit', height + 2, HASH)));
    expect(behind().at(-1)).toEqual({ type: 'behind', height: height + 2 });
  });
});

describe('after a restart', () => {
  it('own words count that came back before it', () => {
    const { net, node, height, hash } = candidate({ viewTimeoutMs: 1000 });
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    for (const from of [2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash)));
    // Past the view, so that the COMMIT is saved with its signature; the guard would not give it again.
    net.run(3000);
    node.kill();
    node.boot();
    net.run(100);
    for (const from of [0, 2]) node.hear(signed(validator(from), vote('commit', height, hash)));
    expect(node.decided).toBe(height);
  });

  it('what a later word has overtaken unsigned is not signed again: the signer may be past it', () => {
    const { net, node, height, hash } = candidate();
    for (const from of [2, 3]) node.hear(signed(validator(from), vote('prepare', height, hash)));
    const said: Statement[] = [];
    net.onCast = (from, statement) => {
      if (from !== node) return;
      said.push(statement);
      if (statement.kind === 'commit') node.kill();
    };
    // PREPARE and COMMIT in one step; neither comes back before the power goes.
    node.hear(signed(validator(0), vote('pre-prepare', height, hash)));
    expect(kindsOf(said)).toEqual(['prepare 0', 'commit 0']);
    net.onCast = (from, statement) => void (from === node && said.push(statement));
    node.boot();
    net.run(1000);
    expect(node.refused).toEqual([]);
    expect(kindsOf(said.filter(({ kind }) => kind !== 'status'))).toEqual(['prepare 0', 'commit 0', 'commit 0']);
    for (const from of [0, 2]) node.hear(signed(validator(from), vote('commit', height, hash)));
    expect(node.decided).toBe(height);
  });

  it('it can prove its view to others, and knows what may be proposed there', () => {
    const { net, node, height, hash } = candidate();
    node.hear(signed(validator(2), newView(height, 2, hash)));
    node.hear(signed(validator(2), vote('pre-prepare', height, hash, 2)));
    expect(node.status.details).toMatchObject({ view: 2, required: hash });
    node.kill();
    node.boot();
    expect(node.status.details).toMatchObject({ view: 2, required: hash });
    net.run(1000);
    const recast = node.effects.flatMap((effect) => (effect.type === 'recast' ? [effect.message] : []));
    expect(recast).toContainEqual(signed(validator(2), newView(height, 2, hash)));
  });
});

describe('own words', () => {
  const self = validator(1);

  it('only go forward, and are not said twice', () => {
    const words = new OwnWords(self, []);
    expect(words.say(vote('prepare', 3, HASH, 1))).toHaveLength(1);
    expect(words.say(vote('prepare', 3, OTHER, 1))).toEqual([]);
    expect(words.say(vote('pre-prepare', 3, OTHER, 1))).toEqual([]);
    expect(words.say(vote('commit', 3, OTHER, 0))).toEqual([]);
    expect(words.say(change(3, 1))).toEqual([]);
    expect(words.say(vote('commit', 3, HASH, 1))).toHaveLength(1);
    expect(words.say(change(3, 2))).toHaveLength(1);
  });

  it('said by a copy of this node are not contradicted', () => {
    const words = new OwnWords(self, []);
    words.heard(signed(self, vote('prepare', 3, HASH, 1)), vote('prepare', 3, HASH, 1));
    expect(words.say(vote('prepare', 3, OTHER, 1))).toEqual([]);
    expect(words.say(vote('commit', 3, HASH, 1))).toHaveLength(1);
  });

  it('without a signature are signed again, with one repeated', () => {
    const words = new OwnWords(self, []);
    const statement = vote('prepare', 3, HASH);
    const [cast] = words.say(statement);
    expect(words.repeat(() => true)).toEqual([cast]);
    const message = signed(self, statement);
    words.heard(message, statement);
    expect(words.repeat(() => true)).toEqual([{ type: 'recast', message }]);
    const restored = new OwnWords(self, words.list());
    expect(restored.signed()).toEqual([message]);
    expect(restored.say(vote('prepare', 3, OTHER))).toEqual([]);
  });
});

describe('the proposer', () => {
  const wish: Wish = {
    parent: HASH,
    height: 3,
    view: 0,
    notBefore: 5000,
    wantedFrom: 5000,
    emptyFrom: 5000,
    mayPublish: true,
  };
  const proposer = (): Proposer => new Proposer(pbftFactory.parseParams({}), new Uint8Array(0));

  it('asks a little ahead of time, and again when no answer comes, ever more rarely', () => {
    const under = proposer();
    expect(under.plan(wish, 4499)).toEqual([{ type: 'timer', id: 'build', at: 4500 }]);
    const asked: number[] = [];
    for (let now = 4500; now < 60_000; now += 100) {
      if (under.plan(wish, now).some(({ type }) => type === 'build')) asked.push(now);
    }
    const gaps = asked.slice(1).map((at, i) => at - (asked[i] ?? 0));
    expect(asked[0]).toBe(4500);
    expect(gaps.length).toBeGreaterThan(2);
    expect(gaps).toEqual(gaps.toSorted((a, b) => a - b));
  });

  it('makes no block that is too early for its parent, whatever our clock says', () => {
    for (const mayPublish of [true, false]) {
      const under = proposer();
      const times: number[] = [];
      for (const now of [60_000, 3000, 0, 4000, 4500, 70_000, 100]) {
        for (const effect of under.plan({ ...wish, mayPublish }, now)) {
          if (effect.type === 'build') times.push(effect.timeMs);
        }
        under.plan(null, now);
      }
      expect(times.length).toBeGreaterThan(2);
      expect(Math.min(...times)).toBe(wish.notBefore);
    }
  });

  it('gives up what nobody wishes for any more', () => {
    const under = proposer();
    under.plan(wish, 5000);
    expect(under.plan({ ...wish, parent: OTHER }, 5001)).toMatchObject([
      { type: 'drop', job: 1 },
      { type: 'build', job: 2, parent: OTHER },
      { type: 'timer' },
    ]);
    expect(under.plan(null, 5002)).toEqual([
      { type: 'drop', job: 2 },
      { type: 'drop-timer', id: 'build' },
    ]);
  });
});
