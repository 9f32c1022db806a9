import { describe, expect, it } from 'vitest';
import { FAILED_BLOCKS_MAX, Blocks } from '../../../../consensus/pbft/blocks.ts';
import { PROPOSALS_PER_AUTHOR_MAX } from '../../../../consensus/pbft/header-check.ts';
import type { NewView } from '../../../../consensus/pbft/messages.ts';
import { alone, candidate, type Alone } from './alone.ts';
import { Net, signed, validator, type NetBlock, type NetNode } from './net.ts';
import { HASH } from './samples.ts';

/** What attackers make others execute: blocks that nobody has proposed. */

/** What would come of the block, on its header alone. */
function verdictOn({ net, node, parent }: Pick<Alone, 'net' | 'node' | 'parent'>, block: NetBlock): string {
  const how = { origin: 'gossip', now: net.agenda.now, votes: [], justification: null, peer: 'p' } as const;
  const verdict = node.engine?.checkHeader(block.header, parent.header, block.author, how);
  return verdict === undefined || verdict.kind === 'accept' ? 'accept' : `${verdict.kind} ${verdict.code}`;
}

/** It has a good header, and its execution fails. */
const fails = (node: NetNode, { hash, header, author }: NetBlock): void =>
  void node.step({ type: 'invalid', hash, header, author, code: 'BLOCK_GAS_USED', justification: null });

function newView(height: number, view: number): NewView {
  const changes = [0, 2, 3].map((i) => {
    const change = { kind: 'view-change', height, view, prepared: null } as const;
    return { from: validator(i), prepared: null, signature: signed(validator(i), change).signature };
  });
  return { kind: 'new-view', height, view, changes, certificate: null };
}

/** `alone`, when the next block is due. */
function due(): Alone {
  const scene = alone();
  scene.net.run(1000);
  return scene;
}

const sealBy = ({ net, parent }: Pick<Alone, 'net' | 'parent'>, author: number, mark: number): NetBlock =>
  net.node(author).seal(parent, parent.header.timeMs + 1000, mark);

describe('of one author', () => {
  it('so many come in, and more only when they are proposed', () => {
    const scene = due();
    const { node, height } = scene;
    for (let mark = 0; mark < 10; mark++) node.take(sealBy(scene, 0, mark));
    const taken = [...node.blocks.values()].filter(({ header }) => header.number === height);
    expect(taken).toHaveLength(PROPOSALS_PER_AUTHOR_MAX);
    const wanted = sealBy(scene, 0, 77);
    expect(verdictOn(scene, wanted)).toBe('ignore AUTHOR_FLOODS');
    node.hear(signed(validator(0), { kind: 'pre-prepare', height, view: 0, hash: wanted.hash }));
    expect(verdictOn(scene, wanted)).toBe('accept');
    expect(node.rejected).toEqual([]);
  });

  it('those that fail count as well', () => {
    const scene = due();
    const { node, height } = scene;
    let executed = 0;
    for (let mark = 0; mark < 100; mark++) {
      const block = sealBy(scene, 0, mark);
      if (verdictOn(scene, block) !== 'accept') continue;
      executed++;
      fails(node, block);
    }
    expect(executed).toBe(PROPOSALS_PER_AUTHOR_MAX);
    // What it proposes is executed all the same, once: nobody fetches what has failed.
    const proposed = sealBy(scene, 0, 77);
    node.hear(signed(validator(0), { kind: 'pre-prepare', height, view: 0, hash: proposed.hash }));
    expect(verdictOn(scene, proposed)).toBe('accept');
    fails(node, proposed);
    node.effects.length = 0;
    scene.net.run(1500);
    expect(node.effects.filter(({ type }) => type === 'fetch')).toEqual([]);
  });

  it('those above a candidate are counted in the same way', () => {
    const scene = candidate();
    const { net, node, block: parent } = scene;
    net.run(1500);
    const child = (mark: number): NetBlock => net.node(0).seal(parent, parent.header.timeMs + 1000, mark);
    const above = { net, node, parent };
    for (let mark = 0; mark < PROPOSALS_PER_AUTHOR_MAX; mark++) {
      expect(verdictOn(above, child(mark))).toBe('accept');
      fails(node, child(mark));
    }
    expect(verdictOn(above, child(9))).toBe('ignore AUTHOR_FLOODS');
    expect(verdictOn(above, net.node(3).seal(parent, parent.header.timeMs + 1000))).toBe('ignore AUTHOR_NOT_LEADING');
  });
});

