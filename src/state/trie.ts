import { EMPTY_ROOT } from '../types/account.ts';
import type { Bytes, Hash } from '../types/primitives.ts';
import { assert } from '../util/assert.ts';
import { errorText, ParleyError } from '../util/errors.ts';
import { fromHex, toHex } from '../util/hex.ts';
import { keccak256 } from '../crypto/keccak.ts';
import {
  bytesOfText,
  decodeNode,
  encodeNode,
  HASH_SIZE_BYTES,
  refOf,
  textOfBytes,
  type TrieChild,
  type TrieNode,
} from './trie-node.ts';
import { type TrieChange, updateNode } from './trie-update.ts';

/** null deletes. */
export type TrieEntry = { readonly key: Bytes; readonly value: Bytes | null };
/** Gives a node's RLP; undefined where it is not stored. */
export type NodeResolver = (hash: Hash) => Bytes | undefined;

export const TRIE_KEY_SIZE_BYTES_MAX = 32;

/**
 * An immutable Merkle-Patricia trie. `update` gives a new one that shares whatever did not change. Nodes that are not in
 * memory are loaded through the resolver, and kept only where an update copies them: reading and proving leave a trie as
 * large as it was.
 *
 * Keys: at most TRIE_KEY_SIZE_BYTES_MAX bytes, none a prefix of another. Values: not empty. Every method that follows the trie throws
 * ParleyError STATE_PRUNED when a node is not stored, STATE_DAMAGED when what is stored is no node.
 */
export class Trie {
  readonly #node: TrieChild;
  readonly #resolve: NodeResolver;
  #root: Hash | null = null;

  private constructor(node: TrieChild, resolve: NodeResolver) {
    this.#node = node;
    this.#resolve = resolve;
  }

  static empty(resolve: NodeResolver): Trie {
    return new Trie(null, resolve);
  }

  /** The trie with this root; nothing is loaded yet. */
  static open(root: Hash, resolve: NodeResolver): Trie {
    return new Trie(root === EMPTY_ROOT ? null : textOfBytes(fromHex(root)), resolve);
  }

  /** The root node, or its hash; for NodeCollector. */
  get node(): TrieChild {
    return this.#node;
  }

  /** Hashes what was not hashed yet. */
  get root(): Hash {
    this.#root ??= rootOf(this.#node);
    return this.#root;
  }

  get(key: Bytes): Bytes | undefined {
    const path = digitsOf(key);
    let depth = 0;
    let child = this.#node;
    while (child !== null) {
      const node = this.#load(child);
      if (node.kind === 'leaf') return node.path === path.slice(depth) ? bytesOfText(node.value) : undefined;
      if (node.kind === 'extension') {
        if (!path.startsWith(node.path, depth)) return undefined;
        depth += node.path.length;
        child = node.child;
      } else {
        child = node.children[parseInt(path[depth] ?? '', 16)] ?? null;
        depth++;
      }
    }
    return undefined;
  }

