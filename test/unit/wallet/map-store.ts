import type { GuardStore, GuardWrite } from '../../../src/ports/stores.ts';
import type { Bytes } from '../../../src/types/primitives.ts';

/** A guard's store that tells what was written, batch by batch. */
export class MapStore implements GuardStore {
  readonly entries = new Map<string, Bytes>();
  /** The keys of each batch. */
  readonly batches: (readonly string[])[] = [];

  get writes(): readonly string[] {
    return this.batches.flat();
  }

  get(key: string): Bytes | undefined {
    return this.entries.get(key);
  }

  put(key: string, value: Bytes): Promise<void> {
    return this.putAll([{ key, value }]);
  }

  async putAll(writes: readonly GuardWrite[]): Promise<void> {
    await Promise.resolve();
    this.batches.push(writes.map(({ key }) => key));
    for (const { key, value } of writes) {
      if (value === null) this.entries.delete(key);
      else this.entries.set(key, value);
    }
  }

  async list(prefix: string): Promise<readonly { readonly key: string; readonly value: Bytes }[]> {
    await Promise.resolve();
    return [...this.entries]
      .filter(([key]) => key.startsWith(prefix))
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, value]) => ({ key, value }));
  }

  /** Everything in it, to be compared. */
  content(): readonly string[] {
    return [...this.entries].map(([key, value]) => `${key} ${Buffer.from(value).toString()}`).sort();
  }
}
