import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { keccak256Bytes } from '../../../src/crypto/keccak.ts';
import { NodeCollector } from '../../../src/state/node-collector.ts';
import { Trie, type TrieEntry } from '../../../src/state/trie.ts';
import { EMPTY_ROOT } from '../../../src/types/account.ts';
import type { Bytes, Hash } from '../../../src/types/primitives.ts';
import { bytesEqual, toHex } from '../../../src/util/hex.ts';
import { Rng } from '../../../src/util/rng.ts';

const bytes = (...values: number[]): Bytes => Uint8Array.from(values);
const secure = (n: number): Bytes => keccak256Bytes(bytes(n >> 8, n & 0xff));

class Nodes {
  readonly content = new Map<Hash, Bytes>();
  readonly resolve = (hash: Hash): Bytes | undefined => this.content.get(hash);
  save(trie: Trie): void {
    const collector = new NodeCollector();
    collector.add(trie);
    for (const { hash, rlp } of collector.nodes) {
      expect(bytesEqual(keccak256Bytes(rlp), hash)).toBe(true);
      this.content.set(toHex(hash), rlp);
    }
    collector.markStored();
  }
}

async function oracleRoot(content: ReadonlyMap<string, TrieEntry>): Promise<Hash> {
  const oracle = new MerklePatriciaTrie();
  for (const { key, value } of content.values()) await oracle.put(key, value);
  return toHex(oracle.root());
}

function applyTo(content: Map<string, TrieEntry>, entries: readonly TrieEntry[]): void {
  for (const entry of entries) {
    if (entry.value === null) content.delete(toHex(entry.key));
    else content.set(toHex(entry.key), entry);
  }
}

