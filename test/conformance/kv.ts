import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BatchOp, KeyValueStore, Range } from '../../src/ports/kv.ts';
import type { Bytes } from '../../src/types/primitives.ts';
import { Rng } from '../../src/util/rng.ts';

export type KeyValueSubject = { readonly store: KeyValueStore; readonly cleanUp: () => Promise<void> };

const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
const put = (key: Bytes, value: Bytes): BatchOp => ({ key, value });
const remove = (key: Bytes): BatchOp => ({ key, value: null });
const EVERYTHING: Range = { gte: bytes(), lt: new Uint8Array(40).fill(0xff) };

async function entriesOf(store: KeyValueStore, range: Range): Promise<number[][]> {
  const entries: number[][] = [];
  for await (const [key, value] of store.iterate(range)) entries.push([...key, -1, ...value]);
  return entries;
}

async function keysOf(store: KeyValueStore, range: Range): Promise<number[][]> {
  const keys: number[][] = [];
  for await (const [key] of store.iterate(range)) keys.push([...key]);
  return keys;
}

/** What every KeyValueStore must do. `open` gives an empty one. */
export function keyValueStoreSuite(name: string, open: () => Promise<KeyValueSubject>): void {
  describe(`KeyValueStore: ${name}`, () => {
    let subject: KeyValueSubject;
    let store: KeyValueStore;
    beforeEach(async () => {
      subject = await open();
      store = subject.store;
    });
    afterEach(() => subject.cleanUp());

    pointReads(() => store);
    writes(() => store);
    iteration(() => store);
    closing(() => store);
  });
}

function pointReads(current: () => KeyValueStore): void {
  it('reads back what was written, and undefined for what was not', async () => {
    const store = current();
    expect(store.get(bytes(1))).toBeUndefined();
    await store.batch([put(bytes(1), bytes(9, 8)), put(bytes(2), bytes())], { sync: false });
    expect([...(store.get(bytes(1)) ?? [])]).toEqual([9, 8]);
    expect(store.get(bytes(2))?.length).toBe(0);
    expect(store.get(bytes(1, 0))).toBeUndefined();
  });

  it('reads many in the order asked', async () => {
    const store = current();
    await store.batch([put(bytes(1), bytes(1)), put(bytes(3), bytes(3))], { sync: false });
    const values = store.getMany([bytes(3), bytes(2), bytes(1), bytes(3)]);
    expect(values.map((value) => value?.[0])).toEqual([3, undefined, 1, 3]);
    expect(store.getMany([])).toEqual([]);
  });

  it('keeps binary keys and values of every byte apart', async () => {
    const store = current();
    const ops = Array.from({ length: 256 }, (_, i) => put(bytes(i), bytes(255 - i, i)));
    await store.batch(ops, { sync: false });
    for (let i = 0; i < 256; i++) expect([...(store.get(bytes(i)) ?? [])]).toEqual([255 - i, i]);
  });

  it('gives values that the reader may change', async () => {
    const store = current();
    await store.batch([put(bytes(1), bytes(7))], { sync: false });
    store.get(bytes(1))?.fill(0);
    expect(store.get(bytes(1))?.[0]).toBe(7);
  });
}

