import { describe, expect, it } from 'vitest';
import { encodeUint } from '../../../src/codec/rlp.ts';
import { EMPTY_BLOOM } from '../../../src/codec/bloom.ts';
import { headerHash } from '../../../src/codec/block.ts';
import type { BatchOp, KeyValueStore } from '../../../src/ports/kv.ts';
import type { FinalizeStep } from '../../../src/ports/stores.ts';
import type { Block } from '../../../src/types/block.ts';
import { ZERO_ADDRESS, ZERO_HASH, type Bytes, type Hash } from '../../../src/types/primitives.ts';
import type { Receipt } from '../../../src/types/receipt.ts';
import { KeyValueBlockStore, metaKey } from '../../../storage/block-store.ts';
import { KeyValueGuardStore } from '../../../storage/guard-store.ts';
import { KeyValueJournalStore } from '../../../storage/journal-store.ts';
import { KEYSPACE, keyOf, spaceRange } from '../../../storage/keyspace.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { migrate, SCHEMA_VERSION } from '../../../storage/migrate.ts';
import { KeyValueVoteStore } from '../../../storage/vote-store.ts';

const hashOf = (n: number): Hash => `0x${n.toString(16).padStart(64, '0')}`;
const coded = (code: string): Error => expect.objectContaining({ code }) as Error;

function blockAt(number: number, extra: string): { readonly hash: Hash; readonly block: Block } {
  const header = {
    parentHash: hashOf(number),
    beneficiary: ZERO_ADDRESS,
    stateRoot: ZERO_HASH,
    transactionsRoot: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    logsBloom: EMPTY_BLOOM,
    number,
    gasLimit: 1,
    gasUsed: 0,
    timeMs: number,
    baseFeePerGas: 7n,
    consensusRoot: ZERO_HASH,
    extra: new Uint8Array(Buffer.from(extra)),
    seal: new Uint8Array(3),
  };
  return { hash: headerHash(header), block: { header, body: { transactions: [], evidence: [], votes: [] } } };
}

const receipt: Receipt = {
  type: 2,
  status: 1,
  cumulativeGasUsed: 21_000,
  logsBloom: EMPTY_BLOOM,
  logs: [],
  gasUsed: 21_000,
  effectiveGasPrice: 9n,
  contractAddress: null,
};

function stepOf(block: { readonly hash: Hash; readonly block: Block }, more: Partial<FinalizeStep> = {}): FinalizeStep {
  const { number, stateRoot } = block.block.header;
  return {
    blocks: [{ ...block, receipts: [receipt], transactionHashes: [hashOf(100 + number)] }],
    pointer: { hash: block.hash, number, stateRoot, anchor: null },
    justification: null,
    dead: [],
    stateOps: [],
    ...more,
  };
}

/** Counts batches, and which of them are synced. */
class CountingStore extends MemoryStore {
  readonly batches: boolean[] = [];

  override batch(ops: readonly BatchOp[], options: { readonly sync: boolean }): Promise<void> {
    this.batches.push(options.sync);
    return super.batch(ops, options);
  }
}

