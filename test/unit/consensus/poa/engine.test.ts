import { describe, expect, it } from 'vitest';
import { poaFactory } from '../../../../consensus/poa/factory.ts';
import { encodeExtra, decodeExtra } from '../../../../consensus/poa/extra.ts';
import type { Bytes } from '../../../../src/types/primitives.ts';
import { authority, CHAIN, crypto, Harness, only, signedVote, START_MS } from './harness.ts';
import { rigHeader, sealed, fakeSign } from '../../../conformance/rig-parts.ts';

const [a, b, c, d] = [authority(0), authority(1), authority(2), authority(3)];

function persisted(harness: Harness): Map<string, Bytes> {
  const saved = new Map<string, Bytes>();
  for (const { key, value } of only(harness.effects, 'persist')) {
    if (value === null) saved.delete(key);
    else saved.set(key, value);
  }
  return saved;
}

describe('checkHeader', () => {
  const harness = new Harness({ authorities: 4, params: { epochBlocks: 3 } }).start();
  const [genesis, one] = harness.chain(1);
  if (genesis === undefined || one === undefined) throw new Error('a chain of one');
  const base = one.header.timeMs;
  harness.now = base + 60_000;

  it.each([
    ['in turn, at the earliest time', harness.make(one, c, { timeMs: base + 1000 }), 'accept', ''],
    ['in turn, before its time', harness.make(one, c, { timeMs: base + 999 }), 'reject', 'TIME_TOO_EARLY'],
    ['first backup, after its delay', harness.make(one, d, { timeMs: base + 1500 }), 'accept', ''],
    ['first backup, before it', harness.make(one, d, { timeMs: base + 1499 }), 'reject', 'TIME_TOO_EARLY'],
    ['second backup, before its own', harness.make(one, a, { timeMs: base + 1999 }), 'reject', 'TIME_TOO_EARLY'],
    ['sealed the block before', harness.make(one, b), 'reject', 'AUTHOR_RECENT'],
    ['nobody known', harness.make(one, authority(8)), 'reject', 'AUTHOR_UNAUTHORIZED'],
    ['too far ahead', harness.make(one, c, { timeMs: base + 61_501 }), 'later', 'TIME_AHEAD'],
    ['just within tolerance', harness.make(one, c, { timeMs: base + 61_500 }), 'accept', ''],
    ['rubbish in extra', harness.make(one, c, { extra: Uint8Array.of(1) }), 'reject', 'EXTRA_MALFORMED'],
    [
      'made for another chain',
      harness.make(one, c, { extra: encodeExtra({ chainId: 1, shard: 0, vote: null }) }),
      'reject',
      'EXTRA_OTHER_CHAIN',
    ],
    [
      'a vote of a stranger',
      harness.make(one, c, {
        votes: [
          signedVote(authority(9), { source: { epoch: 0, hash: genesis.hash }, target: { epoch: 1, hash: one.hash } }),
        ],
      }),
      'reject',
      'VOTER_UNKNOWN',
    ],
    [
      'a vote that is none',
      harness.make(one, c, { votes: [{ from: a, payload: Uint8Array.of(1), signature: new Uint8Array(65) }] }),
      'reject',
      'VOTE_MALFORMED',
    ],
    [
      'one vote twice',
      harness.make(one, c, {
        votes: [1, 2].map(() =>
          signedVote(a, { source: { epoch: 0, hash: genesis.hash }, target: { epoch: 1, hash: one.hash } }),
        ),
      }),
      'reject',
      'VOTE_TWICE',
    ],
  ] as const)('%s', (_, block, kind, code) => {
    const verdict = harness.check(block, one);
    expect(verdict.kind).toBe(kind);
    if (verdict.kind !== 'accept') expect(verdict.code).toBe(code);
    if (verdict.kind === 'later') expect(verdict.retryAt).toBe(base + 61_501 - 1500);
  });

  it('takes no authority vote in an epoch block', () => {
    const two = harness.make(one, c);
    harness.import(two);
    const vote = { subject: authority(7), authorize: true };
    expect(harness.check(harness.make(two, d, { vote }), two)).toEqual({ kind: 'reject', code: 'VOTE_IN_EPOCH_BLOCK' });
    expect(harness.check(harness.make(two, d), two)).toEqual({ kind: 'accept' });
  });

  it('waits for an unknown parent', () => {
    const orphan = harness.make(harness.make(one, d), a);
    const how = { origin: 'gossip', now: harness.now, votes: [], justification: null, peer: null } as const;
    expect(harness.engine.checkHeader(orphan.header, orphan.header, a, how)).toEqual({
      kind: 'later',
      code: 'PARENT_UNKNOWN',
    });
  });

  it('takes only so many blocks of one author and height from gossip', () => {
    const flooded = new Harness({ authorities: 4 }).start();
    for (let i = 0; i < 3; i++) flooded.import(flooded.make(flooded.genesis, b, { mark: i }));
    const another = flooded.make(flooded.genesis, b, { mark: 9 });
    expect(flooded.check(another, flooded.genesis)).toEqual({ kind: 'ignore', code: 'AUTHOR_FLOODS' });
    expect(flooded.check(another, flooded.genesis, 'sync')).toEqual({ kind: 'accept' });
  });

  it('counts those among them whose execution failed', () => {
    const flooded = new Harness({ authorities: 4 }).start();
    for (let mark = 0; mark < 3; mark++) {
      const { hash, header } = flooded.make(flooded.genesis, b, { mark });
      flooded.step({ type: 'invalid', hash, header, author: b, code: 'BLOCK_STATE_ROOT', justification: null });
    }
    const another = flooded.make(flooded.genesis, b, { mark: 9 });
    expect(flooded.check(another, flooded.genesis)).toEqual({ kind: 'ignore', code: 'AUTHOR_FLOODS' });
    const other = flooded.make(flooded.make(flooded.genesis, b), c);
    expect(flooded.check(other, flooded.make(flooded.genesis, b)).kind).not.toBe('ignore');
  });
});