describe('Trie', () => {
  it('has the well-known root when empty', () => {
    const empty = Trie.empty(() => undefined);
    expect(empty.root).toBe(EMPTY_ROOT);
    expect(Trie.open(EMPTY_ROOT, () => undefined).get(bytes(1))).toBeUndefined();
    expect(empty.update([{ key: bytes(1), value: null }]).root).toBe(EMPTY_ROOT);
  });

  it('has the root of ethereum/tests TrieTests/trieanyorder.json, singleItem', () => {
    const entries = [{ key: Buffer.from('A'), value: Buffer.from('a'.repeat(50)) }];
    const root = '0xd23786fb4a010da3ce639d66d5e904a11dbc02746d1ce25029e53290cabf28ab';
    expect(Trie.empty(() => undefined).update(entries).root).toBe(root);
  });

  // Keys of two bytes from few nibbles share long paths and give nodes small enough to be embedded.
  const shortKey = fc.tuple(fc.constantFrom(0, 1, 0x10, 0x11, 0x12, 0xf0), fc.constantFrom(0, 1, 2, 0x10, 0xff));
  const value = fc.uint8Array({ minLength: 1, maxLength: 70 });
  const entry = fc.record({ key: shortKey.map((key) => bytes(...key)), value: fc.option(value, { nil: null }) });

  it.each(['kept in memory', 'collapsed', 'reopened'])(
    'agrees with a map and with @ethereumjs/mpt: %s',
    async (mode) => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(entry, { maxLength: 12 }), { maxLength: 8 }), async (batches) => {
          const nodes = new Nodes();
          const content = new Map<string, TrieEntry>();
          let trie = Trie.empty(nodes.resolve);
          for (const batch of batches) {
            trie = trie.update(batch);
            applyTo(content, batch);
            expect(trie.root).toBe(await oracleRoot(content));
            for (const { key } of batch) expect(trie.get(key)).toEqual(valueOf(content, key));
            expect([...trie.keys()].map(toHex)).toEqual([...content.keys()].sort());
            if (mode === 'kept in memory') continue;
            nodes.save(trie);
            if (mode === 'collapsed') trie.collapse(1);
            else trie = Trie.open(trie.root, nodes.resolve);
          }
        }),
        { numRuns: 60 },
      );
    },
  );

  it('agrees with @ethereumjs/mpt on secure keys through growth, change and removal to empty', async () => {
    const rng = new Rng(1);
    const nodes = new Nodes();
    const content = new Map<string, TrieEntry>();
    let trie = Trie.empty(nodes.resolve);
    for (let round = 0; round < 12; round++) {
      const batch = Array.from({ length: 80 }, () => {
        const value = rng.chance(round < 6 ? 0.1 : 0.6) ? null : Buffer.from(`value ${rng.between(0, 1e9)}`);
        return { key: secure(rng.between(0, 300)), value };
      });
      trie = trie.update(batch);
      applyTo(content, batch);
      nodes.save(trie);
      trie.collapse(rng.between(0, 40));
      expect(trie.root).toBe(await oracleRoot(content));
    }
    const rest = [...content.values()].map(({ key }) => ({ key, value: null }));
    expect(rest.length).toBeGreaterThan(0);
    expect(trie.update(rest).root).toBe(EMPTY_ROOT);
  });

  it('keeps every older version as it was', () => {
    const nodes = new Nodes();
    const versions = [Trie.empty(nodes.resolve)];
    for (let i = 0; i < 20; i++)
      versions.push((versions[i] as Trie).update([{ key: secure(i % 7), value: bytes(i + 1) }]));
    const roots = versions.map((trie) => trie.root);
    for (const trie of versions) nodes.save(trie);
    (versions.at(-1) as Trie).collapse(0);
    versions.forEach((trie, i) => {
      expect(trie.root).toBe(roots[i]);
      for (let key = 0; key < 7; key++) {
        const last = Array.from({ length: i }, (_, n) => n).findLast((n) => n % 7 === key);
        const expected = last === undefined ? undefined : Buffer.from([last + 1]);
        expect(trie.get(secure(key))).toEqual(expected);
        expect(Trie.open(roots[i] as Hash, nodes.resolve).get(secure(key))).toEqual(expected);
      }
    });
  });

  it('shares itself when nothing changes, and collects only what is new', () => {
    const nodes = new Nodes();
    const entries = Array.from({ length: 200 }, (_, i) => ({ key: secure(i), value: bytes(1, i) }));
    const trie = Trie.empty(nodes.resolve).update(entries);
    nodes.save(trie);
    expect(trie.update(entries.slice(0, 50))).toBe(trie);
    expect(trie.update([{ key: secure(999), value: null }])).toBe(trie);
    const again = new NodeCollector();
    again.add(trie);
    expect(again.nodes).toEqual([]);
    const changed = new NodeCollector();
    changed.add(trie.update([{ key: secure(3), value: bytes(9) }]));
    expect(changed.nodes.length).toBeGreaterThan(0);
    expect(changed.nodes.length).toBeLessThan(8);
  });

  it('stays within its node budget after collapse, and loads on demand', () => {
    let loads = 0;
    const nodes = new Nodes();
    const entries = Array.from({ length: 300 }, (_, i) => ({ key: secure(i), value: bytes(1, i) }));
    const trie = Trie.empty((hash) => {
      loads++;
      return nodes.resolve(hash);
    }).update(entries);
    nodes.save(trie);
    trie.get(secure(5));
    expect(loads).toBe(0);
    trie.collapse(17);
    expect(trie.get(secure(5))).toEqual(Buffer.from([1, 5]));
    const once = loads;
    expect(once).toBeGreaterThan(0);
    // Reading keeps nothing.
    trie.get(secure(5));
    expect(loads).toBe(2 * once);
  });

  it('never drops nodes that are not stored', () => {
    const trie = Trie.empty(() => undefined).update([1, 2, 3].map((n) => ({ key: secure(n), value: bytes(n) })));
    expect(trie.root).not.toBe(EMPTY_ROOT);
    trie.collapse(0);
    expect(trie.get(secure(2))).toEqual(Buffer.from([2]));
  });

  it('says when a node is missing or damaged', () => {
    const root = toHex(secure(1));
    const lost = Trie.open(root, () => undefined);
    expect(() => lost.get(secure(1))).toThrow(expect.objectContaining({ code: 'STATE_PRUNED' }));
    expect(() => lost.update([{ key: secure(1), value: bytes(1) }])).toThrow(
      expect.objectContaining({ code: 'STATE_PRUNED' }),
    );
    const damaged = Trie.open(root, () => bytes(0xc1, 0x80));
    expect(() => damaged.get(secure(1))).toThrow(expect.objectContaining({ code: 'STATE_DAMAGED' }));
  });

  it('refuses keys of which one starts another, and empty values', () => {
    const trie = Trie.empty(() => undefined).update([{ key: bytes(1, 2), value: bytes(1) }]);
    expect(() => trie.update([{ key: bytes(1), value: bytes(1) }])).toThrow(/prefix/);
    expect(() => trie.update([{ key: bytes(1, 2, 3), value: bytes(1) }])).toThrow(/prefix/);
    expect(() => trie.update([{ key: bytes(9), value: bytes() }])).toThrow(/empty/);
  });
});

function valueOf(content: ReadonlyMap<string, TrieEntry>, key: Bytes): Bytes | undefined {
  const value = content.get(toHex(key))?.value;
  return value === undefined || value === null ? undefined : Buffer.from(value);
}
