import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { RLP } from '@ethereumjs/rlp';
import { describe, expect, it } from 'vitest';
import { keccak256Bytes } from '../../../src/crypto/keccak.ts';
import { ArchiveReader } from '../../../src/state/archive-reader.ts';
import { StateBase } from '../../../src/state/base.ts';
import type { StateLayer } from '../../../src/state/layer.ts';
import { StateOverlay } from '../../../src/state/overlay.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, EMPTY_ROOT } from '../../../src/types/account.ts';
import { ZERO_HASH, type Hash } from '../../../src/types/primitives.ts';
import { fromHex, toHex } from '../../../src/util/hex.ts';
import { Rng } from '../../../src/util/rng.ts';
import { MemoryStore } from '../../../storage/memory.ts';
import { LevelStateStore } from '../../../storage/state-store.ts';
import {
  addressAt,
  codeHashOf,
  copyModel,
  type Model,
  read,
  readModel,
  SLOTS,
  slotAt,
  wordAt,
  write,
} from './state-model.ts';

const alice = addressAt(1);
const bob = addressAt(2);

async function rootOf(entries: Iterable<readonly [Uint8Array, Uint8Array]>): Promise<Uint8Array> {
  const trie = new MerklePatriciaTrie();
  for (const [key, value] of entries) await trie.put(keccak256Bytes(key), value);
  return trie.root();
}

/** By the oracle, from nothing. */
async function modelRoot(model: Model): Promise<Hash> {
  const entries: [Uint8Array, Uint8Array][] = [];
  for (const [address, account] of model) {
    const slots = [...account.slots].map(([slot, word]) => [fromHex(slot), RLP.encode(BigInt(word))] as const);
    const codeHash = account.code === '' ? EMPTY_CODE_HASH : codeHashOf(account.code);
    const fields = [account.nonce, account.balance, await rootOf(slots), fromHex(codeHash)];
    entries.push([fromHex(address), RLP.encode(fields)]);
  }
  return toHex(await rootOf(entries));
}

type Node = { readonly layer: StateLayer; readonly model: Model; readonly parent: Node | null };

function grow(rng: Rng, parent: Node, writes: number): Node {
  const overlay = new StateOverlay(parent.layer);
  const model = copyModel(parent.model);
  for (let i = 0; i < writes; i++) write(rng, overlay, model);
  return { layer: parent.layer.child(overlay.diff()), model, parent };
}

function isAbove(node: Node, base: Node): boolean {
  for (let step: Node | null = node; step !== null; step = step.parent) if (step === base) return true;
  return false;
}

function expectAll(nodes: readonly Node[]): void {
  for (const { layer, model } of nodes) expect(read(layer)).toEqual(readModel(model));
}

class CountingStore extends LevelStateStore {
  nodeReads = 0;
  override node(hash: Hash): Uint8Array | undefined {
    this.nodeReads++;
    return super.node(hash);
  }
}

