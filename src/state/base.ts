import { keccak256 } from '../crypto/keccak.ts';
import type { BatchOp } from '../ports/kv.ts';
import type { StateChanges, StateStore } from '../ports/state.ts';
import { EMPTY_ROOT } from '../types/account.ts';
import { ZERO_HASH, type Address, type Hash } from '../types/primitives.ts';
import { assert } from '../util/assert.ts';
import { ParleyError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import { StateLayer } from './layer.ts';
import { emptyMaps, type LayerMaps, mergeOlder } from './layer-maps.ts';
import { NodeCollector } from './node-collector.ts';

/** Nodes of the state trie that stay in memory after it is trimmed; about 300 bytes each. */
export const STATE_TRIE_NODES_MAX = 131_072;
/** The state trie is trimmed when so many accounts have been written since the last time; each adds a few nodes. */
export const STATE_TRIE_TRIM_ACCOUNTS = 32_768;
/** The same for each open storage trie, trimmed whenever it changes. */
export const STORAGE_TRIE_NODES_MAX = 512;

/** Default to the limits above. */
export type StateBaseOptions = { readonly trieNodesMax?: number; readonly trimAccounts?: number };

/** One step of finality, prepared. */
export type Finalization = {
  /** For the batch that moves the finalized pointer. */
  readonly ops: readonly BatchOp[];
  /** To be called once, when that batch is durable. */
  commit(): void;
};

/**
 * Owns the finalized end of the layers: which layer the store holds, and the step to the next one.
 *
 * `prepareFinalize`, then write the batch, then `commit`. Reads are right at every moment of it, on all layers (see
 * layer.ts). A batch that failed: prepare again. Afterwards the layers below and beside are dead; what still refers to one
 * may go on reading it.
 */
export class StateBase {
  #finalized: StateLayer;
  readonly #store: StateStore;
  readonly #trieNodesMax: number;
  readonly #trimAccounts: number;
  #accountsSinceTrim = 0;

  /** `root`: of the last finalized block in the store; EMPTY_ROOT before genesis. */
  constructor(store: StateStore, root: Hash = EMPTY_ROOT, options: StateBaseOptions = {}) {
    this.#store = store;
    this.#finalized = StateLayer.base(store, root);
    this.#trieNodesMax = options.trieNodesMax ?? STATE_TRIE_NODES_MAX;
    this.#trimAccounts = options.trimAccounts ?? STATE_TRIE_TRIM_ACCOUNTS;
  }

  get finalized(): StateLayer {
    return this.#finalized;
  }

  /**
   * Changes that turn the store from the finalized layer to `layer`. Throws ParleyError STATE_NOT_DESCENDANT when `layer`
   * does not stand on the finalized one.
   */
  prepareFinalize(layer: StateLayer): Finalization {
    const base = this.#finalized;
    const path = this.#pathTo(layer);
    const merged = emptyMaps();
    for (const step of path) mergeOlder(merged, step.own as LayerMaps);
    const collector = new NodeCollector();
    for (const step of path) {
      collector.add(step.accountTrie());
      for (const trie of step.own?.tries.values() ?? []) collector.add(trie);
    }
    const changes: StateChanges = {
      accounts: merged.accounts,
      storage: this.#storageChanges(merged),
      codes: merged.codes,
      nodes: collector.nodes,
    };
    const ops = this.#store.ops(changes);
    layer.pin();
    const commit = (): void => {
      assert(this.#finalized === base && layer.isPin(), 'a finalization was committed twice or out of order');
      collector.markStored();
      this.#store.applied(changes);
      this.#rebase(layer, path, merged);
    };
    return { ops, commit };
  }

  /** Layers from `layer` down to the one above the finalized. */
  #pathTo(layer: StateLayer): StateLayer[] {
    const path: StateLayer[] = [];
    for (let step: StateLayer | null = layer; step !== this.#finalized; step = step.parent) {
      if (step === null) {
        throw new ParleyError('STATE_NOT_DESCENDANT', 'only a descendant of the finalized state can be finalized');
      }
      path.push(step);
    }
    return path;
  }

  /** By hashed slot. A cleared storage loses every word that its finalized trie holds. */
  #storageChanges(merged: LayerMaps): Map<Address, Map<Hash, Hash>> {
    const changes = new Map<Address, Map<Hash, Hash>>();
    for (const address of merged.cleared) {
      const words = new Map<Hash, Hash>();
      for (const key of this.#finalized.storageTrie(address).keys()) words.set(toHex(key), ZERO_HASH);
      changes.set(address, words);
    }
    for (const [address, slots] of merged.storage) {
      const words = changes.get(address) ?? new Map<Hash, Hash>();
      for (const [slot, word] of slots) words.set(keccak256(fromHex(slot)), word);
      changes.set(address, words);
    }
    return changes;
  }

  #rebase(layer: StateLayer, path: readonly StateLayer[], merged: LayerMaps): void {
    const trie = layer.accountTrie();
    for (const [address, storageTrie] of merged.tries) {
      storageTrie.collapse(STORAGE_TRIE_NODES_MAX);
      layer.keepStorageTrie(address, storageTrie);
    }
    const before = this.#finalized;
    layer.settle();
    this.#finalized = layer;
    for (const step of [...path, before]) if (step !== layer) step.retire();
    this.#accountsSinceTrim += merged.accounts.size;
    if (this.#accountsSinceTrim < this.#trimAccounts) return;
    this.#accountsSinceTrim = 0;
    trie.collapse(this.#trieNodesMax);
  }
}