describe('author', () => {
  it('throws SEAL_INVALID for a seal that names nobody', () => {
    const { engine, genesis } = new Harness({ authorities: 1 }).start();
    expect(() => engine.author(genesis.header)).toThrow(expect.objectContaining({ code: 'SEAL_INVALID' }));
    const header = sealed(rigHeader({ number: 1, timeMs: START_MS }), new Uint8Array(65));
    expect(() => engine.author(header)).toThrow(expect.objectContaining({ code: 'SEAL_INVALID' }));
  });
});

describe('sealing', () => {
  it('asks at once for the first block of an old genesis when in turn, and publishes what comes', () => {
    const harness = new Harness({ authorities: 4, self: b }).start();
    const [build] = only(harness.effects, 'build');
    expect(build).toMatchObject({ parent: harness.genesis.hash, timeMs: harness.now, votes: [] });
    expect(decodeExtra(build?.extra ?? new Uint8Array(0))).toEqual({ ...CHAIN, vote: null });
    const header = rigHeader({ parentHash: harness.genesis.hash, number: 1, timeMs: build?.timeMs ?? 0 });
    const effects = harness.step({ type: 'built', job: build?.job ?? 0, header });
    expect(effects.map(({ type }) => type).slice(0, 2)).toEqual(['persist', 'publish']);
    const slotStartMs = Math.floor(harness.now / 1000) * 1000;
    expect(only(effects, 'publish')[0]?.seal).toEqual({
      by: 'signature',
      guard: { kind: 'once', domain: 'seal', height: slotStartMs, round: 0, step: 0 },
    });
  });

  it('waits as a backup, by rank', () => {
    const harness = new Harness({ authorities: 4, self: d }).start();
    expect(only(harness.effects, 'build')).toEqual([]);
    // In turn is b, then c, then d; d asks a quarter of a delay ahead.
    expect(only(harness.effects, 'timer').at(-1)).toMatchObject({ id: 'seal', at: harness.now + 1000 - 125 });
    harness.now += 875;
    expect(only(harness.step({ type: 'timer', id: 'seal' }), 'build')[0]).toMatchObject({ timeMs: START_MS + 1000 });
  });

  it('drops its job when the head changes, and asks again on the new one in its turn', () => {
    const harness = new Harness({ authorities: 4, self: b }).start();
    const [build] = only(harness.effects, 'build');
    const effects = harness.import(harness.make(harness.genesis, c));
    expect(only(effects, 'drop')).toEqual([{ type: 'drop', job: build?.job }]);
    expect(only(effects, 'forkchoice')).toHaveLength(1);
    // A late answer to the dropped job says nothing.
    const header = rigHeader({ parentHash: harness.genesis.hash, number: 1, timeMs: harness.now });
    expect(harness.step({ type: 'built', job: build?.job ?? 0, header })).toEqual([]);
  });

  it('does not stall when a seal is refused, nor seal a slot twice', () => {
    const harness = new Harness({ authorities: 1, self: a }).start();
    const [build] = only(harness.effects, 'build');
    const header = rigHeader({ parentHash: harness.genesis.hash, number: 1, timeMs: build?.timeMs ?? 0 });
    const published = harness.step({ type: 'built', job: build?.job ?? 0, header });
    const wakeAt = only(published, 'timer').at(-1)?.at ?? 0;
    // Nothing comes back.
    harness.now = wakeAt;
    const retried = harness.step({ type: 'timer', id: 'seal' });
    harness.now = only(retried, 'timer').at(-1)?.at ?? 0;
    const [again] = only([...retried, ...harness.step({ type: 'timer', id: 'seal' })], 'build');
    expect(again?.timeMs).toBeGreaterThan((build?.timeMs ?? 0) + 999);
    const stale = harness.step({ type: 'built', job: again?.job ?? 0, header });
    expect(only(stale, 'publish')).toEqual([]);
  });

  it('remembers the slot over a restart', () => {
    const harness = new Harness({ authorities: 1, self: a }).start();
    const [build] = only(harness.effects, 'build');
    const header = rigHeader({ parentHash: harness.genesis.hash, number: 1, timeMs: build?.timeMs ?? 0 });
    harness.step({ type: 'built', job: build?.job ?? 0, header });
    const again = new Harness({ authorities: 1, self: a, saved: persisted(harness) }).start();
    expect(only(again.effects, 'build').every(({ timeMs }) => timeMs >= START_MS + 1000)).toBe(true);
  });

  it('refuses to start on damaged memory', () => {
    for (const key of ['seal', 'ffg', 'proposals']) {
      const saved = new Map([[key, Uint8Array.of(0xc1, 0x05)]]);
      const code = 'SAVED_VOTES_DAMAGED';
      expect(() => new Harness({ authorities: 1, self: a, saved })).toThrow(expect.objectContaining({ code }));
    }
  });

  it('asks again after a failure, and not at once', () => {
    const harness = new Harness({ authorities: 4, self: b }).start();
    const [build] = only(harness.effects, 'build');
    const effects = harness.step({ type: 'failed', job: build?.job ?? 0, code: 'TEST' });
    expect(only(effects, 'build')).toEqual([]);
    const wakeAt = only(effects, 'timer').at(-1)?.at ?? 0;
    expect(wakeAt).toBeGreaterThan(harness.now);
    harness.now = wakeAt;
    expect(only(harness.step({ type: 'timer', id: 'seal' }), 'build')).toHaveLength(1);
  });

  it('makes no blocks without demand when there is no block time, and one at once with it', () => {
    const harness = new Harness({ authorities: 4, self: b, params: { blockTimeMs: 0 } }).start();
    harness.now += 3_600_000;
    expect(harness.step({ type: 'timer', id: 'seal' })).toEqual([]);
    expect(only(harness.step({ type: 'demand', pendingTxs: 3 }), 'build')[0]).toMatchObject({ timeMs: harness.now });
  });
});

