import type { KeyValueStore } from '../src/ports/kv.ts';
import type { GuardStore } from '../src/ports/stores.ts';
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
    await this.#kv.batch([{ key: keyOf('vote', Buffer.from(key)), value }], { sync: true });
  }
}
