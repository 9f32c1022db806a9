import { describe, expect, it } from 'vitest';
import type { EngineEffect } from '../../../../consensus/api/effect.ts';
import { targetOf } from '../../../../consensus/pow/compact.ts';
import { decodeExtra } from '../../../../consensus/pow/extra.ts';
import type { UnsealedHeader } from '../../../../src/types/block.ts';
import type { Bytes } from '../../../../src/types/primitives.ts';
import { findNonce, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { CHAIN, crypto, Harness, only, START_MS } from './harness.ts';

const self = rigAddress(0);
type Of<T extends EngineEffect['type']> = Extract<EngineEffect, { type: T }>;

function one<T extends EngineEffect['type']>(effects: readonly EngineEffect[], type: T): Of<T> {
  const [effect, ...rest] = only(effects, type);
  if (effect === undefined || rest.length > 0) throw new Error(`one ${type}, not ${rest.length + 1}`);
  return effect;
}

function answer(build: Of<'build'>, number = 1, gasUsed = 0): UnsealedHeader {
  const { parent, timeMs, extra } = build;
  return rigHeader({ parentHash: parent, number, timeMs, extra, gasUsed, beneficiary: self });
}

function nonceFor({ data, target }: Of<'work'>): Bytes {
  return findNonce(data, target, 0).nonce ?? new Uint8Array(0);
}

/** Started, and asked for a block. */
function miner(params: object = {}): { harness: Harness; build: Of<'build'> } {
  const harness = new Harness({ self, params }).start();
  return { harness, build: one(harness.effects, 'build') };
}

/** Searching for a nonce for its first block. */
function searching(params: object = {}, gasUsed = 0): { harness: Harness; build: Of<'build'>; work: Of<'work'> } {
  const { harness, build } = miner(params);
  const effects = harness.step({ type: 'built', job: build.job, header: answer(build, 1, gasUsed) });
  return { harness, build, work: one(effects, 'work') };
}

describe('mining', () => {
  it('asks for a block, searches, publishes what is found, and its block is accepted', () => {
    const { harness, build, work } = searching();
    expect(build).toMatchObject({ parent: harness.genesis.hash, timeMs: START_MS, votes: [] });
    const bits = decodeExtra(build.extra)?.bits ?? 0;
    expect(decodeExtra(build.extra)).toEqual({ ...CHAIN, bits });
    expect(work).toMatchObject({ job: build.job, target: targetOf(bits) });
    expect(work.data).toHaveLength(80);
    const publish = one(harness.step({ type: 'worked', job: work.job, value: nonceFor(work) }), 'publish');
    expect(publish).toMatchObject({ job: build.job, header: answer(build), seal: { by: 'value' } });
    const seal = publish.seal.by === 'value' ? publish.seal.value : new Uint8Array(0);
    expect([...seal]).toEqual([0, 0, 0, 0, ...nonceFor(work)]);
    const header = sealed(publish.header, seal);
    const made = { hash: crypto.headerHash(header), header, pow: harness.make(harness.genesis).pow };
    expect(harness.check(made)).toEqual({ kind: 'accept' });
    const effects = harness.import(made, 'own');
    expect(one(effects, 'build').parent).toBe(made.hash);
    expect(harness.engine.describe().counters['blocksMined']).toBe(1);
  });

  it('does nothing without a key, before it is ready, and after the stop', () => {
    const follower = new Harness().start();
    expect(only(follower.importAll(follower.chain(follower.genesis, 2)), 'build')).toEqual([]);
    const silent = new Harness({ self });
    silent.begin(silent.genesis, null).import(silent.make(silent.genesis), 'replay');
    expect(silent.effects).toEqual([]);
    const { harness, work } = searching();
    harness.step({ type: 'stop' });
    expect(harness.step({ type: 'worked', job: work.job, value: nonceFor(work) })).toEqual([]);
  });

  it('ends the search in the step in which the head changes, and begins anew on it', () => {
    const { harness, work } = searching();
    const theirs = harness.make(harness.genesis);
    const effects = harness.import(theirs);
    expect(one(effects, 'drop').job).toBe(work.job);
    const build = one(effects, 'build');
    expect(build.parent).toBe(theirs.hash);
    expect(build.job).not.toBe(work.job);
    expect(harness.step({ type: 'worked', job: work.job, value: nonceFor(work) })).toEqual([]);
    // The build that is under way goes the same way.
    const next = harness.import(harness.make(theirs));
    expect(one(next, 'drop').job).toBe(build.job);
    expect(harness.step({ type: 'built', job: build.job, header: answer(build, 2) })).toEqual([]);
  });

  it('goes on with its search when a block comes that does not become the head', () => {
    const { harness } = searching();
    const build = one(harness.import(harness.make(harness.genesis)), 'build');
    const work = one(harness.step({ type: 'built', job: build.job, header: answer(build, 2) }), 'work');
    expect(harness.import(harness.make(harness.genesis, { mark: 1 }))).toEqual([]);
    expect(one(harness.step({ type: 'worked', job: work.job, value: nonceFor(work) }), 'publish').job).toBe(work.job);
  });

  it("its block's time is after its parent's, even where that is ahead of the clock", () => {
    const { harness } = miner();
    const ahead = harness.make(harness.genesis, { afterMs: 60_400 });
    harness.now = START_MS;
    const { hash, header } = ahead;
    const state = { validators: [], votes: [] };
    const how = { author: self, votes: [], origin: 'gossip', justification: null } as const;
    const effects = harness.step({ type: 'imported', hash, header, state, ...how });
    expect(one(effects, 'build').timeMs).toBe(START_MS + 401);
  });
});

describe('a fresher block', () => {
  it('is asked for now and then, and takes over the search only when it is built', () => {
    const { harness, work } = searching({ refreshMs: 700 });
    expect(harness.engine.describe().timers).toEqual([{ id: 'mine', at: START_MS + 700 }]);
    harness.now += 699;
    expect(harness.step({ type: 'timer', id: 'mine' })).toEqual([{ type: 'timer', id: 'mine', at: START_MS + 700 }]);
    harness.now += 1;
    const asked = harness.step({ type: 'timer', id: 'mine' });
    const build = one(asked, 'build');
    expect(build.timeMs).toBe(START_MS + 700);
    expect(only(asked, 'drop')).toEqual([]);
    const effects = harness.step({ type: 'built', job: build.job, header: answer(build) });
    expect(effects.map(({ type }) => type)).toEqual(['drop', 'work', 'timer']);
    expect(one(effects, 'drop').job).toBe(work.job);
    expect(one(effects, 'work').job).toBe(build.job);
    expect(Buffer.from(one(effects, 'work').data)).not.toEqual(Buffer.from(work.data));
  });

  it('does not keep the old search from winning', () => {
    const { harness, work } = searching();
    harness.now += 1000;
    const build = one(harness.step({ type: 'timer', id: 'mine' }), 'build');
    const effects = harness.step({ type: 'worked', job: work.job, value: nonceFor(work) });
    expect(one(effects, 'publish').job).toBe(work.job);
    expect(one(effects, 'drop').job).toBe(build.job);
  });

  it('is asked for at once when transactions wait and the block has none', () => {
    const { harness } = searching();
    harness.now += 10;
    expect(only(harness.step({ type: 'demand', pendingTxs: 0 }), 'build')).toEqual([]);
    expect(one(harness.step({ type: 'demand', pendingTxs: 1 }), 'build').timeMs).toBe(START_MS + 10);
    // One is enough.
    expect(only(harness.step({ type: 'demand', pendingTxs: 2 }), 'build')).toEqual([]);
  });

  it('waits its time when the block has some already', () => {
    const { harness } = searching({}, 21_000);
    harness.now += 10;
    expect(only(harness.step({ type: 'demand', pendingTxs: 5 }), 'build')).toEqual([]);
  });

  it('is asked for once more when transactions came while an empty one was being built', () => {
    const { harness, build } = miner();
    expect(harness.step({ type: 'demand', pendingTxs: 1 })).toEqual([]);
    const effects = harness.step({ type: 'built', job: build.job, header: answer(build) });
    const again = one(effects, 'build');
    const after = harness.step({ type: 'built', job: again.job, header: answer(again) });
    expect(only(after, 'build')).toEqual([]);
  });

  it('is not when those got in', () => {
    const { harness, build } = miner();
    harness.step({ type: 'demand', pendingTxs: 1 });
    const effects = harness.step({ type: 'built', job: build.job, header: answer(build, 1, 21_000) });
    expect(only(effects, 'build')).toEqual([]);
  });
});

describe('answers that fail or never come', () => {
  const failing: readonly (readonly [string, (harness: Harness, build: Of<'build'>) => void])[] = [
    ['a build that fails', (harness, { job }) => harness.step({ type: 'failed', job, code: 'TEST' })],
    ['a build that never ends', () => {}],
    [
      'a search that the host can not do',
      (harness, build) => {
        harness.step({ type: 'built', job: build.job, header: answer(build) });
        harness.step({ type: 'failed', job: build.job, code: 'WORK_UNSUPPORTED' });
      },
    ],
    [
      'a search that is said to be over at once',
      (harness, build) => {
        harness.step({ type: 'built', job: build.job, header: answer(build) });
        harness.step({ type: 'failed', job: build.job, code: 'WORK_EXHAUSTED' });
      },
    ],
    [
      'a nonce that does not meet the target',
      (harness, build) => {
        const { data, target } = one(harness.step({ type: 'built', job: build.job, header: answer(build) }), 'work');
        const value = new Uint8Array(4);
        while (findNonce(data, target, value[0] ?? 0, 1).nonce !== null) value[0] = (value[0] ?? 0) + 1;
        value[0] = (value[0] ?? 0) + 1;
        expect(only(harness.step({ type: 'worked', job: build.job, value }), 'publish')).toEqual([]);
      },
    ],
    [
      'a block for another parent',
      (harness, build) => {
        const header = { ...answer(build), parentHash: crypto.keccak256(Uint8Array.of(1)) };
        expect(only(harness.step({ type: 'built', job: build.job, header }), 'work')).toEqual([]);
      },
    ],
    [
      'a published block that never comes back',
      (harness, build) => {
        const work = one(harness.step({ type: 'built', job: build.job, header: answer(build) }), 'work');
        harness.step({ type: 'worked', job: build.job, value: nonceFor(work) });
      },
    ],
    [
      'a published block that is refused',
      (harness, build) => {
        const work = one(harness.step({ type: 'built', job: build.job, header: answer(build) }), 'work');
        harness.step({ type: 'worked', job: build.job, value: nonceFor(work) });
        harness.step({ type: 'failed', job: build.job, code: 'JOB_UNKNOWN' });
      },
    ],
  ];

  it.each(failing)('%s: tried again after a pause that grows, never at once', (_, fail) => {
    const { harness, build } = miner({ refreshMs: 3_600_000 });
    let current = build;
    let pausesMs = 0;
    for (let tries = 0; tries < 5; tries++) {
      const begunAt = harness.now;
      const before = harness.effects.length;
      fail(harness, current);
      expect(only(harness.effects.slice(before), 'build')).toEqual([]);
      let found: Of<'build'> | undefined;
      for (let waits = 0; found === undefined && waits < 5; waits++) {
        const [timer] = harness.engine.describe().timers;
        if (timer === undefined) throw new Error('a timer is set');
        harness.now = timer.at;
        found = only(harness.step({ type: 'timer', id: timer.id }), 'build')[0];
      }
      if (found === undefined) throw new Error('it tries again');
      current = found;
      expect(harness.now - begunAt).toBeGreaterThanOrEqual(500);
      expect(harness.now - begunAt).toBeLessThan(90_000);
      pausesMs += harness.now - begunAt;
    }
    expect(pausesMs).toBeGreaterThan(5 * 500);
    // Another head ends the waiting.
    expect(one(harness.import(harness.make(harness.genesis)), 'build').parent).not.toBe(harness.genesis.hash);
  });

  it('a search of which nothing is heard is made good by the next filling', () => {
    const { harness } = searching();
    harness.now += 1000;
    const build = one(harness.step({ type: 'timer', id: 'mine' }), 'build');
    expect(only(harness.step({ type: 'built', job: build.job, header: answer(build) }), 'work')).toHaveLength(1);
  });

  it('all nonces tried: the version rolls on, and goes into the seal', () => {
    const { harness, work } = searching({ refreshMs: 3_600_000 });
    harness.now += 60_000;
    const rolled = one(harness.step({ type: 'failed', job: work.job, code: 'WORK_EXHAUSTED' }), 'work');
    expect(rolled.job).toBe(work.job);
    expect([...rolled.data.subarray(0, 4)]).toEqual([1, 0, 0, 0]);
    expect(Buffer.from(rolled.data.subarray(4))).toEqual(Buffer.from(work.data.subarray(4)));
    const { header, seal } = one(harness.step({ type: 'worked', job: work.job, value: nonceFor(rolled) }), 'publish');
    const full = sealed(header, seal.by === 'value' ? seal.value : new Uint8Array(0));
    expect([...full.seal.subarray(0, 4)]).toEqual([1, 0, 0, 0]);
    expect(harness.check({ ...harness.genesis, header: full })).toEqual({ kind: 'accept' });
  });
});

describe('a search that broke off', () => {
  it('is begun anew after a pause, and the version stays', () => {
    const { harness, work } = searching({ refreshMs: 3_600_000 });
    harness.now += 60_000;
    expect(only(harness.step({ type: 'failed', job: work.job, code: 'WORK_LOST' }), 'work')).toEqual([]);
    const [timer] = harness.engine.describe().timers;
    expect(timer?.at).toBeGreaterThanOrEqual(harness.now + 500);
    harness.now = timer?.at ?? 0;
    const build = one(harness.step({ type: 'timer', id: 'mine' }), 'build');
    const again = one(harness.step({ type: 'built', job: build.job, header: answer(build) }), 'work');
    expect([...again.data.subarray(0, 4)]).toEqual([0, 0, 0, 0]);
  });
});

describe('far behind', () => {
  it('it does not mine, but not for ever on a mere word', () => {
    const { harness, work } = searching();
    const effects = harness.step({ type: 'syncing', behindBlocks: 100 });
    expect(one(effects, 'drop').job).toBe(work.job);
    expect(harness.engine.describe().role).toBe('follower');
    const block = harness.make(harness.genesis);
    expect(only(harness.import(block, 'sync'), 'build')).toEqual([]);
    expect(one(harness.step({ type: 'syncing', behindBlocks: 0 }), 'build').parent).toBe(block.hash);
    harness.step({ type: 'syncing', behindBlocks: 100 });
    harness.now += 10_000;
    expect(only(harness.step({ type: 'timer', id: 'sync' }), 'build')).toHaveLength(1);
  });

  it('mines on while its head is young, whatever is said and fed', () => {
    const harness = new Harness({ params: { confirmations: 50, retargetBlocks: 1000 }, self }).start();
    const trunk = harness.chain(harness.genesis, 3);
    const fed = harness.chain(harness.genesis, 3, { mark: 5 });
    harness.importAll(trunk);
    harness.now = (trunk.at(-1) as (typeof trunk)[number]).header.timeMs;
    harness.step({ type: 'syncing', behindBlocks: 1000 });
    for (const block of fed) {
      harness.import(block, 'sync');
      expect(harness.engine.describe()).toMatchObject({ role: 'proposer', details: { isLagging: false } });
      harness.now += 6_000;
    }
    // An old one is another matter.
    harness.now += 20_000;
    harness.import(harness.make(trunk.at(-1) as (typeof trunk)[number]), 'sync');
    expect(harness.engine.describe()).toMatchObject({ role: 'follower', details: { isLagging: true } });
  });
});
