/**
 * Unfinalized state: each block is an immutable layer of differences over its parent's, down to the finalized layer, which
 * holds none and stands on the store's flat values.
 *
 * Reading walks from the newest layer down. So that a long row of unfinalized layers stays fast, every 16th layer also
 * carries the merged differences of the 16 up to it, and every 256th those of 256, with a pointer to the layer below the
 * merged ones: 1,000 layers cost at most 3 + 15 + 15 look-ups instead of 1,000.
 *
 * The flat values are those of the finalized block, and change under our feet when the next one is written. They are
 * right only for the layer being finalized and its descendants: whatever the batch changes, those find in a layer, before
 * and after. The `pin` of the ground names that layer. All other layers (forks that lost, older finalized blocks, a call
 * that still runs on one of them) end their walk at a finalized layer and read the rest from the trie at its root, which
 * is stored for ever. Slower, and never wrong.
 */
import { encodeAccount } from '../codec/account.ts';
import { keccak256 } from '../crypto/keccak.ts';
import type { StateDiff, StateReader, StateStore } from '../ports/state.ts';
import { EMPTY_ACCOUNT, EMPTY_CODE_HASH, EMPTY_ROOT, type Account } from '../types/account.ts';
import { ZERO_HASH, type Address, type Bytes, type Hash } from '../types/primitives.ts';
import { fromHex } from '../util/hex.ts';
import { Lru } from '../util/lru.ts';
import { ArchiveReader } from './archive-reader.ts';
import { emptyMaps, type LayerMaps, mergeOlder } from './layer-maps.ts';
import { encodeWord, secureKey } from './secure.ts';
import { type NodeResolver, Trie, type TrieEntry } from './trie.ts';

/** Numbers of layers whose differences are merged, larger first. Each is a multiple of the next. */
const MERGE_SPANS = [256, 16];
/** Storage tries of finalized accounts kept open for the blocks to come. */
export const STORAGE_TRIES_MAX = 64;

/** What all layers over one store share. */
type Ground = {
  readonly store: StateStore;
  readonly flat: StateReader;
  readonly resolve: NodeResolver;
  readonly storageTries: Lru<Address, Trie>;
  /** The flat values may be read by this layer and those that descend from it. */
  pin: StateLayer | null;
  /** Goes up when `pin` moves. */
  pins: number;
};

export class StateLayer implements StateReader {
  /** Layers since the first one of this ground. */
  readonly index: number;
  readonly #ground: Ground;
  #parent: StateLayer | null;
  /** What this layer changed; null once that is finalized. */
  #own: LayerMaps | null;
  /** What reading looks into: `#own`, or merged differences. Then it goes on at `#next`. */
  #view: LayerMaps | null;
  #next: StateLayer | null;
  #trie: Trie | null;
  #root: Hash | null;
  /** Whether this layer descends from the pin, and which pin that was about. */
  #onPin = false;
  #onPinOf = -1;

  private constructor(ground: Ground, parent: StateLayer | null, own: LayerMaps | null, root: Hash | null) {
    this.#ground = ground;
    this.index = parent === null ? 0 : parent.index + 1;
    this.#parent = parent;
    this.#own = own;
    this.#view = own;
    this.#next = parent;
    this.#root = root;
    this.#trie = root === null ? null : Trie.open(root, ground.resolve);
    const span = MERGE_SPANS.find((layers) => this.index % layers === 0);
    if (own !== null && span !== undefined) this.#merge(own, span);
  }

  /** The finalized layer of a store whose flat values are those of `root`. */
  static base(store: StateStore, root: Hash): StateLayer {
    const resolve: NodeResolver = (hash) => store.node(hash);
    const storageTries = new Lru<Address, Trie>(STORAGE_TRIES_MAX);
    const ground: Ground = { store, flat: flatReader(store), resolve, storageTries, pin: null, pins: 0 };
    const layer = new StateLayer(ground, null, null, root);
    layer.pin();
    return layer;
  }

  /** The state root. Worked out when first asked for. */
  get root(): Hash {
    this.#root ??= this.accountTrie().root;
    return this.#root;
  }

  account(address: Address): Account | undefined {
    const found = StateLayer.#seek(this, (maps) => maps.accounts.get(address));
    return found === undefined ? this.#beneath().account(address) : (found ?? undefined);
  }