  /** Entries in any order; the last of those with one key counts. */
  update(entries: Iterable<TrieEntry>): Trie {
    const changes: TrieChange[] = [];
    for (const { key, value } of entries) {
      assert(key.length <= TRIE_KEY_SIZE_BYTES_MAX && value?.length !== 0, 'a trie key is too long or a value empty');
      changes.push({ key: digitsOf(key), value: value === null ? null : textOfBytes(value) });
    }
    // The sort is stable.
    changes.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    const unique = changes.filter((change, index) => change.key !== changes[index + 1]?.key);
    const node = updateNode(this.#node, unique, (hash) => this.#load(hash));
    return node === this.#node ? this : new Trie(node, this.#resolve);
  }

  /** RLP of the nodes from the root towards the key, those inside others left out; they prove its value or its absence. */
  prove(key: Bytes): Bytes[] {
    const path = digitsOf(key);
    const proof: Bytes[] = [];
    let depth = 0;
    let child = this.#node;
    while (child !== null) {
      const node = this.#load(child);
      if (child === this.#node || refOf(node).length === HASH_SIZE_BYTES) proof.push(encodeNode(node));
      if (node.kind === 'leaf') break;
      if (node.kind === 'extension') {
        if (!path.startsWith(node.path, depth)) break;
        depth += node.path.length;
        child = node.child;
      } else {
        child = node.children[parseInt(path[depth] ?? '', 16)] ?? null;
        depth++;
      }
    }
    return proof;
  }

  /** Every key, in order. */
  *keys(): Generator<Bytes> {
    const open: { readonly path: string; readonly child: TrieChild }[] = [{ path: '', child: this.#node }];
    for (let top = open.pop(); top !== undefined; top = open.pop()) {
      if (top.child === null) continue;
      const node = this.#load(top.child);
      if (node.kind === 'leaf') {
        yield Buffer.from(top.path + node.path, 'hex');
      } else if (node.kind === 'extension') {
        open.push({ path: top.path + node.path, child: node.child });
      } else {
        for (let i = node.children.length - 1; i >= 0; i--) {
          open.push({ path: top.path + i.toString(16), child: node.children[i] ?? null });
        }
      }
    }
  }

  /**
   * Frees memory: keeps the levels next to the root that together have at most `nodesMax` nodes, and replaces stored nodes
   * below them by their hashes. Tries that share nodes with this one shrink too, and mean the same as before.
   */
  collapse(nodesMax: number): void {
    let level = this.#node === null || typeof this.#node === 'string' ? [] : [this.#node];
    let count = level.length;
    while (level.length > 0) {
      const next: TrieNode[] = [];
      for (const node of level) pushNodesBelow(node, next);
      count += next.length;
      if (count > nodesMax) {
        for (const node of level) dropStoredChildren(node);
        return;
      }
      level = next;
    }
  }

  #load(child: TrieNode | string): TrieNode {
    if (typeof child !== 'string') return child;
    const hash = toHex(bytesOfText(child));
    const rlp = this.#resolve(hash);
    if (rlp === undefined)
      throw new ParleyError('STATE_PRUNED', `trie node ${hash} is not stored: this state is not kept`);
    try {
      const node = decodeNode(rlp, child);
      node.stored = true;
      return node;
    } catch (error) {
      throw new ParleyError('STATE_DAMAGED', `trie node ${hash} is damaged: ${errorText(error)}`, {}, { cause: error });
    }
  }
}

const keyScratch = Buffer.allocUnsafe(TRIE_KEY_SIZE_BYTES_MAX);

/** Hex digits of a key. */
function digitsOf(key: Bytes): string {
  if (key.length > TRIE_KEY_SIZE_BYTES_MAX) return toHex(key).slice(2);
  keyScratch.set(key);
  return keyScratch.toString('hex', 0, key.length);
}

function rootOf(node: TrieChild): Hash {
  if (node === null) return EMPTY_ROOT;
  const ref = typeof node === 'string' ? node : refOf(node);
  const bytes = bytesOfText(ref);
  return ref.length === HASH_SIZE_BYTES ? toHex(bytes) : keccak256(bytes);
}

function pushNodesBelow(node: TrieNode, into: TrieNode[]): void {
  if (node.kind === 'leaf') return;
  if (node.kind === 'extension') {
    if (typeof node.child !== 'string') into.push(node.child);
    return;
  }
  for (const child of node.children) if (child !== null && typeof child !== 'string') into.push(child);
}

function dropStoredChildren(node: TrieNode): void {
  if (node.kind === 'leaf') return;
  if (node.kind === 'extension') {
    node.child = hashIfStored(node.child) as TrieNode | string;
    return;
  }
  for (let i = 0; i < node.children.length; i++) node.children[i] = hashIfStored(node.children[i] ?? null);
}

function hashIfStored(child: TrieChild): TrieChild {
  return child !== null && typeof child !== 'string' && child.stored && child.ref?.length === HASH_SIZE_BYTES
    ? child.ref
    : child;
}