describe('of validators', () => {
  it('only the next few to lead are heard unasked', () => {
    const scene = due();
    const { node, height } = scene;
    const verdicts = (): string[] => [0, 1, 2, 3].map((author) => verdictOn(scene, sealBy(scene, author, 0)));
    const not = 'ignore AUTHOR_NOT_LEADING';
    expect(verdicts()).toEqual(['accept', 'accept', 'accept', not]);
    node.hear(signed(validator(3), newView(height, 3)));
    expect(node.status.clock.value).toBe(3);
    expect(verdicts()).toEqual(['accept', 'accept', not, 'accept']);
    const required = sealBy(scene, 2, 0);
    node.hear(signed(validator(3), { kind: 'pre-prepare', height, view: 3, hash: required.hash }));
    expect(verdicts()).toEqual(['accept', 'accept', 'accept', 'accept']);
  });

  it('own blocks and stored ones are not asked who leads', () => {
    const scene = due();
    const { net, node, parent } = scene;
    const block = sealBy(scene, 3, 0);
    for (const origin of ['own', 'replay'] as const) {
      const how = { origin, now: net.agenda.now, votes: [], justification: null, peer: null };
      expect(node.engine?.checkHeader(block.header, parent.header, block.author, how).kind).toBe('accept');
    }
  });

  it('a proposal that was ignored when it came is fetched, and decided in time', () => {
    const net = new Net({ validators: 4, params: { blockTimeMs: 1000, viewTimeoutMs: 2000 } }).start();
    net.until(() => net.decided >= 2);
    const height = net.decided + 1;
    const liar = net.node(0);
    liar.isMute = true;
    net.run(1000);
    const parent = liar.blocks.get(net.chain()[height - 1] ?? '0x');
    if (parent === undefined) throw new Error('the parent is known');
    const others = net.nodes.filter((node) => node !== liar);
    const blocks = [1, 2, 3].map((mark) => liar.seal(parent, parent.header.timeMs + 1000, mark));
    for (const node of others) for (const block of blocks) node.take(block);
    const last = blocks.at(-1) ?? parent;
    for (const node of others) expect(node.blocks.has(last.hash)).toBe(false);
    liar.take(last, 'own');
    for (const node of others) {
      node.hear(signed(liar.address, { kind: 'pre-prepare', height, view: 0, hash: last.hash }));
    }
    net.run(600);
    expect(others.map(({ finals }) => finals.get(height))).toEqual([last.hash, last.hash, last.hash]);
  });
});

it('failed blocks are remembered in a bounded number, and not below the last decision', () => {
  const { parent, block } = candidate();
  const blocks = new Blocks({ ...parent, validatorsBefore: undefined });
  const number = parent.header.number + 1;
  for (let i = 0; i < FAILED_BLOCKS_MAX + 10; i++) {
    blocks.fail(`0x${i.toString(16).padStart(64, '0')}`, { author: validator(0), number });
  }
  expect(blocks.countBy(validator(0), number)).toBe(FAILED_BLOCKS_MAX);
  blocks.fail(HASH, { author: validator(0), number: number - 1 });
  expect(blocks.hasFailed(HASH)).toBe(false);
  blocks.add(block);
  blocks.decide(block.hash);
  expect(blocks.countBy(validator(0), number)).toBe(0);
});