function writes(current: () => KeyValueStore): void {
  it('deletes with null, also what is not there', async () => {
    const store = current();
    await store.batch([put(bytes(1), bytes(1))], { sync: true });
    await store.batch([remove(bytes(1)), remove(bytes(2))], { sync: true });
    expect(store.get(bytes(1))).toBeUndefined();
  });

  it('lets the last operation on a key win within a batch', async () => {
    const store = current();
    await store.batch([put(bytes(1), bytes(1)), remove(bytes(1)), put(bytes(1), bytes(2))], { sync: false });
    await store.batch([put(bytes(2), bytes(1)), remove(bytes(2))], { sync: false });
    expect(store.get(bytes(1))?.[0]).toBe(2);
    expect(store.get(bytes(2))).toBeUndefined();
  });

  it('takes an empty batch', async () => {
    await expect(current().batch([], { sync: true })).resolves.toBeUndefined();
  });

  it('does not see changes a caller makes to its buffers after the call', async () => {
    const store = current();
    const buffers = [1, 2, 3].map((i) => ({ key: bytes(i), value: bytes(i) }));
    const written = buffers.map((op) => store.batch([op], { sync: false }));
    for (const { key, value } of buffers) {
      key.fill(99);
      value.fill(99);
    }
    await Promise.all(written);
    expect(await entriesOf(store, EVERYTHING)).toEqual([
      [1, -1, 1],
      [2, -1, 2],
      [3, -1, 3],
    ]);
  });

  it('applies batches in the order of the calls, awaited or not', async () => {
    const store = current();
    const done: number[] = [];
    const calls = Array.from({ length: 200 }, (_, i) =>
      store
        .batch([put(bytes(1), bytes(i)), put(bytes(2, i), bytes(i))], { sync: i % 7 === 0 })
        .then(() => done.push(i)),
    );
    await Promise.all(calls);
    expect(store.get(bytes(1))?.[0]).toBe(199);
    expect(done).toEqual(Array.from({ length: 200 }, (_, i) => i));
    expect(await keysOf(store, { gte: bytes(2), lt: bytes(3) })).toHaveLength(200);
  });

  it('shows a batch whole or not at all, at any moment', async () => {
    const store = current();
    const size = 2000;
    const keys = Array.from({ length: size }, (_, i) => bytes(1, i >> 8, i & 255));
    const progress = { done: false };
    const written = (async () => {
      for (let round = 1; round <= 5; round++) {
        await store.batch(
          keys.map((key) => put(key, bytes(round))),
          { sync: false },
        );
      }
      progress.done = true;
    })();
    while (!progress.done) {
      const seen = new Set<number | undefined>();
      for await (const [, value] of store.iterate({ gte: bytes(1), lt: bytes(2) })) seen.add(value[0]);
      expect(seen.size).toBeLessThanOrEqual(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await written;
    expect(store.get(keys[size - 1] as Bytes)?.[0]).toBe(5);
  });
}

function iteration(current: () => KeyValueStore): void {
  it('iterates in the order of bytes within [gte, lt), both ways, with a limit', async () => {
    const store = current();
    const keys = [[0], [0, 0], [1], [1, 255], [2], [127], [128], [255], [255, 0]];
    await store.batch(
      new Rng(5).shuffle(keys).map((key) => put(bytes(...key), bytes(key.length))),
      { sync: false },
    );
    expect(await keysOf(store, EVERYTHING)).toEqual(keys);
    expect(await keysOf(store, { gte: bytes(1), lt: bytes(128) })).toEqual([[1], [1, 255], [2], [127]]);
    expect(await keysOf(store, { gte: bytes(1), lt: bytes(128), reverse: true, limit: 2 })).toEqual([[127], [2]]);
    expect(await keysOf(store, { gte: bytes(1), lt: bytes(128), limit: 0 })).toEqual([]);
    expect(await keysOf(store, { gte: bytes(3), lt: bytes(4) })).toEqual([]);
    expect(await keysOf(store, { gte: bytes(4), lt: bytes(3) })).toEqual([]);
  });

  it('iterates over many more entries than fit into one read', async () => {
    const store = current();
    const ops = Array.from({ length: 3000 }, (_, i) => put(bytes(i >> 8, i & 255), bytes(i & 255)));
    await store.batch(ops, { sync: false });
    const keys = await keysOf(store, EVERYTHING);
    expect(keys).toHaveLength(3000);
    expect(keys[2999]).toEqual([2999 >> 8, 2999 & 255]);
  });

  it('iterates over the content as of the call, whatever is written meanwhile', async () => {
    const store = current();
    await store.batch([put(bytes(1), bytes(1)), put(bytes(2), bytes(1))], { sync: false });
    const view = store.iterate(EVERYTHING);
    await store.batch([remove(bytes(1)), put(bytes(2), bytes(2)), put(bytes(3), bytes(2))], { sync: false });
    const entries: number[][] = [];
    for await (const [key, value] of view) {
      entries.push([...key, -1, ...value]);
      await store.batch([put(bytes(4), bytes(4))], { sync: false });
    }
    expect(entries).toEqual([
      [1, -1, 1],
      [2, -1, 1],
    ]);
    expect(await keysOf(store, EVERYTHING)).toEqual([[2], [3], [4]]);
  });

  it('can be left early', async () => {
    const store = current();
    const ops = Array.from({ length: 1000 }, (_, i) => put(bytes(i >> 8, i & 255), bytes(1)));
    await store.batch(ops, { sync: false });
    for await (const [key] of store.iterate(EVERYTHING)) if (key[1] === 3) break;
    expect(await keysOf(store, { ...EVERYTHING, limit: 1 })).toEqual([[0, 0]]);
  });

  it('agrees with a sorted map over random work', async () => {
    const store = current();
    const rng = new Rng(11);
    const model = new Map<string, number>();
    for (let round = 0; round < 60; round++) {
      const ops = Array.from({ length: rng.between(0, 12) }, () => {
        const key = bytes(rng.between(0, 6), rng.between(0, 6));
        const value = rng.chance(0.3) ? null : rng.between(0, 255);
        const name = Buffer.from(key).toString('hex');
        if (value === null) model.delete(name);
        else model.set(name, value);
        return { key, value: value === null ? null : bytes(value) };
      });
      await store.batch(ops, { sync: rng.chance(0.2) });
    }
    const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
    const entries: [string, number | undefined][] = [];
    for await (const [key, value] of store.iterate(EVERYTHING)) {
      entries.push([Buffer.from(key).toString('hex'), value[0]]);
    }
    expect(entries).toEqual(expected);
  });
}

function closing(current: () => KeyValueStore): void {
  it('finishes what was asked before it closes, and refuses everything after', async () => {
    const store = current();
    const written = store.batch([put(bytes(1), bytes(1))], { sync: true });
    const closed = store.close();
    await expect(written).resolves.toBeUndefined();
    await closed;
    await store.close();
    const refused = expect.objectContaining({ code: 'STORE_CLOSED' });
    expect(() => store.get(bytes(1))).toThrowError(refused);
    expect(() => store.iterate(EVERYTHING)).toThrowError(refused);
    await expect(store.batch([put(bytes(2), bytes(2))], { sync: false })).rejects.toEqual(refused);
  });
}