describe('KeyValueBlockStore', () => {
  it('keeps unfinalized blocks, parents first, until finality or death', async () => {
    const kv = new CountingStore();
    const store = new KeyValueBlockStore(kv);
    const [one, rival, two, three] = [blockAt(1, 'a'), blockAt(1, 'b'), blockAt(2, 'a'), blockAt(300, 'a')];
    for (const { block, hash } of [three, two, rival, one]) await store.putUnfinalized(block, hash);
    expect(kv.batches).toEqual([false, false, false, false]);
    const numbers = (await store.unfinalized()).map(({ block }) => block.header.number);
    expect(numbers).toEqual([1, 1, 2, 300]);
    expect(store.block(two.hash)).toEqual(two.block);

    await store.finalize(stepOf(one, { dead: [{ hash: rival.hash, number: 1 }] }));
    expect(kv.batches).toEqual([false, false, false, false, true]);
    expect((await store.unfinalized()).map(({ hash }) => hash)).toEqual([two.hash, three.hash]);
    expect(store.block(rival.hash)).toBeUndefined();
    expect(store.block(one.hash)).toEqual(one.block);
  });

  it('finds everything of a finalized block', async () => {
    const store = new KeyValueBlockStore(new MemoryStore());
    const block = blockAt(5, 'x');
    expect(store.finalized()).toBeUndefined();
    const op = { key: keyOf('code', Buffer.from([1])), value: Buffer.from([2]) };
    const metas = [{ name: 'fingerprint', value: Buffer.from('f') }];
    await store.finalize(stepOf(block, { justification: Buffer.from('proof'), stateOps: [op], metas }));
    expect(store.canonicalHash(5)).toBe(block.hash);
    expect(store.canonicalHash(4)).toBeUndefined();
    expect(store.receipts(block.hash)).toEqual([receipt]);
    expect(store.transaction(hashOf(105))).toEqual({ blockHash: block.hash, index: 0 });
    expect(store.transaction(hashOf(1))).toBeUndefined();
    expect(Buffer.from(store.justification(block.hash) ?? []).toString()).toBe('proof');
    expect(Buffer.from(store.meta('fingerprint') ?? []).toString()).toBe('f');
    expect(store.finalized()).toEqual({ hash: block.hash, number: 5, stateRoot: ZERO_HASH, anchor: null });
  });

  it('tells an empty anchor from none', async () => {
    const store = new KeyValueBlockStore(new MemoryStore());
    const block = blockAt(5, 'x');
    const step = stepOf(block);
    await store.finalize({ ...step, pointer: { ...step.pointer, anchor: new Uint8Array(0) } });
    expect(store.finalized()?.anchor).toEqual(new Uint8Array(0));
  });

  it('writes one step of finality whole or not at all', async () => {
    const kv = new MemoryStore({ latency: () => {} });
    const written = new KeyValueBlockStore(kv).finalize(stepOf(blockAt(1, 'a')));
    const store = new KeyValueBlockStore(new MemoryStore({ content: kv.crash() }));
    await expect(written).rejects.toEqual(coded('STORE_CLOSED'));
    expect(store.finalized()).toBeUndefined();
    expect(store.canonicalHash(1)).toBeUndefined();
  });

  it('calls bytes it cannot read damage, not a missing block', async () => {
    const kv = new MemoryStore();
    const rubbish = Buffer.from([1, 2, 3]);
    const key = Buffer.from(hashOf(1).slice(2), 'hex');
    await kv.batch(
      [
        { key: keyOf('block', key), value: rubbish },
        { key: keyOf('receipts', key), value: rubbish },
        { key: keyOf('transaction', key), value: rubbish },
        { key: metaKey('finalized'), value: rubbish },
      ],
      { sync: true },
    );
    const store = new KeyValueBlockStore(kv);
    const damaged = coded('DATA_DIR_DAMAGED');
    expect(() => store.block(hashOf(1))).toThrow(damaged);
    expect(() => store.receipts(hashOf(1))).toThrow(damaged);
    expect(() => store.transaction(hashOf(1))).toThrow(damaged);
    expect(() => store.finalized()).toThrow(damaged);
  });
});

describe('KeyValueVoteStore and KeyValueGuardStore', () => {
  it('give back on the next start what was put, synced', async () => {
    const kv = new CountingStore();
    const votes = new KeyValueVoteStore(kv);
    await votes.put([
      { key: 'target', value: Buffer.from('7') },
      { key: 'slot/é', value: Buffer.from('8') },
    ]);
    await votes.put([{ key: 'target', value: null }]);
    const content = kv.crash();
    expect(kv.batches).toEqual([true, true]);
    const loaded = await new KeyValueVoteStore(new MemoryStore({ content })).load();
    expect([...loaded].map(([key, value]) => [key, Buffer.from(value).toString()])).toEqual([['slot/é', '8']]);
  });

  it('remember what the signer said before put resolves', async () => {
    const kv = new MemoryStore();
    const guard = new KeyValueGuardStore(kv);
    expect(guard.get('ffg')).toBeUndefined();
    await guard.put('ffg', Buffer.from('1'));
    await guard.put('ffg', Buffer.from('2'));
    const again = new KeyValueGuardStore(new MemoryStore({ content: kv.crash() }));
    expect(Buffer.from(again.get('ffg') ?? []).toString()).toBe('2');
  });

  it('write several records of the signer at once, synced, and list them by the beginning of their keys', async () => {
    const kv = new CountingStore();
    const guard = new KeyValueGuardStore(kv);
    const value = Buffer.from('1');
    await guard.putAll(['a/2', 'a/10', 'b/1', 'a'].map((key) => ({ key, value })));
    await guard.putAll([
      { key: 'a/2', value: null },
      { key: 'a/3', value },
    ]);
    expect(kv.batches).toEqual([true, true]);
    const again = new KeyValueGuardStore(new MemoryStore({ content: kv.crash() }));
    expect((await again.list('a/')).map(({ key }) => key)).toEqual(['a/10', 'a/3']);
    expect((await again.list('')).map(({ key }) => key)).toEqual(['a', 'a/10', 'a/3', 'b/1']);
  });
});

