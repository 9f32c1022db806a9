import { describe, expect, it } from 'vitest';
import { encodeExtra } from '../../../../consensus/pow/extra.ts';
import { initialBits } from '../../../../consensus/pow/params.ts';
import { fakeSign, rigAddress, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { CHAIN, Harness, only, START_MS, type MadeBlock } from './harness.ts';

const last = (blocks: readonly MadeBlock[]): MadeBlock => {
  const block = blocks.at(-1);
  if (block === undefined) throw new Error('a chain has blocks');
  return block;
};

describe('checkHeader', () => {
  const harness = new Harness().start();
  const [one] = harness.chain(harness.genesis, 1, { afterMs: 60_000 });
  if (one === undefined) throw new Error('a chain of one');
  harness.import(one);
  const bits = initialBits(harness.params);
  const easier = 0x20200000;

  it.each([
    ['a good one', harness.make(one), 'accept', ''],
    ['too little work', harness.make(one, { isUnworked: true }), 'reject', 'POW_WORK'],
    ['an easier target than the rules ask for', harness.make(one, { bits: easier }), 'reject', 'POW_BITS'],
    ['a harder one', harness.make(one, { bits: bits - 1 }), 'reject', 'POW_BITS'],
    ['rubbish in extra', sealedAs(harness.make(one), { extra: Uint8Array.of(1) }), 'reject', 'EXTRA_MALFORMED'],
    [
      'made for another chain',
      harness.make(one, { extra: encodeExtra({ chainId: 1, shard: 0, bits }) }),
      'reject',
      'EXTRA_OTHER_CHAIN',
    ],
    [
      'made for another shard',
      harness.make(one, { extra: encodeExtra({ ...CHAIN, shard: 1, bits }) }),
      'reject',
      'EXTRA_OTHER_CHAIN',
    ],
    ['a seal of another size', sealedAs(harness.make(one), { seal: new Uint8Array(9) }), 'reject', 'SEAL_INVALID'],
    ['a height that is not the next', sealedAs(harness.make(one), { number: 7 }), 'reject', 'NUMBER_INVALID'],
    ['a time before the median', harness.make(one, { afterMs: -1 }), 'reject', 'POW_TIME_OLD'],
    ['the time of the median', harness.make(one, { afterMs: 0 }), 'reject', 'POW_TIME_OLD'],
    ['a later one', harness.make(one, { afterMs: 1 }), 'accept', ''],
    ['just within what clocks may differ', harness.make(one, { afterMs: 500 }), 'accept', ''],
    ['further ahead', harness.make(one, { afterMs: 501 }), 'later', 'POW_TIME_AHEAD'],
  ] as const)('%s', (_, block, kind, code) => {
    harness.now = one.header.timeMs;
    const how = { origin: 'gossip', now: harness.now, votes: [], justification: null, peer: null } as const;
    // The good one and the time's tests are about now.
    if (kind === 'accept' && block.header.timeMs > harness.now + 500) harness.now = block.header.timeMs;
    const verdict = harness.engine.checkHeader(block.header, one.header, rigAddress(7), { ...how, now: harness.now });
    expect(verdict.kind).toBe(kind);
    if (verdict.kind !== 'accept') expect(verdict.code).toBe(code);
    if (verdict.kind === 'later') expect(verdict.retryAt).toBe(one.header.timeMs + 1);
  });

  it('the work covers everything in the header and the seal', () => {
    const block = harness.make(one);
    harness.now = block.header.timeMs;
    const workLost = (changed: Partial<MadeBlock['header']>): number => {
      let lost = 0;
      // One change in sixteen meets the target by luck.
      for (let i = 0; i < 8; i++) {
        const marked = harness.make(one, { mark: i });
        if (harness.check(sealedAs(marked, changed)).kind === 'reject') lost++;
      }
      return lost;
    };
    expect(workLost({ beneficiary: rigAddress(3) })).toBeGreaterThan(4);
    expect(workLost({ gasUsed: 21_000 })).toBeGreaterThan(4);
    expect(workLost({ stateRoot: one.hash })).toBeGreaterThan(4);
    expect(workLost({ seal: Uint8Array.of(1, 0, 0, 0, 1, 2, 3, 4) })).toBeGreaterThan(4);
    expect(harness.check(block)).toEqual({ kind: 'accept' });
  });

  it('takes no votes', () => {
    const message = { from: rigAddress(1), payload: new Uint8Array(1), signature: fakeSign(one.hash, rigAddress(1)) };
    const block = harness.make(one);
    const how = {
      origin: 'gossip',
      now: harness.now + 5000,
      votes: [message],
      justification: null,
      peer: null,
    } as const;
    expect(harness.engine.checkHeader(block.header, one.header, rigAddress(7), how)).toEqual({
      kind: 'reject',
      code: 'POW_VOTES',
    });
    expect(harness.engine.checkMessage(message).kind).toBe('reject');
  });

  it('waits for a parent that was not taken in', () => {
    const orphan = harness.make(harness.make(one));
    expect(harness.check(orphan)).toEqual({ kind: 'later', code: 'PARENT_UNKNOWN' });
    expect(new Harness().check(one)).toEqual({ kind: 'later', code: 'NOT_STARTED' });
  });
});

function sealedAs(block: MadeBlock, changed: Partial<MadeBlock['header']>): MadeBlock {
  return { ...block, header: { ...block.header, ...changed } };
}

describe('author', () => {
  it('is who is paid; other seals and extras name nobody', () => {
    const { engine, genesis, ...rest } = new Harness().start();
    const harness = new Harness();
    const block = harness.make(harness.genesis);
    expect(engine.author(block.header)).toBe(rigAddress(7));
    const broken = [
      genesis.header,
      sealed(block.header, new Uint8Array(65)),
      sealed({ ...rigHeader({ number: 1, timeMs: START_MS }), extra: Uint8Array.of(0xc0) }, new Uint8Array(8)),
    ];
    for (const header of broken) {
      expect(() => engine.author(header)).toThrow(expect.objectContaining({ code: 'SEAL_INVALID' }));
    }
    expect(rest.effects).toEqual([expect.objectContaining({ type: 'forkchoice' })]);
  });
});

describe('the head', () => {
  it('of two alike stays the one seen first', () => {
    const harness = new Harness().start();
    const [a, b] = [harness.make(harness.genesis, { mark: 1 }), harness.make(harness.genesis, { mark: 2 })];
    harness.import(a);
    expect(only(harness.import(b), 'forkchoice')).toEqual([]);
    expect(harness.head).toBe(a.hash);
    const [overA, overB] = [harness.make(a), harness.make(b)];
    harness.import(overB);
    expect(harness.head).toBe(overB.hash);
    harness.import(overA);
    expect(harness.head).toBe(overB.hash);
    expect(harness.engine.describe().counters).toMatchObject({ reorgs: 1 });
  });

  it.each([1, 2, 30])('changes branch %i deep, when the other is strictly heavier', (depth) => {
    const harness = new Harness({ params: { confirmations: 50, retargetBlocks: 1000 } }).start();
    const trunk = harness.chain(harness.genesis, 3);
    const ours = harness.chain(last(trunk), depth, { mark: 1 });
    const theirs = harness.chain(last(trunk), depth + 1, { mark: 2 });
    harness.importAll([...trunk, ...ours]);
    harness.importAll(theirs.slice(0, -1));
    expect(harness.head).toBe(last(ours).hash);
    expect(only(harness.import(last(theirs)), 'forkchoice')).toEqual([
      { type: 'forkchoice', head: last(theirs).hash, safe: expect.any(String), finalized: harness.genesis.hash },
    ]);
    expect(harness.head).toBe(last(theirs).hash);
    expect(harness.engine.describe().details['reorgDepthMax']).toBe(depth);
  });

  it('is decided by work, not by length', () => {
    const harness = new Harness({ params: { retargetBlocks: 2, confirmations: 50, hashRate: 64 } }).start();
    // Blocks in a hurry get harder, blocks that take their time easier.
    const long = harness.chain(harness.genesis, 9, { afterMs: 8000, mark: 1 });
    const short = harness.chain(harness.genesis, 7, { afterMs: 100, mark: 2 });
    expect(last(short).pow.totalWork).toBeGreaterThan(last(long).pow.totalWork);
    harness.importAll(long);
    expect(harness.head).toBe(last(long).hash);
    harness.importAll(short);
    expect(harness.head).toBe(last(short).hash);
    expect(harness.engine.describe().head.number).toBe(7);
    const longer = harness.chain(last(long), 3, { afterMs: 8000 });
    harness.importAll(longer);
    expect(harness.head).toBe(last(short).hash);
  });

  it('is told with safe and finalized below it, and what is final is forgotten', () => {
    const harness = new Harness({ params: { confirmations: 5 } }).start();
    const blocks = harness.chain(harness.genesis, 12);
    const fork = harness.make(blocks[5] ?? harness.genesis, { mark: 9 });
    harness.importAll(blocks.slice(0, 8));
    harness.import(fork);
    const effects = harness.importAll(blocks.slice(8));
    expect(only(effects, 'forkchoice').at(-1)).toEqual({
      type: 'forkchoice',
      head: blocks[11]?.hash,
      safe: blocks[8]?.hash,
      finalized: blocks[6]?.hash,
      anchor: expect.any(Uint8Array),
    });
    expect(harness.engine.validatorsFor(fork.hash)).toBeUndefined();
    expect(harness.engine.validatorsFor(blocks[8]?.hash ?? '0x')).toEqual([]);
    expect(harness.check(harness.make(fork))).toEqual({ kind: 'later', code: 'PARENT_UNKNOWN' });
    expect(harness.engine.describe().counters['treeBlocks']).toBe(6);
  });

  it('a reorg to fewer blocks does not take finality back', () => {
    const harness = new Harness({ params: { retargetBlocks: 2, confirmations: 4, hashRate: 64 } }).start();
    const trunk = harness.chain(harness.genesis, 4, { afterMs: 100 });
    const long = harness.chain(last(trunk), 4, { afterMs: 20_000 });
    harness.importAll([...trunk, ...long]);
    expect(harness.finalized).toBe(last(trunk).hash);
    const short = harness.chain(last(trunk), 3, { afterMs: 1 });
    expect(last(short).pow.totalWork).toBeGreaterThan(last(long).pow.totalWork);
    const effects = harness.importAll(short);
    expect(only(effects, 'forkchoice').at(-1)).toMatchObject({ head: last(short).hash, finalized: last(trunk).hash });
  });

  it('what is replayed gets final only when all of it is there', () => {
    const params = { retargetBlocks: 2, confirmations: 4, hashRate: 64 };
    const harness = new Harness({ params }).begin(new Harness({ params }).genesis, null);
    const long = harness.chain(harness.genesis, 6, { afterMs: 8000 });
    const short = harness.chain(harness.genesis, 5, { afterMs: 1 });
    expect(last(short).pow.totalWork).toBeGreaterThan(last(long).pow.totalWork);
    for (const block of [...long, ...short]) expect(harness.import(block, 'replay')).toEqual([]);
    expect(only(harness.step({ type: 'ready' }), 'forkchoice')).toMatchObject([
      { head: last(short).hash, finalized: short[0]?.hash, anchor: expect.any(Uint8Array) },
    ]);
  });
});

describe('the difficulty', () => {
  const bitsOfChain = (afterMs: number, blocks: number): number[] => {
    const harness = new Harness({ params: { retargetBlocks: 4 } }).start();
    const chain = harness.chain(harness.genesis, blocks, { afterMs });
    harness.importAll(chain);
    return chain.map(({ pow }) => pow.bits);
  };
  // 2^256 / 16.
  const first = 0x20100000;

  it('changes every so many blocks: twice as hard where blocks take half the time', () => {
    const halved = [0x20080000, 0x20080000, 0x20080000, 0x20080000];
    expect(bitsOfChain(500, 8)).toEqual([first, first, first, ...halved, 0x20040000]);
  });

  it('falls again, by at most a factor of four, down to the limit', () => {
    expect(bitsOfChain(60_000, 8).slice(2)).toEqual([
      first,
      0x20400000,
      0x20400000,
      0x20400000,
      0x20400000,
      0x207fffff,
    ]);
  });

  it('stays where blocks keep their time, the first window without genesis included', () => {
    const harness = new Harness({ params: { retargetBlocks: 4 } });
    const one = harness.make(harness.genesis, { afterMs: 10 ** 9 });
    expect(harness.chain(one, 12).map(({ pow }) => pow.bits)).toEqual(Array.from({ length: 12 }, () => first));
  });

  it('measures each interval once, the one between two windows too', () => {
    const harness = new Harness({ params: { retargetBlocks: 4 } });
    const six = last(harness.chain(harness.genesis, 6));
    // The last of its window takes five times as long: 8 s where 4 s belong.
    expect(harness.make(harness.make(six, { afterMs: 5000 })).pow.bits).toBe(0x20200000);
    // The first of its window takes five times as long: it counts for the next change.
    const late = harness.make(harness.make(six), { afterMs: 5000 });
    expect(late.pow.bits).toBe(first);
    expect(last(harness.chain(late, 4)).pow.bits).toBe(0x20200000);
  });

  it.each([1, 2, 3])('windows of %i blocks work', (retargetBlocks) => {
    const harness = new Harness({ params: { retargetBlocks } }).start();
    for (const block of harness.chain(harness.genesis, 7)) {
      harness.now = block.header.timeMs;
      expect(harness.check(block)).toEqual({ kind: 'accept' });
      harness.import(block);
      expect(block.pow.bits).toBe(first);
    }
  });
});

describe('describe', () => {
  it('says how hard it is and how deep finality lies, before the start too', () => {
    const harness = new Harness({ params: { confirmations: 3, retargetBlocks: 5 } });
    expect(harness.engine.describe()).toMatchObject({ engine: 'pow', role: 'follower', validators: [], quorum: null });
    harness.start().importAll(harness.chain(harness.genesis, 7));
    expect(harness.engine.describe()).toMatchObject({
      finality: 'confirmations',
      clock: { unit: 'height', value: 7 },
      proposer: { now: null, next: null },
      role: 'follower',
      finalized: { number: 4 },
      safe: { number: 5 },
      details: { difficulty: '15', bits: '0x20100000', nextRetarget: 10, confirmations: 3, totalWork: String(7 * 15) },
    });
    expect(new Harness({ self: rigAddress(0) }).start().engine.describe().role).toBe('proposer');
  });
});
