import { describe, expect, it } from 'vitest';
import { pbftFactory } from '../../../../consensus/pbft/factory.ts';
import { evidenceOf, judgePbft } from '../../../../consensus/pbft/judge.ts';
import type { Claim, Statement } from '../../../../consensus/pbft/messages.ts';
import { viewTimeoutMs } from '../../../../consensus/pbft/params.ts';
import { primaryOf } from '../../../../consensus/pbft/primary.ts';
import { WantedBlock } from '../../../../consensus/pbft/wanted.ts';
import { encodeMessage } from '../../../../src/codec/message.ts';
import type { Evidence } from '../../../../src/types/evidence.ts';
import type { Address, Hash } from '../../../../src/types/primitives.ts';
import { fakeCrypto, rigHeader, sealed } from '../../../conformance/rig-parts.ts';
import { CHAIN, crypto, signed, validator } from './net.ts';
import { HASH, HEIGHT, OTHER, VALIDATORS } from './samples.ts';

describe('judge', () => {
  const params = pbftFactory.parseParams({});
  const judge = (evidence: Evidence) => pbftFactory.judge(params, evidence, crypto, CHAIN);
  const of = (a: Statement, b: Statement, from = validator(1)) => {
    const evidence = evidenceOf(signed(from, a), signed(from, b));
    return evidence === null ? null : judge(evidence);
  };
  const vote = (kind: 'pre-prepare' | 'prepare' | 'commit', hash: Hash, view = 0, height = HEIGHT) =>
    ({ kind, height, view, hash }) as const;
  const change = (view: number, prepared: Claim | null, height = HEIGHT) =>
    ({ kind: 'view-change', height, view, prepared }) as const;
  const lock = { view: 1, hash: HASH };

  it.each([
    ['two proposals', vote('pre-prepare', HASH), vote('pre-prepare', OTHER), 'DOUBLE_PRE_PREPARE'],
    ['two prepares', vote('prepare', HASH), vote('prepare', OTHER), 'DOUBLE_PREPARE'],
    ['two commits', vote('commit', HASH), vote('commit', OTHER), 'DOUBLE_COMMIT'],
    ['two changes to one view', change(2, null), change(2, lock), 'DOUBLE_VIEW_CHANGE'],
    ['a commit forgotten', vote('commit', HASH, 1), change(2, null), 'LOCK_FORGOTTEN'],
    ['a commit understated', vote('commit', HASH, 2), change(3, lock), 'LOCK_FORGOTTEN'],
  ] as const)('%s', (_, a, b, code) => {
    const offence = { offender: validator(1), code, height: HEIGHT };
    expect(of(a, b)).toEqual(offence);
    expect(of(b, a)).toEqual(offence);
  });

  it.each([
    ['the same twice', vote('commit', HASH), vote('commit', HASH)],
    ['different views', vote('commit', HASH, 0), vote('commit', OTHER, 1)],
    ['different heights', vote('prepare', HASH), vote('prepare', OTHER, 0, HEIGHT + 1)],
    ['different phases', vote('prepare', HASH), vote('commit', OTHER)],
    ['a commit that is remembered', vote('commit', HASH, 1), change(2, lock)],
    ['a commit after the change', vote('commit', HASH, 2), change(2, null)],
    ['a commit at another height', vote('commit', HASH, 1), change(2, null, HEIGHT + 1)],
    ['a prepare that came to nothing', vote('prepare', HASH, 1), change(2, null)],
    [
      'two greetings',
      { kind: 'status', height: HEIGHT, view: 0, now: 1, asks: true },
      { kind: 'status', height: HEIGHT, view: 0, now: 2, asks: true },
    ],
  ] as const)('not %s', (_, a, b) => {
    expect(of(a, b)).toBeNull();
    expect(of(b, a)).toBeNull();
  });

  it('not what somebody else signed, or for another chain', () => {
    const [a, b] = [vote('commit', HASH), vote('commit', OTHER)];
    const evidence = evidenceOf(signed(validator(1), a), signed(validator(2), b));
    expect(evidence === null ? null : judge(evidence)).toBeNull();
    const own = evidenceOf(signed(validator(1), a), signed(validator(1), b));
    const elsewhere = fakeCrypto({ chainId: 1, shard: 0, engineId: 'pbft' });
    expect(own === null ? null : judgePbft(own, elsewhere)).toBeNull();
    expect(own === null ? null : judge({ ...own, kind: 'headers' })).toBeNull();
  });

  it('keeps within what a block can carry', () => {
    const big = (hash: Hash): Statement => ({
      kind: 'new-view',
      height: HEIGHT,
      view: 1,
      changes: Array.from({ length: 100 }, (_, i) => ({
        from: `0x${i.toString(16).padStart(40, '0')}` as const,
        prepared: { view: 0, hash },
        signature: new Uint8Array(65),
      })),
      certificate: null,
    });
    expect(encodeMessage(signed(validator(1), big(HASH))).length).toBeGreaterThan(8 * 1024);
    expect(evidenceOf(signed(validator(1), big(HASH)), signed(validator(1), big(OTHER)))).toBeNull();
  });
});

