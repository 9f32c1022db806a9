import { describe, expect, it } from 'vitest';
import { signDigest } from '../../../src/crypto/secp256k1.ts';
import {
  contradictionsIn,
  HISTORY_ENTRIES_MAX,
  merged,
  ruleOnHistory,
  type History,
} from '../../../src/wallet/history.ts';
import { exportProtection, importProtection } from '../../../src/wallet/slashing-protection.ts';
import { address, ffg, GENESIS, key, root, signer, signs, slot } from './fixture.ts';
import { MapStore } from './map-store.ts';

const EMPTY: History = { top: null, floor: null, entries: [] };
const refusal = { code: 'GUARD_REFUSED' };
const reason = (text: string): object => ({ ...refusal, data: { reason: text } });

describe('the complete strategy', () => {
  it('signs below the furthest place where the minimal one does not', async () => {
    for (const [strategy, may] of [
      ['complete', true],
      ['minimal', false],
    ] as const) {
      const guarded = signer(new MapStore(), strategy);
      await guarded.sign(root(1), ffg(1, 2));
      await guarded.sign(root(2), ffg(5, 9));
      await guarded.sign(root(3), slot(1));
      await guarded.sign(root(4), slot(9));
      expect(await signs(guarded, root(5), ffg(2, 4))).toBe(may);
      expect(await signs(guarded, root(6), slot(5))).toBe(may);
    }
  });

  it('refuses what is punishable beside anything signed, and says why', async () => {
    const guarded = signer(new MapStore(), 'complete');
    for (const [source, target] of [
      [1, 2],
      [3, 6],
      [8, 9],
    ] as const) {
      await guarded.sign(root(target), ffg(source, target));
    }
    await expect(guarded.sign(root(1), ffg(3, 6))).rejects.toMatchObject(reason('already signed something else here'));
    await expect(guarded.sign(root(6), ffg(4, 6))).rejects.toMatchObject(reason('already signed something else here'));
    await expect(guarded.sign(root(1), ffg(2, 7))).rejects.toMatchObject(reason('surrounds an earlier vote'));
    await expect(guarded.sign(root(1), ffg(4, 5))).rejects.toMatchObject(reason('is surrounded by an earlier vote'));
    await expect(guarded.sign(root(1), ffg(0, 1))).rejects.toMatchObject(
      reason('reaches back to where the record does not'),
    );
    await guarded.sign(root(1), ffg(6, 8));
  });

  it('gives the same signature for the same words wherever they stand, also over a restart', async () => {
    const store = new MapStore();
    await signer(store, 'complete').sign(root(1), ffg(1, 2));
    await signer(store, 'complete').sign(root(2), ffg(2, 3));
    const batches = store.batches.length;
    expect(await signer(store, 'complete').sign(root(1), ffg(1, 2))).toEqual(signDigest(root(1), key(0)));
    expect(store.batches).toHaveLength(batches);
  });

  it('has written all it needs in one batch before it signs', async () => {
    const store = new MapStore();
    const guarded = signer(store, 'complete');
    await guarded.sign(root(1), slot(4));
    expect(store.batches).toHaveLength(1);
    expect(store.batches[0]).toHaveLength(3);
    const { putAll } = store;
    store.putAll = () => Promise.reject(new Error('disk full'));
    await expect(guarded.sign(root(2), slot(5))).rejects.toThrow('disk full');
    store.putAll = putAll.bind(store);
    await guarded.sign(root(3), slot(5));
    expect(await signs(guarded, root(2), slot(5))).toBe(false);
  });

  it('refuses the second of two requests made at once', async () => {
    const guarded = signer(new MapStore(), 'complete');
    const results = await Promise.allSettled([guarded.sign(root(1), slot(7)), guarded.sign(root(2), slot(7))]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });

  it('starts above what the minimal strategy signed, which left no history', async () => {
    const store = new MapStore();
    for (const target of [2, 5, 9]) await signer(store, 'minimal').sign(root(target), ffg(1, target));
    const guarded = signer(store, 'complete');
    for (const target of [3, 5, 9]) expect(await signs(guarded, root(1), ffg(1, target))).toBe(false);
    expect(await signs(guarded, root(9), ffg(1, 9))).toBe(true);
    expect(await signs(guarded, root(1), ffg(0, 10))).toBe(false);
    expect(await signs(guarded, root(1), ffg(1, 20))).toBe(true);
    await signer(store, 'minimal').sign(root(1), ffg(1, 30));
    expect(await signs(guarded, root(1), ffg(1, 25))).toBe(false);
    expect(await signs(guarded, root(1), ffg(1, 15))).toBe(false);
  });

  it.each([
    ['an entry', 'history/votes/at/0000000000000002', '{"source":1,"targ'],
    ['an entry without a root', 'history/votes/at/0000000000000002', '{"source":1,"target":2}'],
    ['the floor', 'history/votes/floor', '{"source":"1","target":2}'],
    ['the record', 'ffg', '{"kind":"ffg","source":1}'],
    [
      'the record of another kind',
      'ffg',
      `{"kind":"bft","height":1,"round":0,"step":0,"lock":-1,"digest":"${root(1)}"}`,
    ],
  ])('does not sign when %s is damaged', async (_, name, text) => {
    const store = new MapStore();
    await signer(store, 'complete').sign(root(1), ffg(1, 2));
    const path = `${GENESIS}/${address(0)}/${name}`;
    expect(store.entries.has(path)).toBe(true);
    store.entries.set(path, Buffer.from(text));
    const code = { code: 'GUARD_DAMAGED' };
    await expect(signer(store, 'complete').sign(root(1), ffg(2, 3))).rejects.toMatchObject(code);
    const options = { genesisHash: GENESIS, address: null, strategy: 'complete' } as const;
    await expect(exportProtection(store, options)).rejects.toMatchObject(code);
  });
});

describe('a history', () => {
  it('keeps the newest, and a floor above those that went', () => {
    let history = merged(
      EMPTY,
      Array.from({ length: HISTORY_ENTRIES_MAX }, (_, i) => ({ source: i, target: i + 1, root: root(i) })),
    );
    expect(history.floor).toEqual({ source: 0, target: 1 });
    const next = HISTORY_ENTRIES_MAX;
    const ruling = ruleOnHistory(history, { source: next, target: next + 1, root: root(1) });
    if (ruling.kind !== 'advance') throw new Error(ruling.kind);
    ({ history } = ruling);
    expect(history.entries).toHaveLength(HISTORY_ENTRIES_MAX);
    expect(history.entries[0]?.target).toBe(2);
    const far = Array.from({ length: 10 }, (_, i) => ({ source: next + i, target: next + i + 2, root: null }));
    history = merged(history, far);
    expect(history.entries).toHaveLength(HISTORY_ENTRIES_MAX);
    expect(history.floor).toEqual({ source: next, target: next + 2 });
    expect(history.entries[0]?.target).toBe(12);
  });

  it('deletes from the store what it no longer keeps', async () => {
    const store = new MapStore();
    const blocks = Array.from({ length: HISTORY_ENTRIES_MAX }, (_, i) => ({ source: 0, target: i, root: root(i) }));
    const interchange = { genesisHash: GENESIS, validators: [{ address: address(0), blocks, votes: [] }] };
    await importProtection(store, interchange, { acceptConflicts: false });
    const size = store.entries.size;
    await signer(store, 'complete').sign(root(1), slot(HISTORY_ENTRIES_MAX));
    expect(store.entries.size).toBe(size);
    await signer(store, 'complete').sign(root(1), slot(HISTORY_ENTRIES_MAX + 1));
    expect(await signs(signer(store, 'complete'), root(5), slot(1))).toBe(false);
  });

  it('finds contradictions beside it and in what comes in, not those it already holds', () => {
    const vote = (source: number, target: number, digest: number | null = 1): History['entries'][number] => ({
      source,
      target,
      root: digest === null ? null : root(digest),
    });
    const history = { ...EMPTY, entries: [vote(1, 2), vote(5, 9), vote(4, 10)] };
    const kindsOf = (...incoming: History['entries'][number][]): string[] =>
      contradictionsIn(history, incoming, { trustsUnknown: true }).map(({ kind }) => kind);
    expect(kindsOf()).toEqual([]);
    expect(kindsOf(vote(1, 2), vote(4, 10), vote(2, 4), vote(2, 4))).toEqual([]);
    expect(kindsOf(vote(1, 2, 2))).toEqual(['double']);
    // A root that is missing may be the same one.
    expect(kindsOf(vote(1, 2, null))).toEqual([]);
    expect(contradictionsIn(history, [vote(1, 2, null)], { trustsUnknown: false })).toHaveLength(1);
    expect(kindsOf(vote(0, 2, null))).toEqual(['double']);
    expect(kindsOf(vote(1, 2), vote(1, 2, null), vote(1, 2, 9))).toEqual(['double']);
    expect(kindsOf(vote(0, 3))).toEqual(['surround']);
    expect(kindsOf(vote(6, 8))).toEqual(['surround', 'surround']);
    expect(kindsOf(vote(2, 7), vote(3, 6))).toEqual(['surround']);
    expect(kindsOf(vote(4, 3))).toContain('backwards');
  });
});
