import { expect, it } from 'vitest';
import type { Range } from '../../../src/ports/kv.ts';
import { Rng } from '../../../src/util/rng.ts';
import { MemoryStore, UNSYNCED_BATCHES_MAX, type MemoryContent } from '../../../storage/memory.ts';

const key = Buffer.from('k');
const EVERYTHING: Range = { gte: new Uint8Array(0), lt: Buffer.from([255]) };
const CLOSED = expect.objectContaining({ code: 'STORE_CLOSED' });

async function setTo(store: MemoryStore, value: number, sync = false): Promise<void> {
  await store.batch(
    [
      { key, value: Buffer.from([value]) },
      { key: Buffer.from(`v${value}`), value: Buffer.from([1]) },
    ],
    { sync },
  );
}

/** The value, and how many batches left their second key; they must agree. */
async function survivors(content: MemoryContent): Promise<number> {
  const store = new MemoryStore({ content });
  const value = store.get(key)?.[0] ?? 0;
  let entries = 0;
  for await (const _ of store.iterate(EVERYTHING)) entries += 1;
  expect(entries).toBe(value === 0 ? 0 : value + 1);
  return value;
}

it('loses what was not synced, and keeps what was, with all that came before it', async () => {
  const store = new MemoryStore();
  await setTo(store, 1);
  await setTo(store, 2, true);
  await setTo(store, 3);
  await setTo(store, 4);
  expect(store.get(key)?.[0]).toBe(4);
  expect(await survivors(store.crash())).toBe(2);
});

it('keeps a prefix of the unsynced batches that the generator draws, any of them in time', async () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const store = new MemoryStore();
    await setTo(store, 1, true);
    for (let value = 2; value <= 4; value++) await setTo(store, value);
    seen.add(await survivors(store.crash(new Rng(seed))));
  }
  expect(seen).toEqual(new Set([1, 2, 3, 4]));
});

it('may have written batches whose answer never came', async () => {
  const seen = new Set<number>();
  for (let seed = 0; seed < 60; seed++) {
    const store = new MemoryStore({ latency: () => {} });
    const written = [1, 2, 3].map((value) => setTo(store, value, true));
    expect(store.get(key)).toBeUndefined();
    const content = store.crash(new Rng(seed));
    for (const call of written) await expect(call).rejects.toEqual(CLOSED);
    seen.add(await survivors(content));
  }
  expect(seen).toEqual(new Set([0, 1, 2, 3]));
});

it('refuses everything after a crash', async () => {
  const store = new MemoryStore();
  store.crash();
  expect(() => store.get(key)).toThrowError(CLOSED);
  expect(() => store.iterate(EVERYTHING)).toThrowError(CLOSED);
  await expect(setTo(store, 1)).rejects.toEqual(CLOSED);
});

it('leaves the content it was given alone', async () => {
  const first = new MemoryStore();
  await setTo(first, 1, true);
  const content = first.crash();
  const second = new MemoryStore({ content });
  await second.batch([{ key, value: null }], { sync: true });
  expect(await survivors(content)).toBe(1);
});

it('takes batches that wait long for written in the end', async () => {
  const store = new MemoryStore();
  for (let i = 0; i <= UNSYNCED_BATCHES_MAX; i++) {
    await store.batch([{ key: Buffer.from([i >> 8, i & 255]), value: Buffer.from([1]) }], { sync: false });
  }
  expect(store.crash().size).toBe(1);
});

it('finishes batches in the order of the calls, whatever the order of the answers', async () => {
  const answers: (() => void)[] = [];
  const store = new MemoryStore({ latency: (done) => answers.push(done) });
  const done: number[] = [];
  const calls = [1, 2, 3].map((value) => setTo(store, value).then(() => done.push(value)));
  answers[2]?.();
  answers[1]?.();
  expect(store.get(key)).toBeUndefined();
  answers[0]?.();
  expect(store.get(key)?.[0]).toBe(3);
  await Promise.all(calls);
  expect(done).toEqual([1, 2, 3]);
});