describe('the primary', () => {
  it('sticky: who made the last block, then those after it', () => {
    const order = (author: Address | null) => [0, 1, 2, 3, 4].map((v) => primaryOf(VALIDATORS, author, v, 'sticky'));
    expect(order(validator(2))).toEqual([2, 3, 0, 1, 2].map(validator));
    expect(order(null)).toEqual([0, 1, 2, 3, 0].map(validator));
    expect(order(validator(9))).toEqual([0, 1, 2, 3, 0].map(validator));
  });

  it('rotating: the one after', () => {
    expect([0, 1].map((v) => primaryOf(VALIDATORS, validator(3), v, 'rotating'))).toEqual([0, 1].map(validator));
  });

  it('nobody when there is nobody', () => {
    expect(primaryOf([], null, 0, 'sticky')).toBeNull();
  });
});

describe('parameters', () => {
  it('are completed', () => {
    const defaults = {
      viewTimeoutMs: 2000,
      viewTimeoutMsMax: 30_000,
      proposers: 'sticky',
      clockToleranceMs: 1500,
    };
    expect(pbftFactory.parseParams(undefined)).toEqual({ blockTimeMs: 1000, emptyBlocks: 'always', ...defaults });
    expect(pbftFactory.parseParams({ blockTimeMs: 0 })).toEqual({ blockTimeMs: 0, emptyBlocks: 'never', ...defaults });
    expect(pbftFactory.parseParams({ emptyBlocks: 'after 5000' }).emptyBlocks).toEqual({ afterMs: 5000 });
    expect(pbftFactory.parseParams({ viewTimeoutMs: 60_000 }).viewTimeoutMsMax).toBe(60_000);
  });

  it('tell whether a network may stand still', () => {
    const idles = (emptyBlocks: string) => pbftFactory.idles(pbftFactory.parseParams({ emptyBlocks }));
    expect(['always', 'never', 'after 500'].map(idles)).toEqual([false, true, true]);
  });

  it('double the time of a view, up to a limit', () => {
    const params = pbftFactory.parseParams({ viewTimeoutMs: 1000, viewTimeoutMsMax: 7000 });
    expect([0, 1, 2, 3, 4, 2 ** 50].map((view) => viewTimeoutMs(params, view))).toEqual([
      1000, 2000, 4000, 7000, 7000, 7000,
    ]);
  });
});

describe('the wish for a block', () => {
  const parent = sealed(rigHeader({ number: 3, timeMs: 10_000 }), new Uint8Array(65));
  const wish = (json: Record<string, unknown>) => new WantedBlock(pbftFactory.parseParams(json));

  it('always: a block time after the parent, whatever waits', () => {
    const wanted = wish({ blockTimeMs: 700 });
    expect(wanted.from(parent)).toBe(10_700);
    wanted.demanded(10_100);
    expect(wanted.from(parent)).toBe(10_700);
  });

  it('never: when transactions wait, and no longer at the next head', () => {
    const wanted = wish({ blockTimeMs: 700, emptyBlocks: 'never' });
    expect(wanted.from(parent)).toBeNull();
    wanted.demanded(10_100);
    expect(wanted.from(parent)).toBe(10_700);
    wanted.headChanged();
    expect(wanted.from(parent)).toBeNull();
    wanted.demanded(12_000);
    wanted.demanded(13_000);
    expect(wanted.from(parent)).toBe(12_000);
    expect(wanted.emptyFrom(parent)).toBeNull();
  });

  it('after: so long after the parent, earlier if transactions wait', () => {
    const wanted = wish({ blockTimeMs: 0, emptyBlocks: 'after 5000' });
    expect(wanted.from(parent)).toBe(15_000);
    wanted.demanded(11_000);
    expect(wanted.from(parent)).toBe(11_000);
    expect(wanted.emptyFrom(parent)).toBe(15_000);
  });
});