/** A store whose batches land when told. */
class Landing {
  #waiting: (() => void)[] = [];
  readonly kv = new MemoryStore({ latency: (done) => this.#waiting.push(done) });
  land(): void {
    for (const done of this.#waiting.splice(0)) done();
  }
}

describe('StateBase and StateLayer', () => {
  it.each([1, 2, 3, 4])(
    'reads right on every layer, living or dead, through forks, reorgs and finality (seed %i)',
    async (seed) => {
      const rng = new Rng(seed);
      const disk = new Landing();
      // Small limits, so that every path to the store is taken.
      const store = new LevelStateStore(disk.kv, { accountCacheEntriesMax: 4 });
      const base = new StateBase(store, EMPTY_ROOT, { trieNodesMax: 5, trimAccounts: 1 });
      let finalized: Node = { layer: base.finalized, model: new Map(), parent: null };
      let nodes: Node[] = [finalized];
      const finalizedNodes: Node[] = [];
      for (let round = 0; round < 50; round++) {
        const living = nodes.filter((node) => isAbove(node, finalized));
        const fresh = grow(rng, rng.pick(living.slice(-4)), rng.between(0, 12));
        nodes.push(fresh);
        expect(read(fresh.layer)).toEqual(readModel(fresh.model));
        for (const { layer, model } of rng.chance(0.5) ? [fresh] : []) expect(layer.root).toBe(await modelRoot(model));
        if (!rng.chance(0.3)) continue;
        const target = rng.pick([...living, fresh]);
        const { ops, commit } = base.prepareFinalize(target.layer);
        expectAll(nodes);
        const written = disk.kv.batch(ops, { sync: true });
        nodes.push(grow(rng, rng.pick(living), 5));
        expectAll(nodes);
        disk.land();
        await written;
        nodes.push(grow(rng, rng.pick(living), 5));
        expectAll(nodes);
        commit();
        expectAll(nodes);
        for (let step: Node = target; step !== finalized; step = step.parent as Node) finalizedNodes.push(step);
        finalized = target;
        expect(base.finalized).toBe(target.layer);
        expectAll([grow(rng, target, 10)]);
        nodes = nodes.slice(-25);
        if (!nodes.includes(finalized)) nodes.unshift(finalized);
      }
      expect(finalizedNodes.length).toBeGreaterThan(10);
      // What the store holds, read by a node that starts now, and every state that was ever final.
      const reopened = new StateBase(new LevelStateStore(disk.kv), finalized.layer.root);
      expect(read(reopened.finalized)).toEqual(readModel(finalized.model));
      for (const { layer, model } of finalizedNodes) {
        expect(layer.root).toBe(await modelRoot(model));
        expect(read(new ArchiveReader(store, layer.root))).toEqual(readModel(model));
      }
      const next = grow(rng, { layer: reopened.finalized, model: finalized.model, parent: null }, 20);
      expect(next.layer.root).toBe(await modelRoot(next.model));
    },
  );

  it('stays right over hundreds of unfinalized layers, and after each cut of them', async () => {
    const rng = new Rng(9);
    const disk = new Landing();
    const base = new StateBase(new LevelStateStore(disk.kv));
    const chain: Node[] = [{ layer: base.finalized, model: new Map(), parent: null }];
    for (let i = 0; i < 620; i++) chain.push(grow(rng, chain.at(-1) as Node, rng.between(0, 2)));
    const at = (index: number): Node => chain[index] as Node;
    const probes = [1, 15, 16, 17, 31, 255, 256, 257, 300, 511, 512, 513, 600, 620].map(at);
    expectAll(probes);
    // Roots were never asked for: all are worked out now.
    expect(at(620).layer.root).toBe(await modelRoot(at(620).model));
    for (const cut of [5, 16, 270, 271, 512, 619]) {
      const { ops, commit } = base.prepareFinalize(at(cut).layer);
      const written = disk.kv.batch(ops, { sync: true });
      disk.land();
      await written;
      expectAll(probes);
      commit();
      expectAll(probes);
      expect(at(620).layer.root).toBe(await modelRoot(at(620).model));
    }
  });

  it('drops what it holds of layers that are final', () => {
    const base = new StateBase(new LevelStateStore(new MemoryStore()));
    const rng = new Rng(1);
    const a = grow(rng, { layer: base.finalized, model: new Map(), parent: null }, 10);
    const b = grow(rng, a, 10);
    const c = grow(rng, b, 10);
    base.prepareFinalize(b.layer).commit();
    expect([a, b].map(({ layer }) => [layer.own, layer.parent])).toEqual([
      [null, null],
      [null, null],
    ]);
    expect(c.layer.parent).toBe(b.layer);
    // The finalized layer keeps its trie, the others open theirs anew.
    expect(b.layer.accountTrie()).toBe(b.layer.accountTrie());
    expect(a.layer.accountTrie()).not.toBe(a.layer.accountTrie());
    base.prepareFinalize(c.layer).commit();
    expect(b.layer.accountTrie()).not.toBe(b.layer.accountTrie());
  });

  it('reads flat values, not the trie, on every layer above the finalized one', async () => {
    const kv = new MemoryStore();
    const store = new CountingStore(kv);
    const base = new StateBase(store);
    const rng = new Rng(5);
    const chain: Node[] = [{ layer: base.finalized, model: new Map(), parent: null }];
    for (let i = 0; i < 40; i++) chain.push(grow(rng, chain.at(-1) as Node, 1));
    const { ops, commit } = base.prepareFinalize((chain[20] as Node).layer);
    const above = chain.slice(20);
    store.nodeReads = 0;
    expectAll(above);
    await kv.batch(ops, { sync: true });
    commit();
    expectAll(above);
    expect(store.nodeReads).toBe(0);
    expectAll([chain[19] as Node]);
    expect(store.nodeReads).toBeGreaterThan(0);
  });

  it.each([
    { trieNodesMax: 1, trimAccounts: 1, loads: true },
    { trieNodesMax: 1, trimAccounts: 1000, loads: false },
    { trieNodesMax: 1000, trimAccounts: 1, loads: false },
  ])('keeps no more of the state trie in memory than its limits say: %o', async ({ loads, ...limits }) => {
    const kv = new MemoryStore();
    const store = new CountingStore(kv);
    const base = new StateBase(store, EMPTY_ROOT, limits);
    const grown = grow(new Rng(5), { layer: base.finalized, model: new Map(), parent: null }, 60);
    const { ops, commit } = base.prepareFinalize(grown.layer);
    await kv.batch(ops, { sync: true });
    commit();
    store.nodeReads = 0;
    const overlay = new StateOverlay(base.finalized);
    overlay.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: 99 });
    expect(base.finalized.child(overlay.diff()).root).not.toBe(base.finalized.root);
    expect(store.nodeReads > 0).toBe(loads);
  });

  it('drops the storage of a deleted account, whether the diff says so or not', async () => {
    const { finalized } = new StateBase(new LevelStateStore(new MemoryStore()));
    const overlay = new StateOverlay(finalized);
    overlay.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: 1 });
    overlay.setStorage(alice, slotAt(1), wordAt(1));
    const diff = { accounts: new Map([[alice, null]]), storage: new Map(), cleared: new Set<Hash>(), codes: new Map() };
    const deleted = finalized.child(overlay.diff()).child(diff);
    expect(deleted.storage(alice, slotAt(1))).toBe(ZERO_HASH);
    const again = new StateOverlay(deleted);
    again.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: 1 });
    again.setStorage(alice, slotAt(2), wordAt(2));
    const model: Model = new Map([
      [alice, { nonce: 1, balance: 0n, code: '', slots: new Map([[slotAt(2), wordAt(2)]]) }],
    ]);
    expect(deleted.child(again.diff()).root).toBe(await modelRoot(model));
  });

  it('writes every node once, and nothing for a step that changes nothing', async () => {
    const kv = new MemoryStore();
    const base = new StateBase(new LevelStateStore(kv));
    const grown = grow(new Rng(3), { layer: base.finalized, model: new Map(), parent: null }, 40);
    const first = base.prepareFinalize(grown.layer);
    await kv.batch(first.ops, { sync: true });
    first.commit();
    const overlay = new StateOverlay(base.finalized);
    expect(base.prepareFinalize(base.finalized.child(overlay.diff())).ops).toEqual([]);
  });

  it('can prepare again after a batch that failed', async () => {
    const kv = new MemoryStore();
    const base = new StateBase(new LevelStateStore(kv));
    const grown = grow(new Rng(3), { layer: base.finalized, model: new Map(), parent: null }, 40);
    const failed = base.prepareFinalize(grown.layer);
    const again = base.prepareFinalize(grown.layer);
    expect(again.ops).toEqual(failed.ops);
    await kv.batch(again.ops, { sync: true });
    again.commit();
    expect(() => failed.commit()).toThrow(/twice/);
    expect(read(base.finalized)).toEqual(readModel(grown.model));
  });

  it('refuses to finalize sideways or back', async () => {
    const kv = new MemoryStore();
    const base = new StateBase(new LevelStateStore(kv));
    const rng = new Rng(3);
    const genesis: Node = { layer: base.finalized, model: new Map(), parent: null };
    const [a, b] = [grow(rng, genesis, 5), grow(rng, genesis, 5)];
    base.prepareFinalize(a.layer).commit();
    for (const layer of [b.layer, genesis.layer]) {
      expect(() => base.prepareFinalize(layer)).toThrow(expect.objectContaining({ code: 'STATE_NOT_DESCENDANT' }));
    }
  });

  it('removes the stored words of a cleared storage', async () => {
    const kv = new MemoryStore();
    const store = new LevelStateStore(kv);
    const base = new StateBase(store);
    const finalize = async (edit: (overlay: StateOverlay) => void): Promise<void> => {
      const overlay = new StateOverlay(base.finalized);
      edit(overlay);
      const { ops, commit } = base.prepareFinalize(base.finalized.child(overlay.diff()));
      await kv.batch(ops, { sync: true });
      commit();
    };
    const slotHash = (slot: Hash): Hash => toHex(keccak256Bytes(fromHex(slot)));
    await finalize((overlay) => {
      overlay.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: 1 });
      for (const slot of SLOTS) overlay.setStorage(alice, slot, wordAt(7));
    });
    expect(store.storage(alice, slotHash(slotAt(2)))).toBe(wordAt(7));
    await finalize((overlay) => {
      overlay.deleteAccount(alice);
      overlay.setAccount(alice, { ...EMPTY_ACCOUNT, nonce: 2 });
      overlay.setStorage(alice, slotAt(2), wordAt(8));
    });
    expect(SLOTS.map((slot) => store.storage(alice, slotHash(slot)))).toEqual(
      SLOTS.map((slot) => (slot === slotAt(2) ? wordAt(8) : ZERO_HASH)),
    );
    await finalize((overlay) => overlay.deleteAccount(alice));
    expect(store.account(alice)).toBeUndefined();
    expect(store.storage(alice, slotHash(slotAt(2)))).toBe(ZERO_HASH);
    expect(base.finalized.root).toBe(EMPTY_ROOT);
  });

  it('makes an account for storage that has none, and none for a storage that is only cleared', async () => {
    const { finalized } = new StateBase(new LevelStateStore(new MemoryStore()));
    const overlay = new StateOverlay(finalized);
    overlay.setStorage(alice, slotAt(1), wordAt(1));
    overlay.clearStorage(bob);
    const layer = finalized.child(overlay.diff());
    expect(layer.account(alice)).toMatchObject({ nonce: 0, balance: 0n, codeHash: EMPTY_CODE_HASH });
    expect(layer.storage(alice, slotAt(1))).toBe(wordAt(1));
    expect(layer.account(bob)).toBeUndefined();
    const model: Model = new Map([
      [alice, { nonce: 0, balance: 0n, code: '', slots: new Map([[slotAt(1), wordAt(1)]]) }],
    ]);
    expect(layer.root).toBe(await modelRoot(model));
  });

  it('says that a state it does not have is pruned', () => {
    const store = new LevelStateStore(new MemoryStore());
    const reader = new ArchiveReader(store, wordAt(1));
    for (const call of [() => reader.account(alice), () => reader.storage(alice, slotAt(1))]) {
      expect(call).toThrow(expect.objectContaining({ code: 'STATE_PRUNED' }));
    }
    const empty = new ArchiveReader(store, EMPTY_ROOT);
    expect(empty.account(alice)).toBeUndefined();
    expect(empty.storage(alice, slotAt(1))).toBe(ZERO_HASH);
    expect(empty.code(EMPTY_CODE_HASH)).toEqual(new Uint8Array(0));
  });
});