describe('voting', () => {
  it('saves, then casts, once for each new head, from what its branch justifies', () => {
    const harness = new Harness({ authorities: 4, self: a }).start();
    harness.chain(4);
    const casts = only(harness.effects, 'cast').map(({ guard }) => guard);
    expect(casts).toEqual([
      { kind: 'ffg', source: 0, target: 1 },
      { kind: 'ffg', source: 1, target: 2 },
      { kind: 'ffg', source: 2, target: 3 },
      { kind: 'ffg', source: 3, target: 4 },
    ]);
    for (const [i, effect] of harness.effects.entries()) {
      if (effect.type === 'cast') expect(harness.effects[i - 1]).toMatchObject({ type: 'persist', key: 'ffg' });
    }
  });

  it('moves safe and finalized with proof and anchor', () => {
    const harness = new Harness({ authorities: 4, self: null }).start();
    const blocks = harness.chain(4);
    const last = only(harness.effects, 'forkchoice').at(-1);
    expect(last).toMatchObject({ head: blocks[4]?.hash, safe: blocks[3]?.hash, finalized: blocks[2]?.hash });
    expect(last?.anchor).toBeInstanceOf(Uint8Array);
    expect(last?.justification).toBeInstanceOf(Uint8Array);
  });

  it('repeats its vote after a pause that grows, until the branch carries it', () => {
    const harness = new Harness({ authorities: 4, self: a }).start();
    const one = harness.make(harness.genesis, b);
    const effects = harness.import(one);
    const payload = only(effects, 'cast')[0]?.payload ?? new Uint8Array(0);
    const message = { from: a, payload, signature: fakeSign(crypto.messageDigest(payload), a) };
    harness.step({ type: 'message', message, peer: null });
    const pauses: number[] = [];
    let wakeAt = only(effects, 'timer').find(({ id }) => id === 'recast')?.at ?? 0;
    for (let i = 0; i < 5; i++) {
      pauses.push(wakeAt - harness.now);
      harness.now = wakeAt;
      const fired = harness.step({ type: 'timer', id: 'recast' });
      expect(only(fired, 'recast')).toEqual([{ type: 'recast', message }]);
      wakeAt = only(fired, 'timer').find(({ id }) => id === 'recast')?.at ?? 0;
    }
    expect(pauses).toEqual([2000, 4000, 8000, 8000, 8000]);
  });

  it('after a restart says the saved vote again and no other one for that height', () => {
    const harness = new Harness({ authorities: 4, self: a }).start();
    harness.import(harness.make(harness.genesis, b));
    const said = only(harness.effects, 'cast')[0];
    const again = new Harness({ authorities: 4, self: a, saved: persisted(harness) }).start();
    expect(only(again.effects, 'cast')).toEqual([said]);
    again.import(again.make(again.genesis, c));
    expect(only(again.effects, 'cast')).toHaveLength(1);
  });

  it('carries in its own block what it heard and the branch has not', () => {
    const harness = new Harness({ authorities: 4, self: c }).start();
    const one = harness.make(harness.genesis, b, { timeMs: START_MS });
    harness.import(one);
    const link = { source: { epoch: 0, hash: harness.genesis.hash }, target: { epoch: 1, hash: one.hash } };
    const votes = [a, b].map((voter) => signedVote(voter, link));
    for (const vote of votes) harness.hear(vote);
    harness.now += 500;
    expect(only(harness.step({ type: 'timer', id: 'seal' }), 'build')[0]?.votes).toEqual(votes);
  });
});

