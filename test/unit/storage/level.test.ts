import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { LevelStore } from '../../../storage/level.ts';

const coded = (code: string): Error => expect.objectContaining({ name: 'ParleyError', code }) as Error;
const key = Buffer.from('key');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'parley-level-'));
});
afterEach(() => rm(directory, { recursive: true }));

it('keeps its content over a restart', async () => {
  const first = await LevelStore.open(directory);
  await first.batch([{ key, value: Buffer.from('value') }], { sync: false });
  await first.close();
  const second = await LevelStore.open(directory);
  expect(Buffer.from(second.get(key) ?? []).toString()).toBe('value');
  await second.close();
});

it('says that the directory is in use, and leaves the one who uses it alone', async () => {
  const first = await LevelStore.open(directory);
  await expect(LevelStore.open(directory)).rejects.toEqual(coded('DATA_DIR_IN_USE'));
  await expect(LevelStore.open(directory)).rejects.toThrow(/another node uses/);
  await first.batch([{ key, value: Buffer.from('value') }], { sync: true });
  await first.close();
  const second = await LevelStore.open(directory);
  expect(second.get(key)).toBeDefined();
  await second.close();
});

it('says that a database is damaged, and changes nothing', async () => {
  const store = await LevelStore.open(directory);
  await store.batch([{ key, value: Buffer.from('value') }], { sync: true });
  await store.close();
  const current = join(directory, 'CURRENT');
  await writeFile(current, 'MANIFEST-rubbish');
  await expect(LevelStore.open(directory)).rejects.toEqual(coded('DATA_DIR_DAMAGED'));
  expect(await readFile(current, 'utf8')).toBe('MANIFEST-rubbish');
});

it('says what else is in the way', async () => {
  const file = join(directory, 'file');
  await writeFile(file, '');
  await expect(LevelStore.open(file)).rejects.toEqual(coded('DATA_DIR_UNUSABLE'));
});

it('makes no database where it was told not to', async () => {
  const missing = join(directory, 'missing');
  await expect(LevelStore.open(missing, { createIfMissing: false })).rejects.toEqual(coded('DATA_DIR_MISSING'));
  await expect(readdir(missing)).rejects.toThrow('ENOENT');
});

it('shares one write among the batches that wait, each whole, in order', async () => {
  const store = await LevelStore.open(directory);
  const calls = Array.from({ length: 500 }, (_, i) =>
    store.batch(
      [
        { key, value: Buffer.from(String(i)) },
        { key: Buffer.from(`k${i}`), value: i % 2 === 0 ? Buffer.from('even') : null },
      ],
      { sync: true },
    ),
  );
  await Promise.all(calls);
  expect(Buffer.from(store.get(key) ?? []).toString()).toBe('499');
  expect(store.getMany([Buffer.from('k498'), Buffer.from('k499')]).map((value) => value !== undefined)).toEqual([
    true,
    false,
  ]);
  await store.close();
});
