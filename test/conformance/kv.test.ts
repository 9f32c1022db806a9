import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LevelStore } from '../../storage/level.ts';
import { MemoryStore } from '../../storage/memory.ts';
import { Rng } from '../../src/util/rng.ts';
import { keyValueStoreSuite } from './kv.ts';

keyValueStoreSuite('LevelStore', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'parley-kv-'));
  const store = await LevelStore.open(join(directory, 'db'));
  return {
    store,
    cleanUp: async () => {
      await store.close();
      await rm(directory, { recursive: true });
    },
  };
});

keyValueStoreSuite('MemoryStore', async () => {
  const store = new MemoryStore();
  return { store, cleanUp: () => store.close() };
});

keyValueStoreSuite('MemoryStore with answers in any order', async () => {
  const rng = new Rng(3);
  let waiting: (() => void)[] = [];
  const latency = (done: () => void): void => {
    waiting.push(done);
    setImmediate(() => {
      const ready = rng.shuffle(waiting);
      waiting = [];
      for (const finish of ready) finish();
    });
  };
  const store = new MemoryStore({ latency });
  return { store, cleanUp: () => store.close() };
});