describe('evidence', () => {
  const judge = (evidence: Parameters<typeof poaFactory.judge>[1]) =>
    poaFactory.judge(poaFactory.parseParams({}), evidence, crypto, CHAIN);

  it('two blocks of one author in one slot', () => {
    const harness = new Harness({ authorities: 4 }).start();
    harness.import(harness.make(harness.genesis, b, { mark: 1 }));
    const effects = harness.import(harness.make(harness.genesis, b, { mark: 2 }));
    const [{ evidence } = { evidence: null }] = only(effects, 'evidence');
    expect(evidence).toMatchObject({ kind: 'headers', offender: b });
    expect(evidence === null ? null : judge(evidence)).toEqual({ offender: b, code: 'DOUBLE_SEAL', height: 1 });
    // Reported once, however long it goes on.
    expect(only(harness.import(harness.make(harness.genesis, b, { mark: 3 })), 'evidence')).toEqual([]);
  });

  it('not two blocks of one height in two slots: after a change of branch that is what an honest one must do', () => {
    const harness = new Harness({ authorities: 4 }).start();
    harness.import(harness.make(harness.genesis, b, { timeMs: START_MS }));
    const effects = harness.import(harness.make(harness.genesis, b, { timeMs: START_MS + 1000 }));
    expect(only(effects, 'evidence')).toEqual([]);
  });

  it('two votes for one height, by gossip or in a block', () => {
    const harness = new Harness({ authorities: 4 }).start();
    const [one, other] = [harness.make(harness.genesis, b), harness.make(harness.genesis, c)];
    const link = (block: typeof one) => ({
      source: { epoch: 0, hash: harness.genesis.hash },
      target: { epoch: 1, hash: block.hash },
    });
    harness.import(one);
    harness.import(other);
    harness.hear(signedVote(a, link(one)));
    const effects = harness.import(harness.make(one, d, { votes: [signedVote(a, link(other))] }));
    const [{ evidence } = { evidence: null }] = only(effects, 'evidence');
    expect(evidence === null ? null : judge(evidence)).toEqual({ offender: a, code: 'DOUBLE_VOTE', height: 1 });
  });
});

