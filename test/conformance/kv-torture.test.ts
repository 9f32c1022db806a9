import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Rng } from '../../src/util/rng.ts';
import { LevelStore } from '../../storage/level.ts';
import { rowKey, ROWS } from './kv-writer.ts';

const ROUNDS = 8;
const WRITER = join(import.meta.dirname, 'kv-writer.ts');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'parley-torture-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Lets a writer acknowledge so many batches, kills it, and gives the last number it had acknowledged. */
async function writeAndKill(inFlight: number, sync: string, batches: number): Promise<number> {
  const child = spawn(process.execPath, [WRITER, directory, String(inFlight), sync], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let acknowledged = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    acknowledged = Math.max(acknowledged, Number(line));
    seen += 1;
    if (seen === batches) child.kill('SIGKILL');
  }
  await exited;
  return acknowledged;
}

async function readRows(): Promise<Set<number>> {
  const store = await LevelStore.open(directory);
  const values = new Set<number>();
  for (let row = 0; row < ROWS; row++) {
    values.add(Number(Buffer.from(store.get(rowKey(row)) ?? new Uint8Array(8)).readBigUInt64BE()));
  }
  await store.close();
  return values;
}

it.each(['sync', 'nosync'])(
  'LevelStore keeps batches whole and acknowledged ones for ever over SIGKILL (%s)',
  async (sync) => {
    const rng = new Rng(17);
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await writeAndKill(rng.between(1, 4), sync, rng.between(1, 60));
      const values = await readRows();
      expect(values.size).toBe(1);
      expect(acknowledged).toBeGreaterThan(0);
      expect([...values][0]).toBeGreaterThanOrEqual(acknowledged);
    }
  },
);