  storage(address: Address, slot: Hash): Hash {
    const found = StateLayer.#seek(this, (maps) => {
      const word = maps.storage.get(address)?.get(slot);
      return word === undefined && maps.cleared.has(address) ? ZERO_HASH : word;
    });
    return found ?? this.#beneath().storage(address, slot);
  }

  code(codeHash: Hash): Bytes | undefined {
    if (codeHash === EMPTY_CODE_HASH) return new Uint8Array(0);
    return StateLayer.#seek(this, (maps) => maps.codes.get(codeHash)) ?? this.#ground.store.code(codeHash);
  }

  /**
   * The state after `diff`. Storage tries are updated now, the state trie when `root` is asked for. Storage without an
   * account makes an empty account; storage of a deleted account is ignored.
   */
  child(diff: StateDiff): StateLayer {
    const maps = emptyMaps();
    for (const [codeHash, code] of diff.codes) maps.codes.set(codeHash, code);
    for (const address of diff.cleared) maps.cleared.add(address);
    for (const [address, account] of diff.accounts) {
      maps.accounts.set(address, account);
      if (account === null) maps.cleared.add(address);
    }
    for (const address of new Set([...maps.cleared, ...diff.storage.keys()])) {
      this.#childStorage(maps, address, diff.storage.get(address));
    }
    return new StateLayer(this.#ground, this, maps, null);
  }

  accountTrie(): Trie {
    const behind = StateLayer.#withoutTrie(this);
    const oldest = behind.at(-1);
    let trie = (oldest === undefined ? this : (oldest.#parent as StateLayer)).#knownTrie();
    for (const layer of behind.reverse()) {
      trie = trie.update(accountEntries(layer.#own as LayerMaps));
      layer.#trie = trie;
    }
    return trie;
  }

  storageTrie(address: Address): Trie {
    const found = StateLayer.#seek(this, (maps) => maps.tries.get(address));
    if (found !== undefined) return found;
    const root = this.account(address)?.storageRoot ?? EMPTY_ROOT;
    const open = this.#ground.storageTries.get(address);
    return open?.root === root ? open : Trie.open(root, this.#ground.resolve);
  }

  // The rest is for StateBase.

  get parent(): StateLayer | null {
    return this.#parent;
  }

  /** null: finalized. */
  get own(): LayerMaps | null {
    return this.#own;
  }

  /** Flat values are for this layer and its descendants from now on. */
  pin(): void {
    this.#ground.pin = this;
    this.#ground.pins++;
  }

  isPin(): boolean {
    return this.#ground.pin === this;
  }

  /** Its changes are in the store: memory lets go of them, and of everything below. */
  settle(): void {
    this.#trie = this.accountTrie();
    this.#root = this.#trie.root;
    this.#parent = null;
    this.#own = null;
    this.#view = null;
    this.#next = null;
  }

  /** Settled, and no longer the finalized layer: the trie goes too. */
  retire(): void {
    this.settle();
    this.#trie = null;
  }

  /** Keeps a finalized storage trie open. */
  keepStorageTrie(address: Address, trie: Trie): void {
    this.#ground.storageTries.set(address, trie);
  }

  #childStorage(maps: LayerMaps, address: Address, written: ReadonlyMap<Hash, Hash> | undefined): void {
    const account = maps.accounts.get(address);
    const words = account === null ? undefined : written;
    const before = maps.cleared.has(address) ? Trie.empty(this.#ground.resolve) : this.storageTrie(address);
    const trie = words === undefined ? before : before.update(wordEntries(words));
    maps.tries.set(address, trie);
    if (words !== undefined) maps.storage.set(address, words);
    if (account === null) return;
    const known = account ?? this.account(address);
    if (known === undefined && trie.root === EMPTY_ROOT) return;
    maps.accounts.set(address, { ...(known ?? EMPTY_ACCOUNT), storageRoot: trie.root });
  }

  #merge(own: LayerMaps, span: number): void {
    const merged = emptyMaps();
    mergeOlder(merged, own);
    let layer = this.#parent as StateLayer;
    while (layer.#view !== null && layer.index > this.index - span) {
      mergeOlder(merged, layer.#view);
      layer = layer.#next as StateLayer;
    }
    this.#view = merged;
    this.#next = layer;
  }

  /** Of a layer that was asked before, or is finalized. */
  #knownTrie(): Trie {
    return this.#trie ?? Trie.open(this.root, this.#ground.resolve);
  }

  /** The finalized state under the layers. */
  #beneath(): StateReader {
    if (this.#onPinOf !== this.#ground.pins) {
      this.#onPin = StateLayer.#descends(this, this.#ground.pin as StateLayer);
      this.#onPinOf = this.#ground.pins;
    }
    if (this.#onPin) return this.#ground.flat;
    return new ArchiveReader(this.#ground.store, StateLayer.#bottomOf(this).root);
  }

  /** The first answer on the way down. */
  static #seek<T>(from: StateLayer, pick: (maps: LayerMaps) => T | undefined): T | undefined {
    let layer = from;
    for (let view = layer.#view; view !== null; view = layer.#view) {
      const found = pick(view);
      if (found !== undefined) return found;
      layer = layer.#next as StateLayer;
    }
    return undefined;
  }

  /** Where the way down ends: a finalized layer. */
  static #bottomOf(from: StateLayer): StateLayer {
    let layer = from;
    while (layer.#view !== null) layer = layer.#next as StateLayer;
    return layer;
  }

  static #descends(from: StateLayer, ancestor: StateLayer): boolean {
    let layer: StateLayer | null = from;
    while (layer !== null && layer.index > ancestor.index) {
      layer = layer.#next !== null && layer.#next.index >= ancestor.index ? layer.#next : layer.#parent;
    }
    return layer === ancestor;
  }

  /** The layer and those under it whose state trie was not asked for yet, newest first. */
  static #withoutTrie(from: StateLayer): StateLayer[] {
    const behind: StateLayer[] = [];
    let layer = from;
    while (layer.#trie === null && layer.#own !== null) {
      behind.push(layer);
      layer = layer.#parent as StateLayer;
    }
    return behind;
  }
}

/** The flat values of a store, by slot instead of slot hash. */
function flatReader(store: StateStore): StateReader {
  return {
    account: (address) => store.account(address),
    storage: (address, slot) => store.storage(address, keccak256(fromHex(slot))),
    code: (codeHash) => store.code(codeHash),
  };
}

function* accountEntries(maps: LayerMaps): Generator<TrieEntry> {
  for (const [address, account] of maps.accounts) {
    yield { key: secureKey(address), value: account === null ? null : encodeAccount(account) };
  }
}

function* wordEntries(words: ReadonlyMap<Hash, Hash>): Generator<TrieEntry> {
  for (const [slot, word] of words) yield { key: secureKey(slot), value: encodeWord(word) };
}