describe('proposals', () => {
  it('are saved, carried in own blocks oldest first, and dropped when final', () => {
    const harness = new Harness({ authorities: 1, self: a }).start();
    harness.step({ type: 'propose', subject: authority(5), authorize: true });
    harness.step({ type: 'propose', subject: authority(6), authorize: true });
    const restarted = new Harness({ authorities: 1, self: a, saved: persisted(harness) });
    restarted.start();
    const extra = only(restarted.effects, 'build')[0]?.extra ?? new Uint8Array(0);
    expect(decodeExtra(extra)?.vote).toEqual({ subject: authority(5), authorize: true });
    expect(restarted.engine.describe().details['proposals']).toHaveLength(2);
  });

  it('are taken back', () => {
    const harness = new Harness({ authorities: 1, self: a }).start();
    harness.step({ type: 'propose', subject: authority(5), authorize: true });
    harness.step({ type: 'propose', subject: authority(5), authorize: null });
    expect(only(harness.effects, 'persist').at(-1)).toEqual({ type: 'persist', key: 'proposals', value: null });
  });
});

describe('describe', () => {
  it('says who is missing when the chain stands', () => {
    const harness = new Harness({ authorities: 4, self: a }).start();
    const blocks = harness.chain(4);
    const head = blocks.at(-1) ?? harness.genesis;
    const source = blocks.at(-2) ?? harness.genesis;
    const link = {
      source: { epoch: source.header.number, hash: source.hash },
      target: { epoch: head.header.number, hash: head.hash },
    };
    harness.hear(signedVote(a, link));
    harness.hear(signedVote(b, link));
    for (let i = 0; i < 20; i++) {
      harness.now += 1000;
      harness.hear(signedVote(b, link));
    }
    const status = harness.engine.describe();
    expect(status.quorum).toEqual({ phase: 'finality', have: 2n, need: 3n, missing: [c, d] });
    expect(status.validators.map(({ state }) => state)).toEqual(['active', 'active', 'silent', 'silent']);
    expect(status.head.number).toBe(4);
    expect(status.finalized.number).toBe(2);
  });

  it('knows its role and whose turn it is', () => {
    const roleOf = (self: typeof a | null) => new Harness({ authorities: 4, self }).start().engine.describe();
    expect(roleOf(null)).toMatchObject({ role: 'follower', proposer: { now: b, next: c } });
    expect(roleOf(authority(8)).role).toBe('follower');
    expect(roleOf(b).role).toBe('proposer');
    expect(roleOf(d).role).toBe('validator');
  });
});

describe('catching up', () => {
  it('neither seals nor votes far behind, and tells of heights that more than a third speak of', () => {
    const harness = new Harness({ authorities: 4, self: c }).start();
    harness.step({ type: 'syncing', behindBlocks: 100 });
    const effects = harness.import(harness.make(harness.genesis, b), 'sync');
    expect(only(effects, 'cast')).toEqual([]);
    harness.now += 5000;
    expect(only(harness.step({ type: 'timer', id: 'seal' }), 'build')).toEqual([]);
    const far = (epoch: number) => ({
      source: { epoch: 0, hash: harness.genesis.hash },
      target: { epoch, hash: crypto.keccak256(Uint8Array.of(9)) },
    });
    expect(only(harness.hear(signedVote(a, far(50))), 'behind')).toEqual([]);
    expect(only(harness.hear(signedVote(b, far(40))), 'behind')).toEqual([{ type: 'behind', height: 40 }]);
    const caughtUp = harness.step({ type: 'syncing', behindBlocks: 0 });
    expect(only(caughtUp, 'cast')).toHaveLength(1);
  });
});
