import type { KeyValueStore } from '../src/ports/kv.ts';
import type { GuardStore, GuardWrite } from '../src/ports/stores.ts';
import type { Bytes } from '../src/types/primitives.ts';
import { keyOf } from './keyspace.ts';

/**
 * The signer's memory, over a database of its own that nothing else writes to and a reset of the chain does not touch.
 * Its records stand in the space of votes; every write is on disk when it resolves.
 */
export class KeyValueGuardStore implements GuardStore {
  readonly #kv: KeyValueStore;

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  get(key: string): Bytes | undefined {
    return this.#kv.get(keyOf('vote', Buffer.from(key)));
  }

  async put(key: string, value: Bytes): Promise<void> {
    await this.putAll([{ key, value }]);
  }

  async putAll(writes: readonly GuardWrite[]): Promise<void> {
    const ops = writes.map(({ key, value }) => ({ key: keyOf('vote', Buffer.from(key)), value }));
    await this.#kv.batch(ops, { sync: true });
  }

  async list(prefix: string): Promise<readonly { readonly key: string; readonly value: Bytes }[]> {
    const found: { key: string; value: Bytes }[] = [];
    const gte = keyOf('vote', Buffer.from(prefix));
    // No byte of an ASCII key is as high.
    const lt = keyOf('vote', Buffer.from(prefix), Buffer.from([0xff]));
    for await (const [key, value] of this.#kv.iterate({ gte, lt })) {
      found.push({ key: Buffer.from(key.subarray(1)).toString(), value });
    }
    return found;
  }
}