describe('KeyValueJournalStore', () => {
  const load = async (kv: KeyValueStore): Promise<string[]> => {
    const found: string[] = [];
    for await (const { hash, raw } of new KeyValueJournalStore(kv, { sync: false }).load()) {
      found.push(`${Number(hash)}:${Buffer.from(raw).toString()}`);
    }
    return found;
  };

  it('writes the additions of one turn in one batch', async () => {
    const kv = new CountingStore();
    const journal = new KeyValueJournalStore(kv, { sync: true });
    await Promise.all(Array.from({ length: 64 }, (_, i) => journal.add(hashOf(i + 1), Buffer.from(`t${i}`))));
    expect(kv.batches).toEqual([true]);
    expect(await load(kv)).toHaveLength(64);
  });

  it('gathers what comes during a write for the next one, in order', async () => {
    const answers: (() => void)[] = [];
    const kv = new MemoryStore({ latency: (done) => answers.push(done) });
    const journal = new KeyValueJournalStore(kv, { sync: false });
    const first = journal.add(hashOf(1), Buffer.from('a'));
    while (answers.length === 0) await Promise.resolve();
    const rest = [
      journal.add(hashOf(2), Buffer.from('b')),
      journal.remove([hashOf(1), hashOf(2)]),
      journal.add(hashOf(3), Buffer.from('c')),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    expect(answers).toHaveLength(1);
    answers[0]?.();
    await first;
    while (answers.length === 1) await Promise.resolve();
    answers[1]?.();
    await Promise.all(rest);
    expect(answers).toHaveLength(2);
    expect(await load(kv)).toEqual(['3:c']);
  });

  it('answers an addition only when it can no longer be lost by a kill', async () => {
    const answers: (() => void)[] = [];
    const kv = new MemoryStore({ latency: (done) => answers.push(done) });
    let answered = false;
    const added = new KeyValueJournalStore(kv, { sync: true }).add(hashOf(1), Buffer.from('a')).then(() => {
      answered = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    answers[0]?.();
    await added;
    expect(await load(new MemoryStore({ content: kv.crash() }))).toEqual(['1:a']);
  });

  it('tells everybody of a write that failed, and goes on', async () => {
    const kv = new MemoryStore({ latency: () => {} });
    const journal = new KeyValueJournalStore(kv, { sync: false });
    const calls = [journal.add(hashOf(1), Buffer.from('a')), journal.add(hashOf(2), Buffer.from('b'))];
    await new Promise((resolve) => setImmediate(resolve));
    kv.crash();
    for (const call of calls) await expect(call).rejects.toEqual(coded('STORE_CLOSED'));
    await expect(journal.add(hashOf(3), Buffer.from('c'))).rejects.toEqual(coded('STORE_CLOSED'));
  });
});

describe('migrate', () => {
  const versioned = async (value: Bytes): Promise<MemoryStore> => {
    const kv = new MemoryStore();
    await kv.batch([{ key: metaKey('schemaVersion'), value }], { sync: true });
    return kv;
  };

  it('marks a new database, durably, and takes it the next time', async () => {
    const kv = new MemoryStore();
    await migrate(kv);
    const again = new MemoryStore({ content: kv.crash() });
    await migrate(again);
    expect(again.size).toBe(1);
  });

  it('refuses a newer schema and leaves it as it is', async () => {
    const kv = await versioned(encodeUint(SCHEMA_VERSION + 1));
    await expect(migrate(kv)).rejects.toEqual(coded('DATA_DIR_NEWER'));
    expect(kv.get(metaKey('schemaVersion'))?.[0]).toBe(SCHEMA_VERSION + 1);
  });

  it('refuses what is no version, and a database without one', async () => {
    for (const value of [encodeUint(0), Buffer.from([0, 1]), new Uint8Array(0)]) {
      await expect(migrate(await versioned(value))).rejects.toEqual(coded('DATA_DIR_DAMAGED'));
    }
    const kv = new MemoryStore();
    await kv.batch([{ key: Buffer.from([9]), value: Buffer.from([9]) }], { sync: true });
    await expect(migrate(kv)).rejects.toEqual(coded('DATA_DIR_DAMAGED'));
    expect(kv.size).toBe(1);
  });
});

describe('keyspace', () => {
  it('gives every space a prefix of its own and a range that holds its keys only', () => {
    const prefixes = Object.values(KEYSPACE);
    expect(new Set(prefixes).size).toBe(prefixes.length);
    const { gte, lt } = spaceRange('block');
    const key = keyOf('block', new Uint8Array(32).fill(0xff));
    expect(Buffer.compare(gte, key)).toBeLessThan(0);
    expect(Buffer.compare(key, lt)).toBeLessThan(0);
    expect(Buffer.compare(keyOf('canonical'), lt)).toBeGreaterThanOrEqual(0);
  });
});
