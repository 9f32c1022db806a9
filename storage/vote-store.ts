import type { KeyValueStore } from '../src/ports/kv.ts';
import type { VoteStore } from '../src/ports/stores.ts';
import type { Bytes } from '../src/types/primitives.ts';
import { keyOf, spaceRange } from './keyspace.ts';

/** The engine's own votes. Every write is on disk when it resolves. */
export class KeyValueVoteStore implements VoteStore {
  readonly #kv: KeyValueStore;

  constructor(kv: KeyValueStore) {
    this.#kv = kv;
  }

  async load(): Promise<ReadonlyMap<string, Bytes>> {
    const votes = new Map<string, Bytes>();
    for await (const [key, value] of this.#kv.iterate(spaceRange('vote'))) {
      votes.set(Buffer.from(key.subarray(1)).toString(), value);
    }
    return votes;
  }

  async put(entries: readonly { readonly key: string; readonly value: Bytes | null }[]): Promise<void> {
    const ops = entries.map(({ key, value }) => ({ key: keyOf('vote', Buffer.from(key)), value }));
    await this.#kv.batch(ops, { sync: true });
  }
}
