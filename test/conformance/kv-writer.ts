/**
 * Writes batches to a LevelStore until it is killed: every batch gives all ROWS keys one value, its number. Numbers are
 * printed when their batch is done. Arguments: directory, batches in flight, `sync` or `nosync`.
 */
import { numberKey } from '../../storage/keyspace.ts';
import { LevelStore } from '../../storage/level.ts';

export const ROWS = 300;

export function rowKey(row: number): Uint8Array {
  return Buffer.concat([Buffer.from('row'), numberKey(row)]);
}

async function write(directory: string, inFlight: number, sync: boolean): Promise<void> {
  const store = await LevelStore.open(directory);
  const last = store.get(rowKey(0));
  let next = last === undefined ? 1 : Number(Buffer.from(last).readBigUInt64BE()) + 1;
  const lane = async (): Promise<void> => {
    for (;;) {
      const number = next++;
      const ops = Array.from({ length: ROWS }, (_, row) => ({ key: rowKey(row), value: numberKey(number) }));
      await store.batch(ops, { sync });
      process.stdout.write(`${number}\n`);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

const [directory, inFlight, sync] = process.argv.slice(2);
if (directory !== undefined && process.argv[1]?.endsWith('kv-writer.ts') === true) {
  await write(directory, Number(inFlight), sync === 'sync');
}
